"""Scenarios as data: series in shorthand, rules as a policy writes them, and what must be found when.

A series is a row of terms: `5Mi` one value, `5Mix3` four equal ones, `5Mi+2Mix3` 5, 7, 9 and 11 Mi (as promtool writes
them, so `xN` stands for N more), `_` the part was not taken, `!` it failed, `=` no GC ran since (`_x3` three of them).
Shapes take `(…)xN` for N values:

    saw(height, period)         rises evenly and falls back
    sine(height, period)        from its trough; height from peak to trough
    fill(height, tau)           a cache that fills and flattens
    ramp(height, over)          rises evenly, then stays
    burst(height, every, for)   short peaks
    stairs(height, every)       one step each so many
    noise(sigma)                independent, normal
    drift(sigma, memory)        autocorrelated, AR(1) with that coefficient

A list of rows is their sum. Values that end early stay at their last. Inputs are `heap`, `site NAME`, `goroutines`,
`group NAME [wait]`, `label KEY VALUE` (so many of all, and of each group), `leaked NAME [wait]` of
the goroutineleak profile, `inuse`, `sys`, `load`; what a forced collection left: `gc heap` and `gc site NAME`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import yaml

from leakwarden.api.duration import Duration
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.api.words import FailureReason, WaitKind
from leakwarden.core import judge
from leakwarden.core.judge import Judgement
from leakwarden.core.parts import GOROUTINE_LEAK
from leakwarden.core.readings import Attempt, Failure, PartFailure, ProcessIdentity, Reading
from leakwarden.core.rules import RuleSet
from leakwarden.core.rules_from_spec import rule_set
from tests.core.judge.builders import GI, MI, T0, goroutines, heap, held_by, memstats, note_freed

Value = float | str
"""A number, or one of `_ ! =`."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of a file below tests/scenarios, as it stands there."""

    file: str
    name: str
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.file}: {self.name}"


def all_scenarios(folder: Path) -> list[Scenario]:
    """Every scenario of every file, in order. A key that nothing reads is an error."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        for body in yaml.safe_load(path.read_text()):
            unknown = set(body) - KEYS
            if unknown:
                raise ValueError(f"{path.name}: {body['name']}: unknown {sorted(unknown)}")
            found.append(Scenario(path.stem, body["name"], body))
    return found


KEYS = {
    "name", "why", "interval", "every", "grace", "age", "limit", "rules", "steps", "input", "attempts", "clock",
    "process", "edit", "expect",
}  # fmt: skip


def quantity(text: str) -> float:
    for suffix, size in (("Gi", GI), ("Mi", MI), ("Ki", 1024.0)):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * size
    return float(text)


_NUMBER = r"-?[\d.]+(?:[KMG]i)?"
_TERM = re.compile(
    rf"(?P<mark>[_!=])(?:x(?P<marks>\d+))?$"
    rf"|(?P<shape>[a-z]+)\((?P<args>[^)]*)\)x(?P<count>\d+)$"
    rf"|(?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER})?x(?P<more>\d+))?$"
)


def series(rows: str | int | list[Any], seed: str) -> list[Value]:
    """The values of a row, or of the sum of a list of rows. `seed` makes noise the same on every run."""
    if not isinstance(rows, list):
        return list(_row(str(rows), Random(seed)))
    parts = [list(_row(str(row), Random(f"{seed}/{n}"))) for n, row in enumerate(rows)]
    return [_sum([at(part, i) for part in parts]) for i in range(max(len(part) for part in parts))]


T = TypeVar("T")


def at(values: Sequence[T], index: int) -> T:
    """Values that end early stay at their last."""
    return values[min(index, len(values) - 1)]


def _sum(values: list[Value]) -> Value:
    marks = [value for value in values if isinstance(value, str)]
    return marks[0] if marks else sum(value for value in values if isinstance(value, float))


def _row(row: str, random: Random) -> Iterator[Value]:
    for term in re.sub(r",\s+", ",", row).split():
        match = _TERM.match(term)
        if match is None:
            raise ValueError(f"{term!r} is no term of a series")
        yield from _term(match, random)


def _term(match: re.Match[str], random: Random) -> Iterator[Value]:
    if match["mark"]:
        yield from [match["mark"]] * int(match["marks"] or 1)
    elif match["shape"]:
        args = [quantity(arg) for arg in match["args"].split(",")]
        value = SHAPES[match["shape"]](random, *args)
        yield from (value(i) for i in range(int(match["count"])))
    else:
        first, step = quantity(match["first"]), quantity((match["step"] or "0").removeprefix("+"))
        yield from (first + step * i for i in range(int(match["more"] or 0) + 1))


Shape = Callable[[int], float]


def _saw(_: Random, height: float, period: float) -> Shape:
    return lambda i: height * (i % period) / period


def _sine(_: Random, height: float, period: float) -> Shape:
    return lambda i: height * (1 - math.cos(2 * math.pi * i / period)) / 2


def _fill(_: Random, height: float, tau: float) -> Shape:
    return lambda i: height * (1 - math.exp(-i / tau))


def _ramp(_: Random, height: float, over: float) -> Shape:
    return lambda i: height * min(1.0, i / over)


def _burst(_: Random, height: float, every: float, lasts: float) -> Shape:
    return lambda i: height if i % every < lasts else 0.0


def _stairs(_: Random, height: float, every: float) -> Shape:
    return lambda i: height * (i // every)


def _noise(random: Random, sigma: float) -> Shape:
    return lambda _: random.gauss(0.0, sigma)


def _drift(random: Random, sigma: float, memory: float) -> Shape:
    level = [0.0]

    def value(_: int) -> float:
        level[0] = memory * level[0] + random.gauss(0.0, sigma * math.sqrt(1 - memory * memory))
        return level[0]

    return value


SHAPES: dict[str, Callable[..., Shape]] = {
    "saw": _saw, "sine": _sine, "fill": _fill, "ramp": _ramp, "burst": _burst, "stairs": _stairs, "noise": _noise,
    "drift": _drift,
}  # fmt: skip


def rules_of(body: dict[str, Any], key: str = "rules") -> RuleSet:
    """As a policy with these rules and this interval judges; without any, the built-in ones."""
    spec = {
        "target": {"selector": {"matchLabels": {"app": "x"}}},
        "sampling": {"interval": body.get("interval", "30s"), "startupGrace": body.get("grace", "0s")},
    }
    if key in body:
        spec["rules"] = body[key]
    return rule_set(LeakPolicySpec.model_validate(spec))


def run(scenario: Scenario, after_each: Callable[[Judgement], Judgement] = lambda said: said) -> list[Judgement]:
    """Judge every attempt of the scenario. `after_each` may put the judgement's state through something."""
    said: list[Judgement] = []
    state = judge.start(rules_of(scenario.body))
    for index, attempt in enumerate(attempts(scenario)):
        edited = "edit" in scenario.body and index >= scenario.body["edit"]["at"]
        body = {**scenario.body, "rules": scenario.body["edit"]["rules"]} if edited else scenario.body
        judgement = after_each(judge.step(state, attempt, rules_of(body)))
        state = judgement.state
        said.append(judgement)
    return said


def attempts(scenario: Scenario) -> Iterator[Attempt]:
    """What the sampler would have brought, one attempt a step."""
    body = scenario.body
    inputs = {name: series(rows, f"{scenario.id}/{name}") for name, rows in body["input"].items()}
    outcomes = _outcomes(body.get("attempts", "ok"))
    interval = seconds(body.get("interval", "30s"))
    now, allocated, mark = T0, 0.0, 0
    held: dict[str, float] = {}
    freed: dict[str, float] = {}
    process = ProcessIdentity("pod", "container-0", 1, T0 - seconds(body.get("age", "10h")))
    oom_killed = False
    for index in range(body["steps"]):
        now += interval * body.get("every", 1) * (index > 0) + seconds(body.get("clock", {}).get(index, "0s"))
        change = body.get("process", {}).get(index)
        if change is not None:
            process, allocated, oom_killed = _next_process(process, change, index, now), 0.0, change == "oom-killed"
            held, freed = {}, {}
        values = {name: at(row, index) for name, row in inputs.items()}
        if values.get("heap") != "=":
            allocated, mark = allocated + _number(at(inputs.get("load", [64 * MI]), index)), index + 1
        outcome = at(outcomes, index)
        held = _freeing(held, freed, values)
        yield Attempt(
            at=now,
            outcome=_reading(values, allocated, mark, freed)
            if outcome == "ok"
            else Failure(FailureReason(outcome), "x"),
            process=process,
            interval=interval,
            memory_limit=int(quantity(str(body.get("limit", 0)))),
            oom_killed=oom_killed,
        )


def seconds(text: str) -> float:
    """`-90s` too, for a clock that is set back."""
    return -Duration(text[1:]).seconds if text.startswith("-") else Duration(text).seconds


def _freeing(before: dict[str, float], freed: dict[str, float], values: dict[str, Value]) -> dict[str, float]:
    """What each place holds now; what it holds less than before is noted as freed."""
    if not isinstance(live := values.get("heap"), float):
        return before
    held = held_by(live, _sites(values))
    note_freed(freed, before, held)
    return held


def _sites(values: dict[str, Value]) -> dict[str, float]:
    return {name.removeprefix("site "): _number(v) for name, v in values.items() if name.startswith("site ")}


def _number(value: Value) -> float:
    return value if isinstance(value, float) else 0.0


def _next_process(before: ProcessIdentity, change: str, index: int, now: float) -> ProcessIdentity:
    """`container`, `oom-killed`: another container; `pid`: another process in it; `unseen`: only the counters tell."""
    if change in ("container", "oom-killed"):
        return ProcessIdentity(before.pod_uid, f"container-{index}", 1, now)
    if change == "pid":
        return ProcessIdentity(before.pod_uid, before.container_id, index + 1, now)
    if change == "unseen":
        return before
    raise ValueError(f"{change!r} is no way for a process to change")


def _outcomes(row: str) -> list[str]:
    """`ok*10 Timeout*3 ok`: by attempt, the last goes on."""
    found: list[str] = []
    for term in row.split():
        word, _, count = term.partition("*")
        found += [word] * int(count or 1)
    return found


def _reading(values: dict[str, Value], allocated: float, mark: int, freed: dict[str, float]) -> Reading:
    parts = (("heap", "heap"), ("goroutines", "goroutine"), ("inuse", "memstats"), ("gc heap", "heap-gc"))
    failed = PartFailure(FailureReason.TIMEOUT, "x")
    groups = {_group(name): _number(v) for name, v in values.items() if name.startswith("group ")}
    proven = {_group(name): v for name, v in values.items() if name.startswith("leaked ")}
    leaked = {group: v for group, v in proven.items() if isinstance(v, float)}
    after = {name.removeprefix("gc site "): _number(v) for name, v in values.items() if name.startswith("gc site ")}
    live, total, inuse = (values.get(name, "_") for name in ("heap", "goroutines", "inuse"))
    return Reading(
        heap=None
        if live in ("_", "!")
        else heap(_number(live), _sites(values), alloc=allocated, mark=str(mark), freed=freed),
        goroutines=goroutines(total, groups, _labels(values)) if isinstance(total, float) else None,
        memstats=memstats(inuse, _number(values["sys"]) if "sys" in values else 1.25 * inuse)
        if isinstance(inuse, float)
        else None,
        leaked=goroutines(sum(leaked.values()), leaked) if leaked else None,
        failures={
            **{part: failed for name, part in parts if values.get(name) == "!"},
            **({GOROUTINE_LEAK: failed} if "!" in proven.values() else {}),
        },
        heap_after_gc=heap(_number(forced), after)
        if (forced := values.get("gc heap", "_")) not in ("_", "!")
        else None,
    )


def _labels(values: dict[str, Value]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, value in values.items():
        if name.startswith("label "):
            _, key, label = name.split(" ")
            found.setdefault(key, {})[label] = int(_number(value))
    return found


def _group(name: str) -> tuple[str, WaitKind]:
    """`group example.com/x.send [chan send]`, or `leaked …`."""
    match = re.fullmatch(r"(?:group|leaked) (\S+) \[(.+)\]", name)
    if match is None:
        raise ValueError(f"{name!r} is no group")
    return match[1], WaitKind(match[2])
