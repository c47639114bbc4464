"""What keeps a status from being rewritten at every sample: numbers count as changed from 10 % on.

The threshold is that of docs/leakpolicy.md. A number that comes from or goes to zero has always changed.
"""

from __future__ import annotations

import re

TOLERANCE = 0.1

_AS_OF = re.compile(r" as of [\d:TZ-]+")
"""When a number was read is no news beside the number."""
_NUMBER = re.compile(r"(?<![\w.:/-])\d[\d,]*(?:\.\d+)?(?![\w:-]|\.\d)")
"""Numbers that stand alone: not those inside pod names, versions, line numbers or times."""


def near(shown: float, fresh: float) -> bool:
    """Whether `fresh` is too close to what is shown to say so."""
    return abs(fresh - shown) < TOLERANCE * abs(shown) or fresh == shown


def near_time(shown: float, fresh: float, now: float) -> bool:
    """The same for a time: its distance from now is what counts, and less than a minute never does."""
    return abs(fresh - shown) < max(60.0, TOLERANCE * abs(shown - now)) or fresh == shown


def same_sentence(shown: str, fresh: str) -> bool:
    """Whether two sentences have the same words, and numbers near each other."""
    shown, fresh = _AS_OF.sub("", shown), _AS_OF.sub("", fresh)
    if _NUMBER.sub("#", shown) != _NUMBER.sub("#", fresh):
        return False
    pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(fresh), strict=True)
    return all(near(_number(before), _number(after)) for before, after in pairs)


def _number(text: str) -> float:
    return float(text.replace(",", ""))
