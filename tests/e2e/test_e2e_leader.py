"""Two operators and one Lease: the leader dies, or is stopped, with an eviction under way; the other takes over, and
nothing is done twice.

Three pairs, one a moment, so that their waits overlap. The leader of each is behind a proxy that kills or stops it at a
chosen request (see killing_proxy); the other reaches the API server directly. They share only what is in the API.
The witness is the API server's audit log.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hack.local_operator import LocalOperator
from tests.e2e.conftest import Stage
from tests.e2e.killing_proxy import KillingProxy, Moment, Seen, Trap
from tests.e2e.operators import operator
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene
from workloads.manifests import manifest

pytestmark = pytest.mark.e2e

UNSENT, SENT, ASLEEP = "e2e-leader-unsent", "e2e-leader-sent", "e2e-leader-asleep"
ELECTION = {
    "LEAKWARDEN_LEADER_ELECTION": "true",
    "LEAKWARDEN_LEASE_DURATION": "6",
    "LEAKWARDEN_LEASE_RENEW_DEADLINE": "4.5",
    "LEAKWARDEN_LEASE_RETRY": "0.5",
}
REMEDIATION: dict[str, Any] = {
    "mode": "Evict", "stormPercent": 100, "minReadyPeers": 0, "cooldown": "0s", "budget": {"actions": 1},
}  # fmt: skip
APP, POLICY = "leader", "watch"
TAKES_OVER = 40.0
"""Seconds within which the other must lead: 6 of the Lease, and a busy machine."""
ACTS = 150.0
"""Seconds within which it acts: 15 until nothing of the dead one can be under way, 27 to find the leak anew."""


@dataclass
class Pair:
    """Two operators of one installation. `scene` is told by the second, which outlives the first."""

    scene: Scene
    proxy: KillingProxy
    first: LocalOperator
    second: LocalOperator

    def end(self) -> None:
        """Whatever of it was started; one that is stopped, too."""
        for each in (self.first, self.second):
            if each.process is not None:
                each.kill()

    def set_trap(self, catches: Callable[[Seen], bool], moment: Moment, how: signal.Signals) -> Trap:
        assert self.first.process is not None
        return self.proxy.arm(self.first.process.pid, catches, moment, how)

    def wait_caught(self, trap: Trap, deadline: float = 90) -> Seen:
        if not trap.sprung.wait(deadline):
            raise AssertionError(f"the leader came to no eviction within {deadline:g} s\n{self.first.tail()}")
        assert trap.caught is not None
        return trap.caught

    def wait_takes_over(self) -> None:
        def leads() -> None:
            assert self.second.says() == "ok", self.second.says()

        self.scene.eventually(leads, TAKES_OVER)
        assert "leakwarden_leader 1.0" in self.second.metrics()

    def assert_evicted(self, *uids: str) -> None:
        """These pods, each by one request that was accepted, and no other."""
        accepted = [request.uid for request in self.scene.evictions() if request.accepted]
        assert accepted == list(uids), self.scene.evictions()

    def assert_done_once(self) -> None:
        actions = self.scene.actions(POLICY)
        assert [(each["action"], each["state"]) for each in actions] == [("Evict", "Done")], actions
        told = [(event.kind, event.count) for event in self.scene.events("ActionTaken") if event.type == "Normal"]
        assert sorted(told) == [("LeakPolicy", 1), ("Pod", 1)], told

    def assert_held_back(self) -> None:
        """The replacement leaks as well, and a second eviction would be due."""
        assert self.scene.decisions(POLICY).keys() & {"ActionInFlight", "BudgetSpent"}, self.scene.decisions(POLICY)


@pytest.fixture(scope="module")
def pairs(
    stage: Stage, new_namespace: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Pair]]:
    """All started, with nothing found yet."""
    with ExitStack() as stack:
        made: dict[str, Pair] = {}
        for namespace in (UNSENT, SENT, ASLEEP):
            directory: Path = tmp_path_factory.mktemp(namespace)
            proxy = stack.enter_context(KillingProxy(stage.cluster, directory))
            home, watched = new_namespace(f"{namespace}-operator"), [new_namespace(namespace)]
            first = operator(stage.cluster, directory / "first", home, watched, proxy)
            second = operator(stage.cluster, directory / "second", home, watched)
            made[namespace] = Pair(Scene(stage.cluster, namespace, second), proxy, first, second)
            stack.callback(made[namespace].end)
        with ThreadPoolExecutor() as starting:
            list(starting.map(_start, made.values()))
        for namespace, pair in made.items():
            pair.scene.apply(policy(POLICY, {"app": APP}, rules=[QUICK], **REMEDIATION))
            pair.scene.apply(manifest(quick_leak(stage.images, APP, namespace)))
        yield made


def _start(pair: Pair) -> None:
    """The first leads, since it is first; the second is ready, and stands by."""
    for each in (pair.first, pair.second):
        each.environment = {**each.environment, **ELECTION}
        each.start(60)
    assert (pair.first.says(), pair.second.says().split(":")[0]) == ("ok", "standing by")


@pytest.fixture(scope="module")
def traps(pairs: dict[str, Pair]) -> dict[str, Trap]:
    """Set before the first leak can be found."""
    return {
        UNSENT: pairs[UNSENT].set_trap(_evicts, Moment.BEFORE, signal.SIGKILL),
        SENT: pairs[SENT].set_trap(_evicts, Moment.AFTER, signal.SIGKILL),
        ASLEEP: pairs[ASLEEP].set_trap(_intends, Moment.AFTER, signal.SIGSTOP),
    }


def test_a_leader_that_was_stopped_beyond_its_lease_does_nothing_when_it_wakes(
    pairs: dict[str, Pair], traps: dict[str, Trap]
) -> None:
    """Its intent is in the journal, the answer is on its way to it, and the eviction is what it does next. It comes
    first: after 30 s the operator would not wait for that answer any more."""
    pair = pairs[ASLEEP]
    pair.wait_caught(traps[ASLEEP])
    pair.wait_takes_over()

    pair.proxy.disarm()
    before = len(pair.proxy.seen)
    assert pair.first.process is not None
    os.killpg(pair.first.process.pid, signal.SIGCONT)
    pair.scene.eventually(lambda: _assert_tried(pair), 20)
    pair.scene.eventually(lambda: _assert_stands_by(pair), 20)
    (evicted,) = pair.scene.eventually(lambda: _one_evicted(pair), ACTS)
    pair.scene.eventually(pair.assert_done_once, 30)
    _assert_silent(pair, before)
    assert [request.uid for request in pair.scene.evictions()] == [evicted]
    assert not any(_evicts(seen) for seen in pair.proxy.seen)


def test_a_leader_killed_before_its_eviction_arrived_leaves_it_to_the_other(
    pairs: dict[str, Pair], traps: dict[str, Trap]
) -> None:
    pair = pairs[UNSENT]
    pod = str(pair.wait_caught(traps[UNSENT]).body["deleteOptions"]["preconditions"]["uid"])
    pair.wait_takes_over()
    pair.scene.eventually(lambda: pair.assert_evicted(pod), ACTS)
    pair.scene.eventually(pair.assert_done_once, 30)
    told = [event for event in pair.scene.events("LeakDetected", "Pod") if event.uid == pod]
    assert [event.count for event in told] == [1], told
    pair.scene.eventually(pair.assert_held_back, 90)
    pair.assert_evicted(pod)


def test_a_leader_killed_after_its_eviction_was_accepted_leaves_nothing_to_do(
    pairs: dict[str, Pair], traps: dict[str, Trap]
) -> None:
    pair = pairs[SENT]
    pod = str(pair.wait_caught(traps[SENT]).body["deleteOptions"]["preconditions"]["uid"])
    pair.scene.eventually(lambda: pair.assert_evicted(pod), 10)

    pair.wait_takes_over()
    pair.scene.eventually(pair.assert_done_once, 30)
    pair.scene.wait_ready(APP, 1)
    pair.scene.eventually(pair.assert_held_back, ACTS)
    pair.assert_evicted(pod)
    pair.assert_done_once()


def _one_evicted(pair: Pair) -> list[str]:
    accepted = [request.uid for request in pair.scene.evictions() if request.accepted]
    assert len(accepted) == 1, accepted
    return accepted


def _assert_tried(pair: Pair) -> None:
    """It went on where it had been stopped, and the guard was what held it back."""
    log = pair.first.log.read_text()
    assert "not sent: the Lease is not held any more" in log
    assert "everything is stopped, and this operator stands by" in log


def _assert_stands_by(pair: Pair) -> None:
    assert pair.first.says().startswith("standing by: "), pair.first.says()
    assert "leakwarden_leader 0.0" in pair.first.metrics()


def _assert_silent(pair: Pair, before: int) -> None:
    writes = [seen for seen in pair.proxy.seen[before:] if seen.method != "GET"]
    assert writes == []


def _evicts(seen: Seen) -> bool:
    return seen.method == "POST" and seen.path.endswith("/eviction")


def _intends(seen: Seen) -> bool:
    """The journal's entry for an eviction, written ahead."""
    journal = seen.method == "PUT" and seen.path.endswith("/configmaps/leakwarden-journal")
    return journal and '"Intended"' in seen.body["data"]["journal.json"]
