"""The known shape of a finding as a sentence, and where more of it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leakwarden.core.findings import Finding
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
    likely = "likely, an estimate from the stacks: " if pattern.estimate else ""
    others = f"; one bug with {_listed(pattern.together)}" if pattern.together else ""
    chain = f"; kept along {clip(pattern.chain, MAX_CHAIN)}, as far as the stacks tell" if pattern.chain else ""
    return f"Pattern: {likely}{pattern.title}: {pattern.why}{chain}{others}."


def more(pattern: Named | None) -> str:
    """` (more: docs/patterns.md#lock-not-released)`, to follow the fix; empty where there is nothing."""
    return f" (more: {pattern.docs})" if pattern and pattern.docs else ""


def _listed(signatures: Sequence[str]) -> str:
    """The first one, and how many more."""
    more = f" and {len(signatures) - 1} more" if len(signatures) > 1 else ""
    return f"{clip(signatures[0], MAX_SIGNATURE)}{more}"
