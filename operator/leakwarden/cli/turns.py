"""Whether this process acts: always, or in turns with others of its kind."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from leakwarden.adapters.lease_api import LeaseApi
from leakwarden.cli.assembly import Process, act, unless
from leakwarden.core.lease import Timing
from leakwarden.errors import NotLeader
from leakwarden.pipeline.inspecting import Inspecting
from leakwarden.pipeline.leading import Leading, Term
from leakwarden.pipeline.operator import Operator

log = logging.getLogger(__name__)


class Turns:
    """`run` until the process is to stop. `leads` and `readiness` are for those who look from outside."""

    def __init__(self, process: Process) -> None:
        self._process = process
        settings = process.settings
        self._leading: Leading | None = None
        self._operator: Operator | None = None
        self._inspecting: Inspecting | None = None
        if settings.leader_election:
            leases = LeaseApi(process.api, settings.namespace, settings.lease_name)
            timing = Timing(settings.lease_duration, settings.lease_renew_deadline, settings.lease_retry)
            self._leading = Leading(leases, process.identity, timing)

    @property
    def leads(self) -> bool:
        """Whether this process may act now."""
        return self._leading is None or self._leading.leads

    def readiness(self) -> tuple[bool, str]:
        """Whether it does its part, and which that is. One that stands by is ready: it has nothing to wait for."""
        if self._leading is not None and not self._leading.leads:
            trouble, leader = self._leading.trouble, self._leading.leader
            return not trouble, trouble or f"standing by: {leader or 'nobody'} leads"
        if self._operator is None or not self._operator.ready:
            return False, "policies and pods are not listed yet"
        return True, "ok"

    def ask(self) -> Inspecting | str:
        """Who can tell about the fleet, or why nobody here can: only the one that acts knows it."""
        if self._inspecting is None or not self.leads:
            return self.readiness()[1]
        return self._inspecting

    async def run(self) -> None:
        if self._leading is None:
            await act(self._process, self._process.stop, self._began)
            return
        stop = self._process.stop
        while not stop.is_set() and (term := await unless(stop, self._leading.acquire())) is not None:
            try:
                await self._act_for(term, self._leading)
            except NotLeader as lost:
                log.warning("everything is stopped, and this operator stands by: %s", lost)
            finally:
                self._operator = self._inspecting = None
            await self._leading.give_back(term)

    async def _act_for(self, term: Term, leading: Leading) -> None:
        """Until the process is to stop; NotLeader when the term is over before."""
        over = asyncio.Event()
        keeping = asyncio.create_task(unless(self._process.stop, leading.keep(term)))
        keeping.add_done_callback(lambda _: over.set())
        try:
            await act(self._process, over, self._began, term)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    def _began(self, operator: Operator, inspecting: Inspecting) -> None:
        self._operator, self._inspecting = operator, inspecting
