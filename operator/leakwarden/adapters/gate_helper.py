"""The other side of our Go package leakgate: a test binary that runs its tests when asked, and stays to be read."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final

import aiohttp

from leakwarden.adapters.gate_command import Command, how
from leakwarden.adapters.kube_errors import cap
from leakwarden.errors import NotMeasured

ADDRESS_FILE: Final = "LEAKWARDEN_GATE_ADDR_FILE"
"""The variable by which the test binary is told where to write `127.0.0.1:PORT`."""
_PAUSE: Final = 0.05
_LAST_WORDS: Final = 5.0
"""Seconds for a process that broke the connection to end, so that its exit code can be told."""


class GoTests:
    """A command that ends up in `leakgate.Main`. All methods raise NotMeasured."""

    def __init__(self, command: Command, folder: Path) -> None:
        """`folder` is empty and ours."""
        self._command = command
        self._file = folder / "address"
        self._url = ""
        self._passed = 0
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))

    async def __aenter__(self) -> GoTests:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def start(self, seconds: float) -> str:
        """Starts the command; the URL of its pprof as soon as it has told where that is."""
        await self._command.start({ADDRESS_FILE: str(self._file)})
        ended = asyncio.ensure_future(self._command.ended())
        try:
            async with asyncio.timeout(seconds):
                while not (address := self._address()):
                    await asyncio.wait([ended], timeout=_PAUSE)
                    if ended.done() and not self._address():
                        raise NotMeasured(_never_served(self._command.shown, ended.result()))
        except TimeoutError as error:
            raise NotMeasured(
                f"{self._command.shown} did not serve pprof within {seconds:g} s: does TestMain call leakgate.Main? "
                "--ready-timeout waits longer, for tests that compile for long"
            ) from error
        finally:
            ended.cancel()
        self._url = f"http://{address}"
        return f"{self._url}/debug/pprof"

    def _address(self) -> str:
        """Empty as long as it is not there as a whole line."""
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return ""
        return text.strip() if text.endswith("\n") else ""

    async def run(self) -> None:
        """The tests, once."""
        if code := await self._order("run"):
            raise NotMeasured(
                f"{self._command.shown}: the tests failed ({how(code)}){self._again()}; nothing is said about leaks "
                "before they pass"
            )
        self._passed += 1

    async def end(self) -> None:
        """Lets the command come to its end, which must be a good one."""
        await self._order("end")
        await self._command.succeed()

    async def _order(self, what: str) -> int:
        """The exit code that is answered when it is carried out."""
        url = f"{self._url}/leakgate/{what}"
        try:
            async with self._session.post(url) as answer:
                text = await answer.text()
                if answer.status != HTTPStatus.OK:
                    raise NotMeasured(
                        f"{url} answered HTTP {answer.status}: {cap(text)}: is leakgate as old as this gate?"
                    )
                return int(json.loads(text)["exitCode"])
        except (aiohttp.ClientError, ConnectionError) as error:
            raise NotMeasured(await self._broke(str(error))) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NotMeasured(f"{url} gave an answer that is none: {cap(str(error))}") from error

    async def _broke(self, why: str) -> str:
        try:
            async with asyncio.timeout(_LAST_WORDS):
                code = await self._command.ended()
        except TimeoutError:
            return f"{self._command.shown}: the test binary can no longer be reached: {cap(why)}"
        return f"{self._command.shown} ended in the middle of the tests: {how(code)}{self._again()}"

    def _again(self) -> str:
        """What is worth a look where tests fail that have passed."""
        if not self._passed:
            return ""
        return f" in run {self._passed + 1} in one process, after they had passed (try -count 2)"


def _never_served(command: str, code: int) -> str:
    if code:
        return f"{command} failed: {how(code)}"
    return (
        f"{command} ended without serving pprof: its TestMain must call leakgate.Main; or, where it drives a "
        "server, give --url"
    )
