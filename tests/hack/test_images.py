"""Image files made without a builder: their layout, and that the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from hack.images import Content, ImageConfig, docker_archive, tree

NAME = "leakwarden.local/thing:1"


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(name)
        assert stream is not None
        return stream.read()


def test_the_manifest_names_the_config_and_the_layer_by_their_digests(tmp_path: Path) -> None:
    out = tmp_path / "thing.tar"
    image_id = docker_archive(out, NAME, {"/bin/thing": (b"\x7fELF", 0o755)}, ImageConfig(entrypoint=("/bin/thing",)))
    [entry] = json.loads(_member(out, "manifest.json"))
    assert entry["RepoTags"] == [NAME]
    config = _member(out, entry["Config"])
    assert image_id == "sha256:" + hashlib.sha256(config).hexdigest()
    layer = _member(out, entry["Layers"][0])
    assert json.loads(config)["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]


def test_entrypoint_environment_user_and_workdir_reach_the_config(tmp_path: Path) -> None:
    out = tmp_path / "thing.tar"
    config = ImageConfig(entrypoint=("/a",), cmd=("-x",), env={"HOME": "/work"}, user="1000:1000", workdir="/work")
    docker_archive(out, NAME, {"/a": (b"", 0o755)}, config)
    [entry] = json.loads(_member(out, "manifest.json"))
    written = json.loads(_member(out, entry["Config"]))["config"]
    assert (written["Entrypoint"], written["Cmd"]) == (["/a"], ["-x"])
    assert (written["User"], written["WorkingDir"]) == ("1000:1000", "/work")
    assert "HOME=/work" in written["Env"]
    assert any(line.startswith("PATH=") for line in written["Env"])


def test_the_same_input_gives_the_same_bytes_whatever_the_times_and_the_order(tmp_path: Path) -> None:
    source = tmp_path / "binary"
    source.write_bytes(b"x" * 10_000)
    files: dict[str, tuple[Content, int]] = {"/b": (source, 0o755), "/a/c": (b"text", 0o644)}
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    docker_archive(one, NAME, files, ImageConfig())
    source.touch()
    docker_archive(two, NAME, dict(reversed(files.items())), ImageConfig())
    assert one.read_bytes() == two.read_bytes()


def test_a_directory_tree_is_added_with_its_modes_and_every_parent_is_there(tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (source / "deep" / "run.sh").chmod(0o755)
    out = tmp_path / "thing.tar"
    docker_archive(out, NAME, tree(source, "/opt/app"), ImageConfig(), symlinks={"/bin/run": "/opt/app/deep/run.sh"})
    [entry] = json.loads(_member(out, "manifest.json"))
    layer = tmp_path / "layer.tar"
    layer.write_bytes(_member(out, entry["Layers"][0]))
    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar}
    assert {"opt", "opt/app", "opt/app/deep", "bin", "tmp"} <= {n for n, m in members.items() if m.isdir()}
    assert members["opt/app/deep/run.sh"].mode == 0o755
    assert members["bin/run"].linkname == "/opt/app/deep/run.sh"
    assert members["tmp"].mode == 0o1777


@pytest.mark.parametrize("path", ["relative", "/../up", "/"])
def test_a_path_outside_the_image_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        docker_archive(tmp_path / "x.tar", NAME, {path: (b"", 0o644)}, ImageConfig())
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tag"):
        docker_archive(tmp_path / "x.tar", "localhost:5000/thing", {}, ImageConfig())
