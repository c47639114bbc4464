"""The runtime's own proof of leaked goroutines: what two `goroutineleak` profiles in a row agree on.

A goroutine is in that profile when nothing that runs can reach what it waits for. It never comes back, but one profile
may miss it (runnable goroutines and globals reach more than is ever used), so a count is believed when it came twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leakwarden.api.words import Signal
from leakwarden.core.judge.segments import grace_left
from leakwarden.core.judge.tracks import group_uses
from leakwarden.core.judge.values import Hold, LeakedPlace, LeakProfile, Segment, TargetState
from leakwarden.core.parts import GOROUTINE_LEAK
from leakwarden.core.readings import GoroutineReading, Reading
from leakwarden.core.rules import Rule, RuleSet

PLACES = 32
"""Places that are remembered, those with most goroutines; what stands at others is not counted."""
EVERY = 10.0
"""Intervals between two profiles: each costs the process a full collection."""
EVERY_SOONER = 3.0
"""Intervals, where the goroutines grow or a rule is met and not yet held. Less than the gap that breaks a hold."""
EARLY = 0.5
"""Intervals by which one may come early, since rounds are jittered."""
MORE = 50
"""Goroutines more than when the last profile was taken count as growing."""


def read(profile: LeakProfile, at: float, reading: Reading) -> LeakProfile:
    """What is known after this reading; unchanged where the profile was not asked for."""
    if reading.leaked is not None:
        return _agreed(profile, at, reading.leaked)
    if GOROUTINE_LEAK in reading.not_served:
        return replace(profile, asked_at=at, served=False, ask_again=False)
    if GOROUTINE_LEAK in reading.failures:
        return replace(profile, asked_at=at, ask_again=False)
    return profile


def unread(profile: LeakProfile) -> str:
    """Why nothing can be said of this process at all; empty where something was read or failed to be."""
    if not profile.served:
        return "the process serves no goroutineleak profile (built with Go 1.27 it would)"
    return "" if profile.asked_at is not None else "the goroutineleak profile was not asked for yet"


def _agreed(before: LeakProfile, at: float, reading: GoroutineReading) -> LeakProfile:
    """Each place's count moves to what this reading and the one before agree on: up to the lower, down to the higher.

    So one reading that misses some takes nothing back."""
    uses = {use.key: use for use in group_uses(reading)}
    places: dict[str, LeakedPlace] = {}
    for key in {**before.places, **uses}:
        old, use = before.places.get(key), uses.get(key)
        last, agreed = (old.last, old.agreed) if old else (0, 0)
        count = int(use.value) if use else 0
        agreed = min(max(agreed, min(last, count)), max(last, count))
        site = use.site if use else before.places[key].site
        if count or agreed:
            places[key] = LeakedPlace(site, count, agreed)
    differs = any(place.last != place.agreed for place in places.values())
    return LeakProfile(
        asked_at=at,
        served=True,
        known=before.known or before.read or not places,
        read=True,
        ask_again=differs and not before.ask_again,
        places=_bounded(places),
    )


def _bounded(places: Mapping[str, LeakedPlace]) -> Mapping[str, LeakedPlace]:
    ranked = sorted(places, key=lambda key: (-max(places[key].last, places[key].agreed), key))
    return {key: places[key] for key in ranked[:PLACES]}


def total(profile: LeakProfile) -> int:
    """Goroutines that two readings in a row agree on."""
    return sum(place.agreed for place in profile.places.values())


def worst(profile: LeakProfile) -> str:
    """The key of the place with most of them; empty without any."""
    leaking = {key: place.agreed for key, place in profile.places.items() if place.agreed}
    return min(leaking, key=lambda key: (-leaking[key], key), default="")


def due(state: TargetState, rules: RuleSet, now: float, interval: float) -> bool:
    """Whether a round at `now` should take the profile. `interval` in seconds.

    Each tenth interval where a rule needs it; in the next round when the last profile is to be confirmed; each third
    while goroutines grow or a rule is met that has not held long enough. Never while the process is too young to be
    judged, and not again where it answered that it has no such profile.
    """
    asking = [rule for rule in rules.rules if rule.signal is Signal.LEAKED_GOROUTINES]
    segment = state.segment
    if not asking or segment is None or segment.over or grace_left(segment, rules.grace, now) > 0:
        return False
    profile = segment.leaks
    if not profile.served:
        return False
    if profile.asked_at is None or profile.ask_again:
        return True
    sooner = _more(segment, profile.asked_at) or any(_pursued(rule, state.holds) for rule in asking)
    every = EVERY_SOONER if sooner else EVERY
    return now - profile.asked_at >= (every - EARLY) * interval


def _more(segment: Segment, asked_at: float) -> bool:
    count = segment.goroutines
    return len(count) > 0 and count.last - count.at(asked_at) >= MORE


def _pursued(rule: Rule, holds: Mapping[str, Hold]) -> bool:
    hold = holds.get(f"{rule.name}\n")
    return hold is not None and hold.held < rule.hold * (1 - 1e-9)
