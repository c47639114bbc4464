"""Replays every labelled recording through Leakwarden and through other people's rules, and writes docs/verdicts.md.

    python3 -m bench.verdicts [--set SET] [--only NAME...] [--json FILE] [-v] [--recordings FOLDER]

Exit 1 where a bar is missed (with --only there is none), 2 where a recording cannot be used. With --set, --only or
--recordings no page is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.verdicts import report
from bench.verdicts.catalogue import RECORDINGS, SETS, CatalogueError, Truth, truths
from bench.verdicts.examine import LEAKWARDEN, BadRecording, Examined, examine_all
from bench.verdicts.explain import explained
from bench.verdicts.sheet import sheet
from leakwarden.errors import LeakwardenError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "verdicts.md"
PICTURES = DOCS / "verdicts"
INCREMENTAL = Path(__file__).parent / "incremental.md"
"""What `python3 -m bench.verdicts.incremental` measured last: a part of the page."""
MOST_PICTURES = 300_000
"""Bytes of all pictures together."""


def write_docs(examined: list[Examined]) -> None:
    """The page and a picture a set; pictures of sets that are gone go too."""
    PICTURES.mkdir(exist_ok=True)
    sheets = {name: sheet(these) for name, these in report.by_set(examined).items() if name != report.TOTAL}
    size = sum(map(len, sheets.values()))
    if size > MOST_PICTURES:
        raise CatalogueError(f"the pictures take {size} bytes, more than {MOST_PICTURES}")
    for old in PICTURES.glob("*.svg"):
        if old.stem not in sheets:
            old.unlink()
    for name, svg in sheets.items():
        (PICTURES / f"{name}.svg").write_text(svg)
    extra = INCREMENTAL.read_text().rstrip() if INCREMENTAL.exists() else ""
    PAGE.write_text(report.page(examined, {name: f"verdicts/{name}.svg" for name in sheets}, extra))


def show(examined: list[Examined]) -> None:
    print(report.text_table(report.DETECTOR_HEAD, report.detector_rows(examined)))
    print()
    print(report.text_table(report.SET_HEAD, report.set_rows(examined)))
    print()
    print(report.text_table(("set", "healthy", "share", "verdicts"), report.verdict_rows(examined)))
    rows = [report.recording_row(one) for one in examined]
    told = [row[:5] for row, one in zip(rows, examined, strict=True) if _is_wrong(one)]
    if told:
        print()
        print(report.text_table(report.RECORDING_HEAD[:5], told))


def _is_wrong(one: Examined) -> bool:
    """Whether Leakwarden was, in any way."""
    ours = one.outcomes[LEAKWARDEN]
    return ours.false_alarm or ours.found != one.truth.leaking or (ours.found and not ours.named) or bool(ours.strange)


def chosen(root: Path, sets: list[str], only: list[str]) -> list[Truth]:
    """Raises CatalogueError for a name that no recording has, and where there are none."""
    found = [truth for truth in truths(root) if not sets or truth.set in sets]
    if unknown := sorted(set(only) - {truth.name for truth in found}):
        raise CatalogueError(f"no such recording: {', '.join(unknown)}")
    if not found:
        raise CatalogueError(f"no recordings in {root}: python3 -m bench.verdicts.record makes them")
    return [truth for truth in found if not only or truth.name in only]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, action="append", default=[], help="may be repeated")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything there")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, metavar="FOLDER", help="others than the tests'")
    parser.add_argument("-v", action="store_true", help="say what every rule saw at every sample")
    options = parser.parse_args(arguments)
    try:
        found = chosen(options.recordings, options.set, options.only)
        if options.v:
            for truth in found:
                print("\n".join(explained(truth)), end="\n\n")
        examined = examine_all(found)
        show(examined)
        if options.json:
            options.json.write_text(json.dumps(report.as_json(examined), indent=1) + "\n")
        if not (options.set or options.only) and options.recordings == RECORDINGS:
            write_docs(examined)
    except (CatalogueError, BadRecording, LeakwardenError) as error:
        print(f"verdicts: {error}", file=sys.stderr)
        return 2
    said = [] if options.only else report.problems(examined)
    for problem in said:
        print(f"verdicts: {problem}", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
