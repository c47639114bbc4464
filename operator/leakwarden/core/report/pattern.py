"""The known shape of a finding as a sentence, and where more of it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leakwarden.core.findings import Finding
from leakwarden.core.patterns.builtin import PAGE
from leakwarden.core.report.amounts import clip
from leakwarden.core.traces import Named

MAX_CHAIN: Final = 200
"""Characters of a chain of functions."""
MAX_SIGNATURE: Final = 120
"""Characters of the signature of another finding."""


def told(finding: Finding) -> str:
    """The sentence on its pattern; empty without one."""
    return sentence(finding.pattern) if finding.pattern else ""


def sentence(pattern: Named) -> str:
    """`Pattern: mutex never released: the goroutine that holds … waits (likely).`

    A chain says on which functions' stacks the objects were made and are kept: what points to what no profile tells.
    """
    likely = "likely, as far as the stacks tell: " if pattern.estimate else ""
    chain = f"; kept along {clip(pattern.chain, MAX_CHAIN)}, as far as the stacks tell" if pattern.chain else ""
    return f"Pattern: {likely}{pattern.title}: {pattern.why}{chain}."


def brief(finding: Finding) -> str:
    """Its title alone, where there is no room for more."""
    return f"Pattern: {finding.pattern.title}." if finding.pattern and not finding.pattern.estimate else ""


def more(pattern: Named | None, command: str) -> str:
    """` (more: kubectl leakwarden patterns lock-not-released)`, to follow the fix.

    `command`: how the command line is called where the message is read. It prints the built-in patterns, with their
    place in the repository, which is no link from a terminal; one of somebody's own has the link that it brings. Empty
    where there is nothing.
    """
    if pattern is None or not pattern.docs:
        return ""
    builtin = pattern.docs == f"{PAGE}#{pattern.name}"
    return f" (more: {f'{command} patterns {pattern.name}' if builtin else pattern.docs})"


def listed(signatures: Sequence[str]) -> str:
    """The first one, and how many more."""
    more = f" and {len(signatures) - 1} more" if len(signatures) > 1 else ""
    return f"{clip(signatures[0], MAX_SIGNATURE)}{more}"
