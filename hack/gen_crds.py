"""Write the CRD from the pydantic models: `python -m hack.gen_crds`; with `--check`, say whether it is current.

It lies in crds/ and once more in the chart, since Helm reads no file outside of one. The check fails (exit 1) with a
diff when a committed file and the models differ.
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
REPO = Path(__file__).parent.parent
DEFAULT_PATHS = [REPO / where / f"{GROUP}_{PLURAL}.yaml" for where in ("crds", "charts/leakwarden/files")]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def render() -> str:
    """The file's text."""
    body: str = yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return HEADER + body


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is not current")
    parser.add_argument("--path", type=Path, action="append", help="instead of the two")
    args = parser.parse_args(argv)
    wanted = render()
    stale = [path for path in args.path or DEFAULT_PATHS if not path.exists() or path.read_text() != wanted]
    for path in stale:
        if args.check:
            _tell(path, wanted)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
            print(f"wrote {path}")
    return 1 if stale and args.check else 0


def _tell(path: Path, wanted: str) -> None:
    found = path.read_text() if path.exists() else ""
    sys.stderr.writelines(
        difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), str(path), "from the models")
    )
    print(f"{path} is not what the models say: run `python -m hack.gen_crds`", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
