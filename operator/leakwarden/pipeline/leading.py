"""Leader election: take the Lease, keep it, give it back. Of two operators only the holder acts.

What makes it safe is not here alone: every write of a leader passes `Term.check` right before its bytes leave (see
`adapters/kube_api.py`), and the journal knows whose it is. docs/ha.md puts it together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from leakwarden.core.lease import NEVER, LeaseRecord, Observed, Timing, free_at, given_back, observe, taken
from leakwarden.errors import ApiConflict, ApiError, ApiNotFound, NotLeader
from leakwarden.pipeline.clock import uptime
from leakwarden.pipeline.ports import Leases

log = logging.getLogger(__name__)

Seconds = Callable[[], float]

MOMENT = 0.05
"""Seconds that are waited at least: the loop's clock is another one than that of the Lease, and may be ahead of it."""


class Term:
    """One stretch of leading. Once it is over it never holds again: who leads again has another."""

    def __init__(self, clock: Seconds, until: float) -> None:
        self._clock = clock
        self._until = until
        self._over = False

    @property
    def left(self) -> float:
        """Seconds for which it may still be acted on; 0 once it is over."""
        left = 0.0 if self._over else self._until - self._clock()
        if left <= 0:
            self._over = True
        return max(0.0, left)

    def check(self) -> None:
        """Raises NotLeader when it is over."""
        if not self.left:
            raise NotLeader("not sent: the Lease is not held any more, and another operator may be acting")

    def extend(self, until: float) -> None:
        """A renewal; one that comes too late changes nothing."""
        if self.left:
            self._until = max(self._until, until)

    def end(self) -> None:
        self._over = True


class Leading:
    """One candidate for one Lease; `me` must be a name that no other living process has.

    `clock` is what waiting is measured by, `wall` what is written for people to read.
    """

    def __init__(
        self,
        leases: Leases,
        me: str,
        timing: Timing,
        *,
        clock: Seconds = uptime,
        wall: Seconds = time.time,
    ) -> None:
        self._leases = leases
        self._me = me
        self._timing = timing
        self._clock = clock
        self._wall = wall
        self._seen = NEVER
        self._said = ""
        self.term: Term | None = None
        """The one that was acquired last; it may be over."""
        self.trouble = "the Lease was not looked at yet"
        """Why the Lease can be neither read nor taken; empty: it can, or another holds it."""

    @property
    def leads(self) -> bool:
        return self.term is not None and self.term.left > 0

    @property
    def leader(self) -> str:
        """Who else holds the Lease, as last seen; empty: nobody, or it was never seen."""
        holder = self._seen.record.holder if self._seen.record else ""
        return "" if holder == self._me else holder

    async def acquire(self) -> Term:
        """Return once the Lease is held. Trouble with the API is logged, and tried again for as long as it takes."""
        while True:
            wait = self._timing.retry
            try:
                async with asyncio.timeout(self._timing.renew_deadline):
                    found = await self._leases.read()
                    now = self._clock()
                    self._seen = observe(self._seen, found, now)
                    left = free_at(self._seen, self._me, self._timing, fresh=self.term is None) - now
                    if left <= 0:
                        self.term = Term(self._clock, await self._write(found))
                        log.info("this operator, %s, leads", self._me)
                        return self.term
                    wait = min(wait, max(left, MOMENT))
                    self._say(logging.INFO, f"standing by: {self.leader or 'nobody'} leads")
                    self.trouble = ""
            except ApiConflict:
                pass  # another was faster: the next look tells who
            except (ApiError, TimeoutError) as error:
                self.trouble = f"the Lease can be neither read nor taken, so nothing is done: {_said(error)}"
                self._say(logging.WARNING, self.trouble)
            await asyncio.sleep(wait)

    async def _write(self, found: LeaseRecord | None) -> float:
        """Take it, or renew it. Until when it may be acted on: that counts from before the request left."""
        until = self._clock() + self._timing.renew_deadline
        stored = await self._leases.write(taken(found, self._me, self._timing, self._wall()))
        self._seen = Observed(stored, self._clock())
        self._said = self.trouble = ""
        return until

    async def keep(self, term: Term) -> None:
        """Renew the Lease; raises NotLeader, with the reason, as soon as it is lost, and the term is over then."""
        try:
            while True:
                await asyncio.sleep(min(self._timing.retry, max(term.left, MOMENT)))
                if term.left:
                    await self._renew(term)
                if not term.left:
                    raise NotLeader(f"the Lease could not be renewed within {self._timing.renew_deadline:g} s")
        except NotLeader:
            term.end()
            raise

    async def _renew(self, term: Term) -> None:
        try:
            async with asyncio.timeout(term.left):
                try:
                    term.extend(await self._write(self._seen.record))
                except (ApiConflict, ApiNotFound):
                    term.extend(await self._write(await self._look()))
        except NotLeader:
            raise
        except (ApiError, TimeoutError) as error:
            self._say(logging.WARNING, f"the Lease is not renewed yet: {_said(error)}")

    async def _look(self) -> LeaseRecord | None:
        """Somebody has written it: another holder, or a person who changed a label or deleted it."""
        found = await self._leases.read()
        self._seen = Observed(found, self._clock())
        if found is not None and found.holder != self._me:
            raise NotLeader(f"the Lease was taken by {found.holder or 'nobody'}")
        return found

    async def give_back(self, term: Term) -> None:
        """At the end, when nothing acts any more: let the next begin at once. Where that fails, it has to wait."""
        left, held = term.left, self._seen.record
        term.end()
        if not left or held is None:
            return
        try:
            async with asyncio.timeout(left):
                await self._leases.write(given_back(held, self._wall()))
        except (ApiError, TimeoutError) as error:
            log.warning("the Lease is not given back, and ends by itself: %s", _said(error))

    def _say(self, level: int, what: str) -> None:
        """Once, and again when it is something else."""
        if what != self._said:
            log.log(level, what)
            self._said = what


def _said(error: Exception) -> str:
    return str(error) or "no answer in time"
