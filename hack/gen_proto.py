"""Generate profile_pb2.py and profile_pb2.pyi from profile.proto; with --check, fail when they are not current."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent / "operator"
FOLDER = "leakwarden/core/pprof"
GENERATED = (f"{FOLDER}/profile_pb2.py", f"{FOLDER}/profile_pb2.pyi")


def generate(into: Path) -> None:
    """Run protoc. The file is named by its full path: names are global in a process, and others have a profile.proto
    too."""
    options = [f"-I{ROOT}", f"--python_out={into}", f"--pyi_out={into}"]
    status = protoc.main(["protoc", *options, f"{FOLDER}/profile.proto"])
    if status:
        raise SystemExit(f"protoc failed with status {status}")


def stale() -> list[str]:
    """The generated files that differ from what profile.proto gives now."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        return [name for name in GENERATED if _read(ROOT / name) != _read(Path(folder) / name)]


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the files are not current")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    if names := stale():
        print(f"not current: {', '.join(names)}; run hack/gen_proto.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
