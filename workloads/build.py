"""Builds the workloads into container images: `python3 -m workloads.build [--out DIR] [--only NAMES] [--rename A=B]`.

An image is a docker-archive tar with static binaries and nothing else. Its tag is a hash of what it is made from, so an
image of that name is never stale, and a second build takes no time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hack.images import Content, ImageConfig, docker_archive
from workloads.gobuild import BuildError, build_binary, build_renamed, cache_dir, digest, go
from workloads.goroot import imports_of, minimal_goroot

HERE = Path(__file__).resolve().parent
LEAKSERVER, GOPLSDRIVER = HERE / "leakserver", HERE / "goplsdriver"
GOPLS = HERE.parent / "hack" / "gomods" / "gopls"
_FLAGS = HERE / "gobuild.py"
_RECIPES = (HERE / "build.py", _FLAGS, HERE / "goroot.py", HERE.parent / "hack" / "images.py")

NAMES = ("leakserver", "gopls")
USER = "65532:65532"
"""Whom the containers run as: nobody in particular, never root."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Image:
    """One built image: `ref` is `repository:tag`, `tar` its docker-archive."""

    ref: str
    tar: Path


def build(names: Iterable[str] = NAMES, rename: Mapping[str, str] | None = None, say: Say = print) -> dict[str, Image]:
    """Build the named images (of NAMES), or find them built; return them by name.

    `rename` renames Go identifiers of leakserver before it is built (`{"parseAndKeep": "holdOnto"}`). `say` is told of
    every step that takes long. Raises BuildError.
    """
    recipes: dict[str, Callable[[Say], Image]] = {
        "leakserver": lambda told: _leakserver(rename or {}, told),
        "gopls": _gopls,
    }
    images: dict[str, Image] = {}
    for name in names:
        if name not in recipes:
            raise BuildError(f"unknown workload {name!r}: there are {', '.join(NAMES)}")
        images[name] = recipes[name](say)
    return images


def _leakserver(rename: Mapping[str, str], say: Say) -> Image:
    pairs = sorted(f"{old}={new}" for old, new in rename.items())
    key = digest([LEAKSERVER, *_RECIPES], go("env", "GOVERSION"), *pairs)
    image = _image("leakserver", key)
    if not image.tar.exists():
        say(f"building {image.ref}{' with ' + ', '.join(pairs) if pairs else ''}")
        binary = _bin(f"leakserver-{key}")
        if rename:
            build_renamed(LEAKSERVER, rename, binary)
        else:
            build_binary(LEAKSERVER, ".", binary)
        config = ImageConfig(entrypoint=("/leakserver",), user=USER)
        docker_archive(image.tar, image.ref, {"/leakserver": (binary, 0o755)}, config)
    return image


def _gopls(say: Say) -> Image:
    version = go("env", "GOVERSION")
    image = _image("gopls", digest([GOPLS, GOPLSDRIVER, *_RECIPES], version))
    if image.tar.exists():
        return image
    # gopls takes by far the longest and hangs on its own module alone: kept apart.
    gopls = _bin(f"gopls-{digest([GOPLS, _FLAGS], version)}")
    if not gopls.exists():
        say("building gopls (about a minute with an empty Go cache)")
    build_binary(GOPLS, "golang.org/x/tools/gopls", gopls)
    say(f"building {image.ref}")
    driver = build_binary(GOPLSDRIVER, ".", _bin(f"goplsdriver-{digest([GOPLSDRIVER, _FLAGS], version)}"))
    files: dict[str, tuple[Content, int]] = {
        "/usr/local/bin/gopls": (gopls, 0o755),
        "/usr/local/bin/goplsdriver": (driver, 0o755),
        **minimal_goroot(imports_of(GOPLSDRIVER / "internal" / "workspace" / "workspace.go"), "/usr/local/go"),
    }
    path = "/usr/local/go/bin:/usr/local/bin"
    config = ImageConfig(entrypoint=("/usr/local/bin/goplsdriver",), env={"PATH": path}, user=USER)
    docker_archive(image.tar, image.ref, files, config)
    return image


def _image(name: str, key: str) -> Image:
    return Image(ref=f"leakwarden/{name}:{key}", tar=cache_dir() / "workloads" / f"{name}-{key}.tar")


def _bin(name: str) -> Path:
    return cache_dir() / "bin" / name


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{text!r} is not OLD=NEW")
    return old, new


def main(argv: list[str] | None = None) -> int:
    """Build from the command line; prints `ref tar`, a line an image. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="workloads.build", description="Build the workloads' container images.")
    parser.add_argument("--out", type=Path, help="copy the archives there, as NAME.tar")
    parser.add_argument("--only", type=lambda text: text.split(","), default=NAMES, help=",".join(NAMES))
    parser.add_argument("--rename", type=_pair, action="append", default=[], metavar="OLD=NEW", help="in leakserver")
    args = parser.parse_args(argv)
    try:
        images = build(args.only, dict(args.rename), say=lambda text: print(text, file=sys.stderr))
    except BuildError as error:
        print(f"workloads: {error}", file=sys.stderr)
        return 1
    for name, image in images.items():
        tar = image.tar
        if args.out is not None:
            args.out.mkdir(parents=True, exist_ok=True)
            tar = Path(shutil.copyfile(image.tar, args.out / f"{name}.tar"))
        print(image.ref, tar)
    return 0


if __name__ == "__main__":
    sys.exit(main())
