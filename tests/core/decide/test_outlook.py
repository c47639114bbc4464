"""Every rail in the way of one finding, in their order: what `explain` shows behind the one that refused."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.api.words import Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.decide import FleetView, plan
from leakwarden.core.decide.outlook import outlook
from tests.core.decide.fleets import NOW, evicted, found, leak, one_leak, pod, policy


def reasons(seen: FleetView) -> list[Refusal]:
    (finding,) = seen.findings
    return [one.refusal for one in outlook(seen, finding, NOW)]


def test_what_nothing_holds_back_has_nothing_in_its_way() -> None:
    assert reasons(one_leak()) == []


def test_all_that_say_no_are_named_and_the_first_is_the_one_that_was_decided() -> None:
    before = evicted(pod("ws-0"))
    on = pod(annotations={"leakwarden.io/opt-out": "yes"})
    seen = one_leak(on, policy(paused_until=NOW + 60), peers=(), journal=[before])
    assert reasons(seen) == [Refusal.OPTED_OUT, Refusal.PAUSED, Refusal.COOLDOWN, Refusal.MIN_READY_PEERS]
    (decided,) = plan(seen, NOW).decisions
    assert decided.decision.refusal is Refusal.OPTED_OUT


def test_a_policy_that_only_observes_is_asked_as_if_it_evicted() -> None:
    seen = one_leak(by=policy(mode=Mode.OBSERVE), finding=leak(confirmation=None), peers=())
    assert reasons(seen) == [Refusal.OBSERVE_ONLY, Refusal.MIN_READY_PEERS, Refusal.NOT_CONFIRMED]


def test_of_a_pod_that_is_not_known_nothing_about_the_pod_is_asked() -> None:
    seen = one_leak(by=policy(mode=Mode.OBSERVE, paused_until=NOW + 60))
    assert reasons(replace(seen, pods={})) == [Refusal.OBSERVE_ONLY, Refusal.TARGET_NOT_SEEN]


def test_a_policy_that_is_gone_has_no_rails() -> None:
    assert outlook(FleetView(), found(pod(), policy()), NOW) == ()
