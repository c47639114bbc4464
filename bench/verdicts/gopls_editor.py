"""An editor without a screen: starts a gopls, speaks the language server protocol with it, ends it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.verdicts.recorder import end

ANSWER = 120.0
"""Seconds that gopls may take for one answer; while it loads it gives none."""
CREATED, DELETED = 1, 3
"""Kinds of change on disk."""


class EditorError(Exception):
    """gopls has gone, or gives no answer."""


class Editor:
    """One gopls and the documents that are open in it.

    Requests of gopls are answered with null, and those for its configuration with no settings. After `silent` is set
    those for the configuration are not answered at all.
    """

    def __init__(self, process: Process, folders: Sequence[Path]) -> None:
        self.silent = False
        self.process = process
        self._folders = folders
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._texts: dict[Path, str] = {}
        self._versions: dict[Path, int] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, gopls: Path, port: int, folders: Sequence[Path], env: Mapping[str, str]) -> Editor:
        """A gopls whose debug pages are at this port. Handshakes are left to `initialize`."""
        process = await asyncio.create_subprocess_exec(
            "nice", "-n", "5", str(gopls), f"-debug=localhost:{port}", "serve",
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=folders[0], env=dict(env), start_new_session=True,
        )  # fmt: skip
        return cls(process, folders)

    async def initialize(self) -> None:
        folders = [{"uri": folder.as_uri(), "name": folder.name} for folder in self._folders]
        workspace = {"configuration": True, "workspaceFolders": True, "didChangeWatchedFiles": {}}
        await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folders[0]["uri"],
                "workspaceFolders": folders,
                "capabilities": {"workspace": workspace},
            },
        )
        await self.notify("initialized", {})

    @property
    def open_documents(self) -> list[Path]:
        """Longest open first."""
        return list(self._texts)

    async def open(self, path: Path) -> None:
        text = self._texts[path] = path.read_text()  # noqa: ASYNC240 (a small file that is in memory)
        self._versions[path] = 1
        document = {"uri": path.as_uri(), "languageId": "go", "version": 1, "text": text}
        await self.notify("textDocument/didOpen", {"textDocument": document})

    async def close(self, path: Path) -> None:
        del self._texts[path]
        await self.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})

    async def edit(self, path: Path, comment: str) -> None:
        """Puts a comment at the end of an open document. Nothing is written to disk."""
        self._versions[path] += 1
        document = {"uri": path.as_uri(), "version": self._versions[path]}
        change = {"text": f"{self._texts[path]}\n// {comment}\n"}
        await self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def ask(self, method: str, path: Path, turn: int) -> None:
        """Asks about a place in an open document, another one each turn, and waits for the answer."""
        await self.request(method, self.asked(path, turn))

    def asked(self, path: Path, turn: int) -> dict[str, Any]:
        places = _places(self._texts[path])
        return {"textDocument": {"uri": path.as_uri()}, "position": places[turn % len(places)]}

    async def watched(self, paths: Sequence[Path], kind: int) -> None:
        """Tells that files came or went on disk, and waits until gopls has taken note: it takes messages in turn."""
        changes = [{"uri": path.as_uri(), "type": kind} for path in paths]
        await self.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        await self.request("workspace/symbol", {"query": "NoSuchName"})

    async def request(self, method: str, params: Any) -> None:
        """Waits for the answer, whatever it says: only the work behind it matters. Raises EditorError."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send({"id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(ANSWER):
                await answer
        except TimeoutError:
            raise EditorError(f"gopls gave no answer to {method} in {ANSWER:.0f} s") from None

    async def request_only(self, method: str, params: Any) -> None:
        """Asks and does not wait."""
        await self._send({"id": next(self._ids), "method": method, "params": params})

    async def notify(self, method: str, params: Any) -> None:
        await self._send({"method": method, "params": params})

    async def end(self) -> None:
        """Kills gopls and what it has started; it has no state of its own to save."""
        await end(self.process)
        self._listening.cancel()

    async def _send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        try:
            await self.process.stdin.drain()
        except ConnectionError as error:
            raise EditorError("gopls has gone") from error

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        while header := await self.process.stdout.readline():
            length = 0
            while header.strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
                header = await self.process.stdout.readline()
            await self._take(json.loads(await self.process.stdout.readexactly(length)))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(EditorError("gopls has gone"))

    async def _take(self, message: Mapping[str, Any]) -> None:
        if "method" not in message:
            answer = self._waiting.pop(message["id"], None)
            if answer is not None and not answer.done():
                answer.set_result(None)
        elif message["method"] == "workspace/configuration":
            if not self.silent:
                await self._send({"id": message["id"], "result": [{} for _ in message["params"]["items"]]})
        elif "id" in message:
            await self._send({"id": message["id"], "result": None})


def _places(text: str) -> list[dict[str, int]]:
    """Positions just after a dot, where completion has most to say, spread over the text."""
    found = [(n, line.index(".") + 1) for n, line in enumerate(text.splitlines()) if "." in line and "//" not in line]
    spread = found[:: max(1, len(found) // 8)] or [(0, 0)]
    return [{"line": line, "character": character} for line, character in spread]
