"""Whether a count of map entries can be told from the noise of sampling.

The heap profile samples one object in so many: at Go's default of 512 KiB one entry of 48 bytes in 10,923. Of n sampled
ones the true number is known to a standard error of `each * sqrt(n)`, with `each` what one stands for; a growth of g
entries to `sqrt(g * each)`. That is another noise than what a trend knows of: the same objects stay sampled, and a
series of them is as smooth as it may be wrong.
"""

from __future__ import annotations

from math import sqrt

from leakwarden.api.words import Unit
from leakwarden.core.judge import say
from leakwarden.core.judge.series import Series
from leakwarden.core.rules import Rule

SURE = 1.645
"""Standard errors: the one-sided 95 % of everything that is judged."""
NONE_SEEN = 3.0
"""Where none of n is seen, the true number is below 3 `each` with 95 % (the rule of three)."""


def too_coarse(met: bool, rule: Rule, series: Series, each: float) -> str:
    """Why sampling is too coarse to tell that the rule is met, or that it is not; empty where it can be told.

    `series` of entries, not empty; `each`: entries that one sampled object stands for.
    """
    wanted = rule.above if rule.growth is None else rule.growth.at_least
    if wanted is None or each <= 1:
        return ""
    found = max(0.0, series.last if rule.growth is None else _grown(series, rule.growth.window))
    error = SURE * sqrt(found * each)
    told = found - error > wanted if met else max(found + error, NONE_SEEN * each) < wanted
    count, stands = say.quantity(wanted, Unit.COUNT), say.quantity(each, Unit.COUNT)
    return "" if told else f"one sampled entry stands for {stands}, too many to tell {count}"


def _grown(series: Series, window: float) -> float:
    return series.last - series.at(series.last_time - window)
