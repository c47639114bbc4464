"""`python3 -m hack.operator_image`: build the operator's image; prints `ref tar`, as `docker load -i TAR` reads it."""

from __future__ import annotations

import argparse
import sys

from hack.cluster.console import ClusterError
from hack.operator_image.builder import build


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    argparse.ArgumentParser(prog="python3 -m hack.operator_image", description=__doc__).parse_args(arguments)
    try:
        image = build()
    except ClusterError as error:
        print(f"operator image: {error}", file=sys.stderr)
        return 1
    print(image.ref, image.tar)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
