"""Runs every leaking program of tests/fixtures/patterns and prints the table of docs/patterns.md: what was seen of it.

python3 -m tests.patterns.seen
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from leakwarden.api.words import Family
from leakwarden.core.findings import Finding
from leakwarden.core.patterns import builtin_patterns, match
from leakwarden.core.report.names import short_function
from leakwarden.core.traces import Traces
from tests.adapters.servers import FIXTURES
from tests.patterns.fixture import all_fixtures, run
from workloads.gobuild import build_binary


def main() -> None:
    print("| program | finding | named | by |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        program = build_binary(FIXTURES / "patterns", ".", Path(scratch) / "patterns")
        for _, fixture in all_fixtures():
            for finding in asyncio.run(run(program, fixture, fixed=False)).findings:
                print(f"| `{fixture.leak}` | {_row(finding)} |")


def _row(finding: Finding) -> str:
    pattern = match(finding, builtin_patterns())
    named = f"`{pattern.name}`{', an estimate' if pattern.estimate else ''}" if pattern else "no pattern"
    return f"`{finding.signature}` | {named} | {_evidence(finding)}"


def _evidence(finding: Finding) -> str:
    traces = finding.traces or Traces()
    if finding.family is Family.GOROUTINE:
        return f"{finding.wait}: " + _calls(traces.calls[:4])
    ways = [f"{way.size} bytes by {_calls(way.calls[: min(way.inner, 2)])}" for way in traces.kept[:2]]
    ways += [f"{way.size} bytes of {_calls(way.calls[:1])}, called" for way in traces.called[:1]]
    beside = [f"{one.wait} in {_calls((one.function,))}, beside" for one in traces.beside[:1]]
    return "; ".join(ways + beside)


def _calls(calls: tuple[str, ...]) -> str:
    return " < ".join(f"`{short_function(call)}`" for call in calls)


if __name__ == "__main__":
    main()
