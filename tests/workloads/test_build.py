"""Building the workloads: what names an image, renaming the leaking function, and the Go modules' own tests."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from workloads.build import GOPLSDRIVER, LEAKSERVER, build, main
from workloads.gobuild import BuildError, build_binary, digest, renamed_copy
from workloads.goroot import imports_of, minimal_goroot


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEAKWARDEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _symbols(binary: Path) -> str:
    """The function names that profiles will show: those of the line table, which stripping leaves."""
    return binary.read_bytes().decode("latin-1")


@pytest.mark.parametrize("module", [LEAKSERVER, GOPLSDRIVER], ids=lambda path: path.name)
def test_the_go_module_passes_vet_and_its_own_tests(module: Path) -> None:
    for command in (["go", "vet", "./..."], ["go", "test", "./..."]):
        done = subprocess.run(command, cwd=module, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_image_is_built_once_and_has_one_program_that_runs_as_nobody(cache: Path) -> None:
    said: list[str] = []
    first = build(["leakserver"], say=said.append)["leakserver"]
    again = build(["leakserver"], say=said.append)["leakserver"]
    assert first == again
    assert said == [f"building {first.ref}"]
    assert first.tar.is_relative_to(cache)
    with tarfile.open(first.tar) as tar:
        [entry] = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(tar.extractfile(entry["Config"]))  # type: ignore[arg-type]
    assert entry["RepoTags"] == [first.ref]
    assert config["config"]["Entrypoint"] == ["/leakserver"]
    assert config["config"]["User"] == "65532:65532"


def test_the_leaking_function_gets_another_name_and_so_does_the_image(cache: Path) -> None:
    plain = build(["leakserver"], say=lambda _: None)["leakserver"]
    renamed = build(["leakserver"], rename={"parseAndKeep": "holdOnto"}, say=lambda _: None)["leakserver"]
    assert renamed.ref != plain.ref
    binaries = {path.name: _symbols(path) for path in (cache / "bin").iterdir()}
    plain_symbols = binaries[plain.ref.partition("/")[2].replace(":", "-")]
    renamed_symbols = binaries[renamed.ref.partition("/")[2].replace(":", "-")]
    assert "astcache.(*Cache).parseAndKeep" in plain_symbols
    assert "astcache.(*Cache).holdOnto" in renamed_symbols
    assert "parseAndKeep" not in renamed_symbols


@pytest.mark.parametrize(
    ("rename", "complaint"),
    [
        ({"noSuchFunction": "other"}, "noSuchFunction is nowhere"),
        ({"parseAndKeep": "forget"}, "forget is taken"),
        ({"parseAndKeep": "not an identifier"}, "no identifier"),
    ],
)
def test_a_rename_that_cannot_work_is_refused(rename: dict[str, str], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=complaint):
        renamed_copy(LEAKSERVER, rename, tmp_path)


def test_renaming_leaves_longer_names_and_the_original_alone(tmp_path: Path) -> None:
    before = digest([LEAKSERVER])
    copy = renamed_copy(LEAKSERVER, {"tree": "bush"}, tmp_path)
    text = (copy / "internal" / "astcache" / "astcache.go").read_text()
    assert "type bush struct" in text
    assert "c.trees[key]" in text
    assert digest([LEAKSERVER]) == before


def test_the_digest_follows_names_contents_and_words(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    file = tmp_path / "m" / "a.go"
    file.write_text("package a\n")
    seen = {digest([tmp_path / "m"]), digest([tmp_path / "m"], "go1.26")}
    file.write_text("package b\n")
    seen.add(digest([tmp_path / "m"]))
    file.rename(tmp_path / "m" / "b.go")
    seen.add(digest([tmp_path / "m"]))
    assert len(seen) == 4


def test_a_build_that_fails_says_what_the_compiler_said_and_leaves_nothing(tmp_path: Path) -> None:
    module = tmp_path / "broken"
    module.mkdir()
    (module / "go.mod").write_text("module broken\n\ngo 1.26\n")
    (module / "main.go").write_text("package main\n\nfunc main() { undefinedThing() }\n")
    with pytest.raises(BuildError, match="undefinedThing"):
        build_binary(module, ".", tmp_path / "out" / "broken")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unknown_workload_is_refused_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "leakserver2"]) == 1
    assert "unknown workload 'leakserver2'" in capsys.readouterr().err


def test_the_go_toolchain_in_the_image_is_small_and_has_what_gopls_needs() -> None:
    imports = imports_of(GOPLSDRIVER / "internal" / "workspace" / "workspace.go")
    assert "strings" in imports
    files = minimal_goroot(imports, "/usr/local/go")
    assert {
        "/usr/local/go/bin/go",
        "/usr/local/go/src/builtin/builtin.go",
        "/usr/local/go/src/strings/builder.go",
    } <= set(files)
    assert not any("/src/cmd/" in path or path.endswith("_test.go") for path in files)
    size = sum(content.stat().st_size for content, _ in files.values() if isinstance(content, Path))
    assert size < 80 << 20
