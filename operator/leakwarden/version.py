"""Which leakwarden this is: the package's version, and the commit that an image was built from."""

from __future__ import annotations

from importlib.metadata import version as package_version
from importlib.resources import files

COMMIT_FILE = "COMMIT"
"""Beside this module in images; operator/Dockerfile's build writes it."""


def number() -> str:
    """`0.1.0`."""
    return package_version("leakwarden")


def commit() -> str:
    """As the image's builder named it; empty where nothing tells it, as in a checkout."""
    stamp = files("leakwarden") / COMMIT_FILE
    return stamp.read_text().strip() if stamp.is_file() else ""


def version() -> str:
    """`0.1.0 (commit 1a2b3c4d5e6f)`, or without the commit."""
    return f"{number()} (commit {commit()})" if commit() else number()
