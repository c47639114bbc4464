"""Write crds/ from the pydantic models: `python -m hack.gen_crds`; with `--check`, say whether it is current.

The check fails (exit 1) with a diff when the committed file and the models differ.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

import yaml

from leakwarden.api import GROUP, PLURAL
from leakwarden.api.crd import custom_resource_definition

HEADER = "# Generated from operator/leakwarden/api by hack/gen_crds.py. Change the models, then: make generate\n"
DEFAULT_PATH = Path(__file__).parent.parent / "crds" / f"{GROUP}_{PLURAL}.yaml"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def render() -> str:
    """The file's text."""
    body: str = yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return HEADER + body


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the file is not current")
    parser.add_argument("--path", type=Path, default=DEFAULT_PATH)
    args = parser.parse_args(argv)
    wanted = render()
    if not args.check:
        args.path.parent.mkdir(parents=True, exist_ok=True)
        args.path.write_text(wanted)
        print(f"wrote {args.path}")
        return 0
    found = args.path.read_text() if args.path.exists() else ""
    if found == wanted:
        return 0
    sys.stderr.writelines(
        difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), f"{args.path.name}", "from the models")
    )
    print(f"{args.path.name} is not what the models say: run `python -m hack.gen_crds`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
