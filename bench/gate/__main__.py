"""The gate's figures in docs/gate.md.

    python3 -m bench.gate                           # each program leaking once and fixed 50 times; about an hour
    python3 -m bench.gate --only sync-map --fixed 5
    python3 -m bench.gate --simulate                # made-up programs, 10,000 gates each; two minutes

Exits 1 when a leak passed, was put down to the wrong place, or a fixed program did not pass.
"""

from __future__ import annotations

import argparse
import sys

from bench.gate.simulate import simulated
from bench.gate.trials import PROGRAMS, Program, trial
from bench.verdicts.report import markdown_table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[program.name for program in PROGRAMS], help="repeatable")
    parser.add_argument("--fixed", type=int, default=50, help="trials of each fixed program (default 50)")
    parser.add_argument("--leaking", type=int, default=1, help="trials of each leaking one (default 1)")
    parser.add_argument("--simulate", action="store_true", help="made-up programs instead")
    parser.add_argument("--gates", type=int, default=10_000, help="of each made-up program (default 10,000)")
    asked = parser.parse_args()
    if asked.simulate:
        heads = ["a program that", "fails", "is unproven", "passes", "measured runs"]
        print(markdown_table(heads, simulated(asked.gates)))
        return 0
    print(markdown_table(["program", "leaking: fails, at", "as", "fixed: passes", "seconds a gate"], []))
    good = True
    for program in PROGRAMS:
        if not asked.only or program.name in asked.only:
            row, as_it_should = _tried(program, asked.leaking, asked.fixed)
            print("| " + " | ".join(row) + " |", flush=True)
            good = good and as_it_should
    return 0 if good else 1


def _tried(program: Program, leaking: int, fixed: int) -> tuple[list[str], bool]:
    failed = passed = 0
    seconds = 0.0
    for number in range(leaking + fixed):
        leaks = number < leaking
        one = trial(program, leaking=leaks)
        seconds += one.seconds
        as_it_should = one.code == 1 and one.names(program) if leaks else one.code == 0
        failed += leaks and as_it_should
        passed += not leaks and as_it_should and "unproven" not in (one.outcome("heap"), one.outcome("goroutines"))
        if not as_it_should:
            kind = "leaking" if leaks else "fixed"
            print(f"{program.name}, {kind}: exit code {one.code}: {one.said or dict(one.found)}", file=sys.stderr)
    row = [
        program.name, f"{failed} of {leaking}, `{program.place}`", program.pattern or "-", f"{passed} of {fixed}",
        f"{seconds / max(leaking + fixed, 1):.1f}",
    ]  # fmt: skip
    return row, failed == leaking and passed == fixed


if __name__ == "__main__":
    sys.exit(main())
