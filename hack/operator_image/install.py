"""What operator/Dockerfile runs in its build stage: pip, then everything that the operator does not need goes.

    python3 install.py dependencies TARGET     what pyproject.toml asks for, in the versions of requirements.lock
    python3 install.py leakwarden TARGET       the package itself, stamped with $COMMIT

Standard library only, and run from the directory that pyproject.toml is in.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

LOCK = "requirements.lock"
HOST_CA = Path("/run/ca.crt")
"""The build machine's CA bundle, where a private index needs one (a build secret)."""

NOT_NEEDED = ("*.c", "*.cpp", "*.h", "*.pxd", "*.pyi", "*.pyx", "*.rs", "bin", "tests", "test", "docs")
"""Sources of what is compiled already, types, tests: nothing that an import finds."""

IMPORTED = ("kopf", "kubernetes.aio.client", "kubernetes.aio.config")
"""What the operator and its libraries use of the Kubernetes client: configuration and credentials. Objects travel as
plain JSON, so that of the 1,700 generated classes only those are kept which these imports load."""
GENERATED = tuple(f"kubernetes/{client}/{kind}" for client in ("client", "aio/client") for kind in ("api", "models"))


def dependencies(target: Path) -> None:
    """Wheels only: an image has no compiler."""
    wanted = tomllib.loads(Path("pyproject.toml").read_text())["project"]["dependencies"]
    _pip("--only-binary", ":all:", "--target", str(target), *wanted)
    for pattern in NOT_NEEDED:
        for found in [*target.rglob(pattern)]:
            _remove(found)
    loaded = _loaded(target)
    for path in generated(target):
        if path not in loaded:
            path.unlink()
    _compile(target)


def leakwarden(target: Path) -> None:
    """The commit lands in a file of the package, where `leakwarden --version` and the log's first line read it."""
    _pip("--no-deps", "--target", str(target), ".")
    _remove(target / "bin")
    (target / "leakwarden" / "COMMIT").write_text(os.environ.get("COMMIT", "") + "\n")
    _compile(target)


def _pip(*arguments: str) -> None:
    # As an environment variable the lock also holds for what builds the package (setuptools).
    environment = {**os.environ, "PIP_CONSTRAINT": str(Path(LOCK).absolute())}
    if HOST_CA.is_file():
        environment["PIP_CERT"] = str(HOST_CA)
    options = ["--quiet", "--no-cache-dir", "--no-compile", "--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *arguments], env=environment, check=True)


def _loaded(target: Path) -> set[Path]:
    """Every module file that importing IMPORTED loads."""
    program = f"import sys, {', '.join(IMPORTED)}; print(*(getattr(m, '__file__', '') for m in sys.modules.values()))"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    return {Path(word) for word in done.stdout.split()}


def generated(target: Path) -> Iterator[Path]:
    """Module files of the generated classes below `target`."""
    for directory in GENERATED:
        yield from [path for path in (target / directory).glob("*.py") if path.name != "__init__.py"]


def _compile(target: Path) -> None:
    """Bytecode beside each source, never checked again: the file system is read-only, and starts are quick."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(target, quiet=1, invalidation_mode=unchecked, stripdir=str(target.parent)):
        raise SystemExit(f"not everything below {target} compiles")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


if __name__ == "__main__":
    {"dependencies": dependencies, "leakwarden": leakwarden}[sys.argv[1]](Path(sys.argv[2]))
