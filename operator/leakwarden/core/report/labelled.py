"""Whose goroutines they are: what a finding says of the labels that its growth belongs to."""

from __future__ import annotations

import re

from leakwarden.api.words import Unit
from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.report.amounts import amount
from leakwarden.core.report.names import short_function

MOST = 2
"""Labels that are named: a third says little more, and a message has an end."""
_BELONG = " belong to "
_PLAIN = re.compile(r"[\w./:@%+~\-…]+")


def remark(finding: Finding) -> str:
    """`91 % of the new goroutines belong to doc_id=main.go, 88 % to doc_mode=edit (pprof labels).`

    Of memory: of the goroutines that were seen where it is allocated, as an estimate.
    """
    if not finding.labels:
        return ""
    first, *others = finding.labels[:MOST]
    which = f"the goroutines seen in {short_function(first.function)}" if first.function else "the new goroutines"
    said = f"{_share(first)} of {which}{_BELONG}{_whose(first)}"
    said += "".join(f", {_share(one)} to {_whose(one)}" for one in others)
    said += (
        " (pprof labels; for the memory an estimate, heap profiles carry none)" if first.function else " (pprof labels)"
    )
    return said[0].upper() + said[1:] + "."


def still_told(message: str, finding: Finding) -> bool:
    """Whether a message of before may stay as far as labels go: it names the same value, or none at all.

    Never where it names a value and the finding has none any more: the policy may have come to hide it.
    """
    if _BELONG not in message:
        return True
    return bool(finding.labels) and f"{_BELONG}{_whose(finding.labels[0])}" in message


def _share(one: LabelShare) -> str:
    how = "about " if one.function else "" if one.exact else "at least "
    return f"{how}{amount(100 * one.share, Unit.PERCENT, 2)}"


def _whose(one: LabelShare) -> str:
    """A value that could be read as part of the sentence is quoted: it was chosen by somebody else."""
    if not one.value:
        return f"one {_quoted(one.key)} (the policy hides which)"
    return f"{_quoted(one.key)}={_quoted(one.value)}"


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
