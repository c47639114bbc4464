"""The master test: cutting the fold anywhere, storing the state and going on changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.words import FailureReason, Severity, Signal, WaitKind
from leakwarden.core import judge
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.judge import Judgement, codec
from leakwarden.core.parts import GOROUTINE_LEAK
from leakwarden.core.readings import Attempt, Failure, MapEntries, ProcessIdentity, Reading
from leakwarden.core.rules import RuleSet
from tests.core.judge.builders import MI, T0, failed_part, goroutines, heap, memstats, rule, rules

# Short windows, so that rules are met, held, fired and resolved within few attempts.
LIVE = rule("live", at_least=8 * MI, window=360.0, hold=60.0, severity=Severity.CRITICAL)
SLOW = rule("slow", at_least=12 * MI, window=900.0, hold=120.0)
SITE = rule("site", Signal.SITE_BYTES, at_least=6 * MI, window=360.0, hold=30.0)
BLOCKED = rule("blocked", Signal.BLOCKED_GOROUTINES, above=50, at_least=20, window=360.0, hold=30.0)
HIGH = rule("high", Signal.HEAP_INUSE, above=300 * MI, at_least=None, hold=0.0)
WATER = rule("water", Signal.WATER_LEVEL, above=80, at_least=None, hold=30.0)
MAPS = rule("maps", Signal.MAP_ENTRIES, at_least=5000)
PROOF = rule("proof", Signal.LEAKED_GOROUTINES, above=20, at_least=None, hold=30.0)
PAUSES = rule("pauses", Signal.GC_PAUSE, above=1.0, at_least=None, hold=0.0)
GOPLS = "golang.org/x/tools/gopls v0.22.0"
RULE_SETS = (
    rules(LIVE, SITE, BLOCKED, HIGH, PROOF, PAUSES),
    rules(LIVE, SLOW, SITE, WATER, MAPS, PROOF),
    replace(rules(SITE, BLOCKED, HIGH, PAUSES, grace=120.0), hide_labels=True),
)


@dataclass(frozen=True)
class Move:
    """What happens between one attempt and the next."""

    kind: str
    rise: float
    leak: float
    pace: float
    proof: str = ""
    """What comes of the goroutineleak profile; empty: it is not asked for."""
    gcs: int = 1
    """Collections between two attempts, of 20 ms pause each."""


KINDS = (
    *["ok"] * 6, "gc", "all garbage", "no gc", "same", "no heap", "heap failed", "timeout", "refused", "restart",
    "killed", "unseen", "edit", "back",
)  # fmt: skip
MOVES = st.builds(
    Move,
    kind=st.sampled_from(KINDS),
    rise=st.sampled_from([0.0, 1.0, 4.0, -2.0, 60.0, -60.0]),
    leak=st.sampled_from([0.0, 2.0, 3.5]),
    pace=st.sampled_from([1.0, 1.0, 1.0, 2.5, 4.0, 5.0, 60.0]),
    proof=st.sampled_from(["", "all", "wobbles", "fails", "not served"]),
    gcs=st.sampled_from([0, 1, 10, 300]),
)
STRETCHES = st.lists(st.tuples(MOVES, st.integers(1, 25)), min_size=1, max_size=10)
"""One move for a while, then another: random single moves would never hold a rule."""


def told(stretches: Sequence[tuple[Move, int]]) -> list[tuple[Attempt, RuleSet]]:
    """The attempts of a life that goes through these stretches, each with the rules in force."""
    now, live, leaked, allocated, mark, gcs = T0, 200.0, 0.0, 0.0, 0, 0
    process, oom, rule_set = ProcessIdentity("pod", "c0", 1, T0 - 100), False, 0
    made: list[tuple[Attempt, RuleSet]] = []
    for move, count in stretches:
        for repeat in range(count):
            now += 30.0 * (move.pace if repeat == 0 else 1.0)
            kind = move.kind if repeat == 0 or move.kind in ("ok", "same", "timeout", "refused", "no heap") else "ok"
            if kind in ("restart", "killed"):
                process, oom = ProcessIdentity("pod", f"c{len(made)}", 1, now), kind == "killed"
            if kind in ("restart", "killed", "unseen"):
                live, leaked, allocated, gcs = 200.0, 0.0, 0.0, 0
            rule_set = (rule_set + 1) % len(RULE_SETS) if kind == "edit" else rule_set
            now -= 400.0 if kind == "back" else 0.0
            live, leaked = max(50.0, live + move.rise / count), leaked + move.leak
            gcs += move.gcs
            if kind != "same":
                allocated, mark = allocated + 64 * MI, mark + 1
            reading = Reading(
                heap=None if kind in ("no heap", "heap failed") else replace(
                    heap((live + leaked) * MI, {"example.com/x.Keep": leaked * MI}, alloc=allocated, mark=str(mark)),
                    entries=MapEntries(int(1000 * leaked), 1.0, None),
                ),
                goroutines=goroutines(
                    50 + 8 * leaked,
                    {("example.com/x.send", WaitKind.CHAN_SEND): 8 * leaked},
                    {"doc_id": {"a.go": int(7 * leaked), "b.go": int(leaked)}} if kind != "same" else {},
                ),
                memstats=memstats(1.5 * (live + leaked) * MI, 1.8 * (live + leaked) * MI, gcs=gcs, pause=0.02)
                if mark % 3 else None,
                failures={
                    **({"heap": failed_part()} if kind == "heap failed" else {}),
                    **({"heap-gc": failed_part()} if kind == "no gc" else {}),
                    **({GOROUTINE_LEAK: failed_part()} if move.proof == "fails" else {}),
                },
                leaked=goroutines(8 * leaked, {("example.com/x.send", WaitKind.CHAN_SEND): 8 * leaked})
                if move.proof == "all" or (move.proof == "wobbles" and repeat % 3) else goroutines(0)
                if move.proof == "wobbles" else None,
                not_served=frozenset({GOROUTINE_LEAK}) if move.proof == "not served" else frozenset(),
                heap_after_gc=heap((live + left) * MI, {"example.com/x.Keep": left * MI})
                if (left := {"gc": leaked, "all garbage": 0.0}.get(kind)) is not None else None,
            )  # fmt: skip
            failure = {"timeout": FailureReason.TIMEOUT, "refused": FailureReason.CONNECTION_REFUSED}.get(kind)
            outcome = reading if failure is None else Failure(failure, "x")
            looked = GoplsState(1, 1, int(leaked) % 7, int(live), None, None, str(int(leaked))) if mark % 4 else None
            info = GoplsInfo(0, 0.0, GOPLS, "go1.26.8", looked) if mark % 5 == 0 else GoplsInfo()
            limited = Attempt(now, outcome, process, 30.0, int(800 * MI), oom, info)
            made.append((limited, RULE_SETS[rule_set]))
    return made


def judged(life: Sequence[tuple[Attempt, RuleSet]], cuts: frozenset[int]) -> list[Judgement]:
    state = judge.start(life[0][1])
    said = []
    for index, (attempt, in_force) in enumerate(life):
        judgement = judge.step(state, attempt, in_force)
        state = codec.from_json(codec.to_json(judgement.state)) if index in cuts else judgement.state
        said.append(judgement)
    return said


@settings(max_examples=150, deadline=None)
@given(STRETCHES, st.frozensets(st.integers(0, 249), max_size=12), st.booleans())
def test_storing_the_state_anywhere_and_going_on_changes_nothing(
    stretches: list[tuple[Move, int]], cuts: frozenset[int], everywhere: bool
) -> None:
    life = told(stretches)
    assert judged(life, frozenset(range(len(life))) if everywhere else cuts) == judged(life, frozenset())


def test_the_lives_of_the_master_test_prove_leaks_lose_pauses_and_lack_the_profile() -> None:
    seen: set[str] = set()
    for proof in ("all", "wobbles", "fails", "not served"):
        for gcs in (10, 300):
            said = judged(told([(Move("ok", 0.0, 3.5, 1.0, proof, gcs), 25)]), frozenset())
            seen |= {
                f"{e.rule}: {e.state} {round(e.value, 3) if e.value else e.why[:9]}"
                for e in said[-1].rules
                if e.rule in ("proof", "pauses")
            }
    assert seen == {
        "proof: Firing 672.0", "proof: Firing 644.0", "proof: Unknown goroutine", "proof: Unknown the proce",
        "pauses: Firing 2.0", "pauses: Unknown more GCs ",
    }  # fmt: skip


def test_the_lives_of_the_master_test_confirm_findings_in_every_way() -> None:
    leak, idle = Move("ok", 0.0, 3.5, 1.0), Move("ok", 0.0, 0.0, 1.0)
    seen: set[str] = set()
    for kind in ("gc", "all garbage", "no gc", "ok"):
        said = judged(told([(idle, 5), (leak, 25), (Move(kind, 300.0 * (kind == "ok"), 3.5, 1.0), 1)]), frozenset())
        seen |= {f"{f.confirmation.result}/{f.confirmation.near_limit}" for f in said[-1].findings if f.confirmation}
    assert seen == {"Confirmed/False", "Garbage/False", "Unknown/False", "Unknown/True"}


def test_the_lives_of_the_master_test_open_and_end_findings_in_every_way() -> None:
    """Else the test above would hold of a judge that says nothing."""
    leak, idle = Move("ok", 0.0, 3.5, 1.0), Move("ok", 0.0, 0.0, 1.0)
    ends = [Move(kind, 0.0, 0.0, 1.0) for kind in ("restart", "killed", "refused", "edit")]
    seen: set[str] = set()
    for end in ends:
        said = judged(told([(idle, 5), (leak, 25), (leak, 25), (end, 5), (idle, 25)]), frozenset())
        seen |= {f"{t.kind}/{t.finding.resolution}" for j in said for t in j.transitions}
    assert {"Opened/None", "Resolved/ProcessEnded", "Resolved/OOMKilled", "Resolved/RuleChanged"} <= seen


@settings(max_examples=50, deadline=None)
@given(STRETCHES)
def test_every_finding_that_opens_is_told_until_it_ends_once(stretches: list[tuple[Move, int]]) -> None:
    open_now: set[str] = set()
    for judgement in judged(told(stretches), frozenset()):
        ended = [t.finding for t in judgement.transitions if t.kind is judge.TransitionKind.RESOLVED]
        opened = [t.finding for t in judgement.transitions if t.kind is judge.TransitionKind.OPENED]
        assert all(f.resolution is not None and f.signature in open_now for f in ended)
        open_now -= {f.signature for f in ended}
        assert not open_now & {f.signature for f in opened}
        open_now |= {f.signature for f in opened}
        assert {f.signature for f in judgement.findings if f.open} == open_now
        assert [f for f in judgement.findings if not f.open] == ended
