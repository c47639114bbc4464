"""Other findings of the same target that are, or may be, the same bug: which is to be mended first."""

from __future__ import annotations

from collections.abc import Iterable

from leakwarden.api.words import Family
from leakwarden.core.findings import Finding
from leakwarden.core.readings import Site
from leakwarden.core.report.pattern import listed

_CONSEQUENCE, _CAUSE, _SAME, _PERHAPS = (
    "Consequence of ",
    "It also causes ",
    "The same bug as ",
    "Perhaps the same bug as ",
)
_MARKS = (_CONSEQUENCE, _CAUSE, _SAME, _PERHAPS)


def remark(finding: Finding, beside: Iterable[Finding]) -> str:
    """`Consequence of goroutine/main.serve/chan-send: fix that one first.`

    So much is said only where one pattern explains both, and the memory is held by the very function in which the
    goroutines wait. Joined by a pattern alone it is `The same bug as`; at the same place without one `Perhaps`.
    """
    if joined := finding.pattern.together if finding.pattern else ():
        return _joined(finding, joined)
    others = [one.signature for one in beside if one.open and one.signature != finding.signature
              and _same(one.site, finding.site)]  # fmt: skip
    return f"{_PERHAPS}{listed(others)}." if others else ""


def _joined(finding: Finding, others: Iterable[str]) -> str:
    signatures, function = tuple(others), finding.site.function if finding.site else ""
    if finding.family is Family.MEMORY:
        causes = [one for one in signatures if one.startswith(f"{Family.GOROUTINE}/{function}/")]
        if causes:
            return f"{_CONSEQUENCE}{listed(causes)}: fix that one first."
    elif (memory := f"{Family.MEMORY}/{function}") in signatures:
        return f"{_CAUSE}{listed([memory])}."
    return f"{_SAME}{listed(signatures)}."


def still_told(shown: str, said: Iterable[str]) -> bool:
    """Whether a message of before may stay. `said`: what is said of each of its pods now."""
    return any(one in shown if one else not any(mark in shown for mark in _MARKS) for one in said)


def _same(one: Site | None, other: Site | None) -> bool:
    if one is None or other is None:
        return False
    line = bool(one.file and one.line) and (one.file, one.line) == (other.file, other.line)
    return line or one.function == other.function
