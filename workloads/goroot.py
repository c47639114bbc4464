"""The least of a Go toolchain with which gopls works in a module that imports a few standard packages.

gopls calls `go list -compiled`, which asks the compiler and the assembler for their versions but compiles nothing while
CGO_ENABLED=0; it reads the sources of every standard package that the module needs. So: the go command, two tools, and
the sources in the closure of the module's imports.
"""

from __future__ import annotations

import re
from pathlib import Path

from hack.images import Content
from workloads.gobuild import BuildError, go

_TOOLS = ("compile", "asm")
_SOURCES = (".go", ".s", ".h")


def minimal_goroot(imports: list[str], under: str) -> dict[str, tuple[Content, int]]:
    """Files of the local toolchain, keyed by their path in an image below `under`, as `docker_archive` takes them.

    Raises BuildError when the toolchain lacks one, or links its programs dynamically, so that they would not start
    in an image without libraries.
    """
    root = Path(go("env", "GOROOT"))
    platform = go("env", "GOOS") + "_" + go("env", "GOARCH")
    programs = [root / "bin" / "go", *(root / "pkg" / "tool" / platform / tool for tool in _TOOLS)]
    files: dict[str, tuple[Content, int]] = {}
    for program in programs:
        if not program.is_file():
            raise BuildError(f"the Go toolchain has no {program}")
        if b"\0/lib64/ld-" in program.read_bytes()[: 64 << 10] or b"\0/lib/ld-" in program.read_bytes()[: 64 << 10]:
            raise BuildError(f"{program} is linked dynamically; use a Go distribution of the Go project")
        files[f"{under}/{program.relative_to(root)}"] = (program, 0o755)
    sources = [root / "VERSION", root / "go.env", root / "src" / "go.mod"]
    for package in [*go("list", "-deps", *imports).split(), "builtin", "unsafe"]:
        sources += [path for path in (root / "src" / package).iterdir() if _is_source(path)]
    for path in sources:
        if path.is_file():
            files[f"{under}/{path.relative_to(root)}"] = (path, 0o644)
    return files


def imports_of(workspace_source: Path) -> list[str]:
    """The packages in the `Imports` list of the driver's workspace package, which the module on disk uses."""
    found = re.search(r"^var Imports = \[\]string\{(.*?)\}", workspace_source.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise BuildError(f"{workspace_source} has no Imports")
    return re.findall(r'"([^"]+)"', found.group(1))


def _is_source(path: Path) -> bool:
    return path.suffix in _SOURCES and not path.name.endswith("_test.go")
