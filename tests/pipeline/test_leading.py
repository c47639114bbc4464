"""Leader election in virtual time: who leads when, and that it is never two, whatever network and clocks do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakwarden.core.lease import LeaseRecord, Timing
from leakwarden.errors import ApiConflict, ApiError, ApiForbidden, ApiNotFound, ApiUnavailable, NotLeader
from leakwarden.pipeline.leading import Leading, Term
from tests.pipeline.virtual_time import VirtualTimeLoop

TIMING = Timing(duration=15, renew_deadline=10, retry=2)


@dataclass
class LeaseServer:
    """One Lease, compared and swapped by its version, as the API server does it."""

    record: LeaseRecord | None = None
    version: int = 0

    def write(self, record: LeaseRecord) -> LeaseRecord:
        if record.version != (self.record.version if self.record else ""):
            raise ApiNotFound("gone", 404) if self.record is None else ApiConflict("another version", 409)
        self.version += 1
        self.record = replace(record, version=str(self.version))
        return self.record

    @property
    def holder(self) -> str:
        return self.record.holder if self.record else ""


@dataclass(frozen=True)
class Way:
    """What happens to one request: seconds there and back, and whether it or its answer is lost."""

    there: float = 0.01
    back: float = 0.01
    lost: bool = False
    answer_lost: bool = False


@dataclass
class Network:
    """Implements `Leases` for one operator. A request under way arrives even when nobody waits for it any more."""

    server: LeaseServer
    ways: Iterator[Way] = field(default_factory=lambda: cycle([Way()]))
    error: ApiError | None = None
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    async def read(self) -> LeaseRecord | None:
        found: LeaseRecord | None = await self._pass(lambda: self.server.record)
        return found

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        stored: LeaseRecord = await self._pass(lambda: self.server.write(record))
        return stored

    async def _pass(self, ask: Callable[[], Any]) -> Any:
        if self.error is not None:
            raise self.error
        way = next(self.ways)
        task = asyncio.create_task(self._arrive(way, ask))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        answer = await asyncio.shield(task)
        await asyncio.sleep(way.back)
        if way.answer_lost:
            raise ApiUnavailable("connection reset")
        if isinstance(answer, ApiError):
            raise answer
        return answer

    @staticmethod
    async def _arrive(way: Way, ask: Callable[[], Any]) -> Any:
        await asyncio.sleep(way.there)
        if way.lost:
            return ApiUnavailable("connection refused")
        try:
            return ask()
        except ApiError as error:
            return error


@dataclass
class Operator:
    """As much of one as elections need. `turns`: when it began to lead, and how that ended, in time of the loop."""

    name: str
    network: Network
    rate: float = 1.0
    offset: float = 0.0
    turns: list[tuple[float, str]] = field(default_factory=list)
    others: list[Operator] = field(default_factory=list)
    """Who must not lead when this one begins to. Two that lead at once begin with one that begins."""
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.leading = Leading(self.network, self.name, TIMING, clock=self.clock, wall=lambda: 0.0)

    def clock(self) -> float:
        return self.offset + self.rate * asyncio.get_running_loop().time()

    def start(self) -> Operator:
        self.task = asyncio.create_task(self.run())
        return self

    async def run(self) -> None:
        while True:
            term = await self.leading.acquire()
            assert not [other.name for other in self.others if other is not self and other.leading.leads]
            self.turns.append((asyncio.get_running_loop().time(), ""))
            try:
                await self.leading.keep(term)
            except NotLeader as lost:
                self.turns.append((asyncio.get_running_loop().time(), str(lost)))

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])


def operators(server: LeaseServer, *names: str) -> list[Operator]:
    return [Operator(name, Network(server)) for name in names]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_of_two_operators_one_leads_and_stays() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(600)
    assert [each.leading.leads for each in (one, two)] == [True, False]
    assert two.leading.leader == "one"
    assert server.record is not None
    assert server.record.transitions == 0


async def test_when_the_leader_is_killed_the_other_leads_once_the_lease_has_ended() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(61)
    await one.kill()
    killed = now()
    await asyncio.sleep(TIMING.duration + 1)
    assert two.leading.leads
    (began, _) = two.turns[0]
    assert TIMING.duration - TIMING.retry - 1 <= began - killed <= TIMING.duration + 0.1


async def test_given_back_the_lease_changes_hands_at_the_next_look() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(61)
    term = one.leading.term
    assert term is not None
    await one.kill()
    await one.leading.give_back(term)
    assert not one.leading.leads
    stopped = now()
    await asyncio.sleep(TIMING.retry + 0.1)
    assert two.leading.leads
    assert two.turns[0][0] - stopped <= TIMING.retry + 0.1


async def test_who_cannot_renew_stops_before_another_begins() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(61)
    one.network.error = ApiUnavailable("no route to host")
    await asyncio.sleep(30)
    (stopped, why), (began, _) = one.turns[1], two.turns[0]
    assert stopped < began
    assert why == "the Lease could not be renewed within 10 s"
    one.network.error = None
    await asyncio.sleep(5)
    assert one.leading.leader == "two"


async def test_a_renewal_counts_from_when_it_was_asked_for_however_late_the_answer_comes() -> None:
    """The others have seen it when it arrived, and may take over before its holder has heard of it."""
    server = LeaseServer()
    one, two = operators(server, "one", "two")
    one.network.ways = iter([Way(), Way(), Way(back=7.5), *[Way(lost=True)] * 100])
    one.others, two.others = [two], [one]
    tasks = [asyncio.create_task(each.run()) for each in (one, two)]
    await asyncio.wait(tasks, timeout=60)
    assert not any(task.done() for task in tasks)
    assert one.turns[1][0] == pytest.approx(2.0 + TIMING.renew_deadline, abs=0.1)
    assert two.leading.leads


async def test_a_short_outage_changes_nothing() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(61)
    one.network.error = two.network.error = ApiUnavailable("connection refused")
    await asyncio.sleep(TIMING.renew_deadline - TIMING.retry - 0.5)
    one.network.error = two.network.error = None
    await asyncio.sleep(60)
    assert (len(one.turns), two.turns) == (1, [])


async def test_a_renewal_whose_answer_was_lost_is_found_and_kept() -> None:
    server = LeaseServer()
    (one,) = operators(server, "one")
    ways = [Way(), Way(), Way(answer_lost=True), Way()]
    one.network.ways = cycle(ways)
    one.start()
    await asyncio.sleep(120)
    assert [why for _, why in one.turns] == [""]


async def test_who_was_asleep_beyond_the_lease_holds_nothing_when_it_wakes() -> None:
    """SIGSTOP, or a machine that was suspended: the clock has gone on, and nothing else has happened yet."""
    woken = [0.0]
    term = Term(lambda: woken[0], until=10.0)
    term.check()
    woken[0] = 10.0
    with pytest.raises(NotLeader):
        term.check()
    term.extend(1000.0)  # the answer to a renewal that was sent before
    assert term.left == 0


async def test_a_term_that_is_over_stays_over() -> None:
    clock = [9.0]
    term = Term(lambda: clock[0], until=10.0)
    clock[0] = 11.0
    assert term.left == 0
    clock[0] = 9.0
    with pytest.raises(NotLeader):
        term.check()


async def test_one_that_ends_its_term_itself_is_told_and_may_lead_again() -> None:
    """The journal was signed by another: it is not enough that the clock says nothing against it."""
    server = LeaseServer()
    (one,) = operators(server, "one")
    one.start()
    await asyncio.sleep(10)
    assert one.leading.term is not None
    first = one.leading.term
    first.end()
    await asyncio.sleep(TIMING.retry + 1)
    assert [bool(why) for _, why in one.turns] == [False, True, False]
    assert one.leading.leads
    assert first.left == 0


async def test_a_restart_in_the_same_home_goes_on_at_once() -> None:
    """The home is the state directory, which nobody else has."""
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "pod_home1_a", "pod_home2_a"))
    await asyncio.sleep(61)
    await one.kill()
    (again,) = operators(server, "pod_home1_b")
    again.start()
    await asyncio.sleep(TIMING.duration + 1)
    assert (again.leading.leads, two.leading.leads) == (True, False)
    assert again.turns[0][0] < 61.1


async def test_where_two_have_one_home_all_the_same_the_first_knows_at_its_next_renewal() -> None:
    server = LeaseServer()
    (one,) = operators(server, "pod_home_a")
    one.start()
    await asyncio.sleep(61)
    (again,) = operators(server, "pod_home_b")
    again.start()
    await asyncio.sleep(120)
    assert (one.leading.leads, again.leading.leads) == (False, True)
    (stopped, why) = one.turns[1]
    assert stopped - 61 <= TIMING.retry
    assert why == "the Lease was taken by pod_home_b"
    assert len(again.turns) == 1


async def test_a_lease_deleted_by_hand_is_put_back_by_its_holder() -> None:
    server = LeaseServer()
    one, two = (each.start() for each in operators(server, "one", "two"))
    await asyncio.sleep(61)
    server.record = None
    await asyncio.sleep(30)
    assert [each.leading.leads for each in (one, two)] == [True, False]
    assert len(one.turns) == 1


async def test_a_lease_that_a_person_changed_is_kept_and_one_that_another_took_is_lost_at_once() -> None:
    server = LeaseServer()
    (one,) = operators(server, "one")
    one.start()
    await asyncio.sleep(61)
    assert server.record is not None
    server.write(server.record)  # a label, say
    await asyncio.sleep(5)
    assert one.leading.leads
    server.write(replace(server.record, holder="two"))
    await asyncio.sleep(TIMING.retry + 0.1)
    assert one.turns[1][1] == "the Lease was taken by two"


async def test_without_rights_it_says_so_once_and_stands_by(caplog: pytest.LogCaptureFixture) -> None:
    server = LeaseServer()
    (one,) = operators(server, "one")
    assert one.leading.trouble
    one.network.error = ApiForbidden("cannot get leases.coordination.k8s.io in namespace leakwarden: no", 403)
    one.start()
    await asyncio.sleep(60)
    assert "cannot get leases" in one.leading.trouble
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    one.network.error = None
    await asyncio.sleep(5)
    assert (one.leading.leads, one.leading.trouble) == (True, "")


# -- never two --------------------------------------------------------------------------------------------------------

WAYS = st.builds(
    Way,
    there=st.sampled_from([0.01, 0.5, 3.0, 9.0, 14.0, 40.0]),
    back=st.sampled_from([0.01, 0.5, 3.0, 9.0, 14.0, 40.0]),
    lost=st.sampled_from([False, False, False, True]),
    answer_lost=st.sampled_from([False, False, False, True]),
)
"""Delays are of the network as well as of an operator that was paused while it waited."""
STORIES = st.lists(WAYS, min_size=1, max_size=12)
CLOCKS = st.tuples(st.sampled_from([0.87, 1.0, 1.13]), st.sampled_from([0.0, 5e4, -3e3]))
"""Rate and offset: the two of a pair may differ by a quarter, as the settings allow."""


@given(stories=st.tuples(STORIES, STORIES, STORIES), clocks=st.tuples(CLOCKS, CLOCKS, CLOCKS))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_at_no_time_do_two_believe_that_they_lead(
    stories: tuple[list[Way], ...], clocks: tuple[tuple[float, float], ...]
) -> None:
    async def story() -> None:
        server = LeaseServer()
        calm = [Way()] * 10
        all_of_them: list[Operator] = []
        for i, (ways, (rate, offset)) in enumerate(zip(stories, clocks, strict=True)):
            network = Network(server, cycle([*ways, *calm]))
            all_of_them.append(Operator(f"operator-{i}", network, rate, offset, others=all_of_them))
        tasks = [asyncio.create_task(each.run()) for each in all_of_them]
        done, _ = await asyncio.wait(tasks, timeout=400)
        for ended in done:
            ended.result()
        assert any(each.turns for each in all_of_them)

    run(story())


def run(story: Awaitable[None]) -> None:
    """In a loop of its own: hypothesis calls it again and again."""
    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(story)
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
    finally:
        loop.close()
