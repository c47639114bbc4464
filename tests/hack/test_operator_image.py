"""The image's build, as far as it goes without building one: what is pruned, what is kept, what names the image."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from hack.cluster.packages import ListsWereOld, download, with_fresh_lists
from hack.images import tree_as_it_is
from hack.operator_image import builder, debian, install

OPERATOR = builder.REPO / "operator" / "leakwarden"


def test_links_in_a_root_directory_stay_links(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir(mode=0o755)
    (tmp_path / "usr" / "python3.11").write_bytes(b"\x7fELF")
    (tmp_path / "usr" / "python3.11").chmod(0o755)
    (tmp_path / "usr" / "python3").symlink_to("python3.11")
    (tmp_path / "lib").symlink_to("usr")
    files, links, directories = tree_as_it_is(tmp_path)
    assert files == {"/usr/python3.11": (tmp_path / "usr" / "python3.11", 0o755)}
    assert links == {"/usr/python3": "python3.11", "/lib": "usr"}
    assert directories == {"/usr": 0o755}


def test_the_operator_imports_of_the_kubernetes_client_only_what_the_image_keeps() -> None:
    """Its generated classes are pruned to what these imports load, and Python would find out late."""
    imported = set()
    for path in OPERATOR.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    of_client = {name for name in imported if name.split(".")[0] == "kubernetes"}
    assert of_client == {"kubernetes.aio.config", "kubernetes.aio.client.Configuration"}


def test_generated_classes_that_no_import_loads_are_told_from_the_rest(tmp_path: Path) -> None:
    models = tmp_path / "kubernetes" / "aio" / "client" / "models"
    models.mkdir(parents=True)
    for name in ("__init__.py", "v1_pod.py"):
        (models / name).touch()
    (tmp_path / "kubernetes" / "aio" / "client" / "configuration.py").touch()
    assert list(install.generated(tmp_path)) == [models / "v1_pod.py"]


def test_what_the_dockerfile_copies_is_what_names_the_image() -> None:
    """A source that the digest forgets would leave a stale image under its name."""
    copied = set()
    for line in (builder.REPO / "operator" / "Dockerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and "--from=build" not in words:
            copied |= set(words[1:-1])
    covered = {*builder.SOURCES, "operator", "hack/operator_image/install.py"}
    assert copied <= covered


def test_every_locked_version_is_exact() -> None:
    lock = (builder.REPO / "requirements.lock").read_text().split()
    assert [line for line in lock if "==" not in line] == []


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("zlib1g:\n  Installed: 1\n  Candidate: 1:1.2\n  Version table:\n", {"zlib1g": "1:1.2"}),
        ("libnope:\n  Installed: (none)\n  Candidate: (none)\n", {}),
        ("a:\n  Installed: (none)\n  Candidate: 2\nb:\n  Installed: 3\n  Candidate: 4\n", {"a": "2", "b": "4"}),
        ("", {}),
    ],
)
def test_apts_candidates_are_read(shown: str, found: dict[str, str]) -> None:
    assert debian.candidates_in(shown) == found


def test_what_a_killed_build_left_is_swept_and_results_stay(tmp_path: Path) -> None:
    (tmp_path / ".building-x" / "root").mkdir(parents=True)
    (tmp_path / ".base-y").mkdir()
    for name in (".lock", ".python-1.tar.77.layer", "python-1.tar", "operator-1.tar"):
        (tmp_path / name).touch()
    builder.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "python-1.tar", "operator-1.tar"}


def test_only_the_archives_used_last_are_kept(tmp_path: Path) -> None:
    for age in range(builder.KEPT + 2):
        path = tmp_path / f"operator-{age}.tar"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    builder.forget_old(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"operator-{age}.tar" for age in range(builder.KEPT)}


APT = """#!/bin/sh
echo "$*" >> {folder}/asked
case "$*" in
*update) touch {folder}/fresh ;;
*download*) [ -e {folder}/fresh ] || {{ echo "E: 404  Not Found" >&2; exit 100; }}; touch tzdata_2_all.deb ;;
esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get whose lists are old until it is told to update; it writes what it was asked into `asked`."""
    program = tmp_path / "apt-get"
    program.write_text(APT.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_lists_that_are_old_are_brought_up_to_date_and_said_to_have_been_old(apt: Path, tmp_path: Path) -> None:
    into = tmp_path / "debs"
    into.mkdir()
    with pytest.raises(ListsWereOld, match="tzdata=1: E: 404"):
        download(["tzdata=1"], into)
    assert [deb.name for deb in download(["tzdata=2"], into)] == ["tzdata_2_all.deb"]
    assert [line.rsplit(" ", 1)[-1] for line in (apt / "asked").read_text().splitlines()] == [
        "tzdata=1", "update", "tzdata=2",
    ]  # fmt: skip


def test_a_base_of_old_versions_is_made_of_the_new_ones(tmp_path: Path) -> None:
    asked: list[str] = []

    def made(package: str) -> str:
        asked.append(package)
        if package == "tzdata=1":
            raise ListsWereOld("404")
        return f"base of {package}"

    versions = iter(["tzdata=1", "tzdata=2"])
    assert with_fresh_lists(lambda: made(next(versions))) == "base of tzdata=2"
    assert asked == ["tzdata=1", "tzdata=2"]
