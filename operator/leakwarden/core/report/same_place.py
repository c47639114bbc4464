"""Other findings of the same target at the same place: two signatures, most likely one piece of code to mend."""

from __future__ import annotations

from collections.abc import Iterable

from leakwarden.core.findings import Finding
from leakwarden.core.readings import Site
from leakwarden.core.report.pattern import listed

_MARK = "At the same place: "


def remark(finding: Finding, beside: Iterable[Finding]) -> str:
    """`At the same place: goroutine/main.serve/chan-send.` What its pattern joins with it is named there already."""
    joined = finding.pattern.together if finding.pattern else ()
    others = [
        one.signature
        for one in beside
        if one.open
        and one.signature not in {finding.signature, *joined}
        and _same(one.site, finding.site)
    ]  # fmt: skip
    return f"{_MARK}{listed(others)}." if others else ""


def still_told(shown: str, said: Iterable[str]) -> bool:
    """Whether a message of before may stay. `said`: what is said of each of its pods now."""
    return any(one in shown if one else _MARK not in shown for one in said)


def _same(one: Site | None, other: Site | None) -> bool:
    if one is None or other is None:
        return False
    line = bool(one.file and one.line) and (one.file, one.line) == (other.file, other.line)
    return line or one.function == other.function
