"""The judge: from sampling attempts at one target to its verdict and findings. Pure.

docs/judging.md says why it judges so.

    state = judge.start(rules)
    judgement = judge.step(state, attempt, rules)  # for each attempt, in the order of time
    text = judge.codec.to_json(judgement.state)  # at any moment; going on from the text changes nothing
    judgement = judge.end(state, at, Resolution.TARGET_GONE)
"""

from leakwarden.core.judge import codec
from leakwarden.core.judge.fold import end, start, step
from leakwarden.core.judge.gopls import gopls_of
from leakwarden.core.judge.leaks import due as leak_profile_due
from leakwarden.core.judge.values import (
    Judgement,
    RuleEvaluation,
    RuleState,
    TargetState,
    Transition,
    TransitionKind,
)

__all__ = [
    "Judgement",
    "RuleEvaluation",
    "RuleState",
    "TargetState",
    "Transition",
    "TransitionKind",
    "codec",
    "end",
    "gopls_of",
    "leak_profile_due",
    "start",
    "step",
]
