"""Between the decision and the request lie writes that can take long. What changed meanwhile is seen before anybody is
touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import OPT_OUT_ANNOTATION
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.pod_facts import SAFE_TO_EVICT_ANNOTATION
from leakwarden.core.policy import Policy
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import ApiForbidden
from leakwarden.pipeline.deciding import NOT_SENT
from tests.core.decide.fleets import evicted
from tests.pipeline.build import owned, pod, policy
from tests.pipeline.deciding_bench import Bench, annotating, evicting, pair
from tests.pipeline.fakes import FailingStore, HandClock, Look, MemoryJournal, Pods


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


def meanwhile(bench: Bench, what: Callable[[], object]) -> None:
    """Happens while the status is written: after the decision, before the request."""
    left = [what]

    def once(_: PolicyKey) -> None:
        if left:
            left.pop()()

    bench.statuses.on_write = once


MAKERS = [evicting, annotating]


@pytest.mark.parametrize("made", MAKERS, ids=["evict", "annotate"])
@pytest.mark.parametrize(
    "edit",
    [{"pausedUntil": "2099-01-01T00:00:00Z"}, {"mode": "Observe"}, {"labels": {"app": "other"}}],
    ids=["paused", "observes", "selects others"],
)
async def test_a_policy_edited_meanwhile_is_obeyed(
    bench: Bench, made: Callable[..., Policy], edit: dict[str, Any]
) -> None:
    by = made("gopls")
    bench.leaking(by, pod())
    mode = by.usable.remediation.mode.value if by.usable else ""
    after = policy("gopls", generation=2, **{"mode": mode, **edit})
    meanwhile(bench, lambda: bench.fleet.put_policy(after, list(bench.pods.by_namespace("demo"))))
    await bench.turn()
    assert bench.live.asked == []


@pytest.mark.parametrize("made", MAKERS, ids=["evict", "annotate"])
async def test_what_a_policy_wanted_that_was_deleted_meanwhile_is_dropped(
    bench: Bench, made: Callable[..., Policy]
) -> None:
    by = made("gopls")
    bench.leaking(by, pod())
    meanwhile(bench, lambda: bench.fleet.remove_policy(by.key))
    await bench.turn()
    assert bench.live.asked == []
    assert bench.journal.stored == {}


@pytest.mark.parametrize("made", MAKERS, ids=["evict", "annotate"])
@pytest.mark.parametrize(
    "changes",
    [{"annotations": {OPT_OUT_ANNOTATION: "true"}}, {"deleting": True}, {"phase": "Succeeded"}],
    ids=["opted out", "terminating", "not running"],
)
async def test_a_pod_that_came_under_protection_meanwhile_is_left_alone(
    bench: Bench, made: Callable[..., Policy], changes: dict[str, Any]
) -> None:
    bench.leaking(made("gopls"), pod())
    meanwhile(bench, lambda: see(bench, pod(**changes)))
    await bench.turn()
    assert bench.live.asked == []


@pytest.mark.parametrize("made", MAKERS, ids=["evict", "annotate"])
async def test_a_pod_that_is_gone_meanwhile_is_not_asked_for(bench: Bench, made: Callable[..., Policy]) -> None:
    bench.leaking(made("gopls"), pod())

    def gone() -> None:
        bench.pods.drop(pod().uid)
        bench.fleet.look_at_pod("demo", pod().uid, None)

    meanwhile(bench, gone)
    await bench.turn()
    assert bench.live.asked == []


async def test_the_last_ready_peer_that_went_meanwhile_counts(bench: Bench) -> None:
    bench.leaking(evicting(minReadyPeers=1), pod())
    bench.pods.put(pod("ws-2"))
    meanwhile(bench, lambda: bench.pods.drop(pod("ws-2").uid))
    await bench.turn()
    assert bench.live.asked == []
    await bench.turn()
    assert bench.decisions() == {"ws-1": Refusal.MIN_READY_PEERS}


async def test_a_finding_that_ended_meanwhile_leads_to_nothing(bench: Bench) -> None:
    (watch,) = bench.leaking(evicting(), pod())
    assert watch.report is not None
    over = replace(watch.report, findings=())
    meanwhile(bench, lambda: setattr(watch, "report", over))
    await bench.turn()
    assert bench.live.asked == []


UNSEEN_POLICIES = {
    "edited": policy("gopls", generation=2, mode="Evict", pausedUntil="2099-01-01T00:00:00Z"),
    "made anew": policy("gopls", uid="another", mode="Evict"),
    "deleted": None,
}


@pytest.mark.parametrize("there", UNSEEN_POLICIES.values(), ids=UNSEEN_POLICIES)
async def test_a_policy_whose_change_no_watch_has_told_is_obeyed(bench: Bench, there: Policy | None) -> None:
    by = evicting("gopls")
    bench.leaking(by, pod())
    bench.deciding._moment._look = Look(lambda: {} if there is None else {by.key: there}, bench.pods.pods.values)
    await bench.turn()
    assert (bench.live.asked, bench.journal.stored) == ([], {})


UNSEEN_PODS = {
    "opted out": pod(annotations={OPT_OUT_ANNOTATION: "true"}),
    "not safe to evict": pod(annotations={SAFE_TO_EVICT_ANNOTATION: "false"}),
    "another of that name": pod(uid="another"),
    "gone": None,
}


@pytest.mark.parametrize("there", UNSEEN_PODS.values(), ids=UNSEEN_PODS)
async def test_a_pod_whose_change_no_watch_has_told_is_left_alone(bench: Bench, there: PodFacts | None) -> None:
    bench.leaking(evicting(), pod())
    bench.deciding._moment._look = Look(lambda: bench.fleet.policies, lambda: [there] if there else [])
    await bench.turn()
    assert (bench.live.asked, bench.journal.stored) == ([], {})


async def test_another_version_of_the_same_pod_is_no_change(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    bench.deciding._moment._look = Look(lambda: bench.fleet.policies, lambda: [pod(resource_version="2")])
    await bench.turn()
    assert bench.live.evicted == ["ws-1"]


async def test_what_cannot_be_looked_at_once_more_is_not_evicted_until_it_can(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    bench.look.refuse = ApiForbidden("cannot get leakpolicies.leakwarden.io in namespace demo", 403)
    await bench.turn()
    assert (bench.live.asked, bench.journal.stored) == ([], {})
    bench.look.refuse = None
    await bench.turn()
    assert bench.live.evicted == ["ws-1"]


async def test_an_eviction_counts_from_when_it_is_sent_and_not_from_when_it_was_planned(bench: Bench) -> None:
    """Or there were more in a stretch of the window than the budget has."""
    bench.leaking(evicting(), pod())
    meanwhile(bench, lambda: setattr(bench.clock, "at", bench.clock.at + 20.0))
    await bench.turn()
    assert bench.live.evicted == ["ws-1"]
    assert bench.entry().at == bench.clock.at


class SlowJournal(MemoryJournal):
    """What happens while an intent is written, happens."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    async def intend(self, action: Action) -> None:
        await super().intend(action)
        self.meanwhile()


async def test_what_changes_while_the_journal_is_written_is_seen_and_spends_nothing(store: SqliteStore) -> None:
    journal = SlowJournal()
    bench = Bench(FailingStore(store), journal, Pods(), HandClock())
    bench.leaking(evicting(budget={"actions": 1, "window": "1h"}), *pair())
    opted_out = replace(pair()[0], annotations={OPT_OUT_ANNOTATION: "true"})
    journal.meanwhile = lambda: see(bench, opted_out)
    await bench.turn()
    assert bench.live.asked == []
    assert (bench.entry().state, bench.entry().message) == (ActionState.FAILED, NOT_SENT)
    await bench.turn()
    assert bench.live.evicted == ["ws-2"]


async def test_of_several_evictions_each_is_decided_on_what_those_before_it_led_to(bench: Bench) -> None:
    """Another process has written the journal while the first was settled, and has spent what was left."""
    by, theirs = evicting(budget={"actions": 2, "window": "1h"}), owned("ws-9", "nine")
    bench.leaking(by, *pair())

    def look(verb: str, which: PodFacts) -> None:
        spent = evicted(theirs, id="theirs", policy=by.key, at=bench.clock.at)
        bench.journal.stored["theirs"] = bench.journal._entries["theirs"] = spent  # as `put` reads it on a conflict

    bench.live.on_ask = look
    await bench.turn()
    assert bench.live.evicted == ["ws-1"]
    assert bench.state() is ActionState.DONE


async def test_what_the_journal_has_read_meanwhile_counts_whatever_it_was_read_for(bench: Bench) -> None:
    """Its version moved with it, so that nothing else would refuse what was decided on the older one."""
    by = evicting(budget={"actions": 1, "window": "1h"})
    bench.put(by, pod())
    await bench.turn()
    bench.leaking(by)
    bench.journal._entries["theirs"] = evicted(owned("ws-9", "nine"), id="theirs", policy=by.key, at=bench.clock.at)
    await bench.turn()
    assert (bench.decisions(), bench.live.asked) == ({"ws-1": Refusal.BUDGET}, [])


def see(bench: Bench, which: PodFacts) -> None:
    bench.pods.put(which)
    bench.fleet.look_at_pod(which.namespace, which.uid, which)
