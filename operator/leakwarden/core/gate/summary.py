"""The gate's verdict as Markdown, for the summary of a CI job."""

from __future__ import annotations

import re

from leakwarden.core.gate.say import NAMES, caveat, fix, grew, headline, pattern, signed, verdict, where
from leakwarden.core.gate.values import Check, Outcome, Report
from leakwarden.core.report.amounts import amount, capital, plural

_MARKS = {Outcome.PASSED: "passed", Outcome.UNPROVEN: "passed, **growth not proven**", Outcome.LEAK: "**leak**"}


def summary(report: Report) -> str:
    plan = report.plan
    ran = f"{plural(plan.warmup, 'warm-up run')}, {plural(report.runs, 'measured run')}, {report.seconds:.0f} s"
    lines = [
        f"### Leak gate: {verdict(report)}", "", f"{_code(report.command)}: {ran}.", "",
        f"| check | before | after | in {plural(plan.repeats, 'run')} | tolerance | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines += [_row(check) for check in report.checks]
    for check in report.checks:
        if check.outcome is not Outcome.PASSED:
            lines += ["", *_found(check, report)]
    return "\n".join(lines) + "\n\n"


def summary_error(command: str, problem: str) -> str:
    return f"### Leak gate: not measured\n\n{_code(command)}: {_plain(problem)}.\n\n"


def _row(check: Check) -> str:
    unit = check.kind.unit
    first, last, tolerance = (amount(value, unit) for value in (check.values[0], check.values[-1], check.tolerance))
    grown = check.growth.recent if check.outcome is Outcome.PASSED else check.growth.amount
    return f"| {NAMES[check.kind]} | {first} | {last} | {signed(grown, unit)} | {tolerance} | {_MARKS[check.outcome]} |"


def _found(check: Check, report: Report) -> list[str]:
    lines = [f"{capital(headline(check, report))}.", ""]
    lines += [f"- {grew(one, check.kind)}: {_code(where(one))}" for one in check.growers]
    for said in (caveat(check, report), pattern(check)):
        lines += ["", _plain(said)] if said else []
    lines += ["", f"**Fix:** {_plain(fix(check, report))}."]
    return lines


def _code(text: str) -> str:
    """A code span that no backtick in the text can end."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def _plain(text: str) -> str:
    """Text that comes from outside, so that none of it is taken for markup; `$x$` is mathematics to GitHub."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(text.split()))
