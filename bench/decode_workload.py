"""Make a large heap profile of a real gopls: open Go's own source tree in it, ask for a lot, fetch the heap.

The tree under `GOROOT/src/cmd` is on every machine that has Go, and loads over five hundred packages with the
compiler, the linker and the go command. gopls starts with an empty cache, so it parses and type-checks them all.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import IO, Any, cast

OPENED = ("compile/internal", "link/internal", "go/internal", "internal/obj", "asm/internal", "vet", "trace", "pprof")
"""Folders below `GOROOT/src/cmd` whose largest files are opened."""

REQUESTS = (
    "textDocument/documentSymbol",
    "textDocument/semanticTokens/full",
    "textDocument/foldingRange",
    "textDocument/codeLens",
    "textDocument/documentLink",
    "textDocument/inlayHint",
)
AT_A_PLACE = (
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/references",
    "textDocument/implementation",
    "textDocument/documentHighlight",
    "textDocument/prepareCallHierarchy",
    "textDocument/signatureHelp",
)


class Editor:
    """The few words of the language server protocol that an editor needs: requests, notifications, replies."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._out = cast(IO[bytes], process.stdin)
        self._in = cast(IO[bytes], process.stdout)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._answers: dict[int, threading.Event] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any, timeout: float) -> None:
        """Wait for the answer, whatever it says: only the work behind it matters here."""
        number = next(self._ids)
        answered = self._answers[number] = threading.Event()
        self._send({"id": number, "method": method, "params": params})
        answered.wait(timeout)

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self._lock:
            self._out.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self._out.flush()

    def _listen(self) -> None:
        while header := self._in.readline():
            length = 0
            while header.strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
                header = self._in.readline()
            message = json.loads(self._in.read(length))
            if "method" in message and "id" in message:
                items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
                self._send({"id": message["id"], "result": None if items is None else [{} for _ in items]})
            elif message.get("id") in self._answers:
                self._answers.pop(message["id"]).set()


def fetch_heap(gopls: Path, size: int, seconds: float) -> bytes:
    """Work gopls until its heap profile unpacks to `size` bytes or `seconds` are over; the gzipped proto."""
    root = Path(subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip())
    port = _free_port()
    with tempfile.TemporaryDirectory() as cache:
        process = subprocess.Popen(
            [gopls, f"-debug=localhost:{port}", "serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root / "src/cmd",
            env={**os.environ, "GOPLSCACHE": cache, "GOTOOLCHAIN": "local"},
        )  # fmt: skip
        try:
            url = f"http://localhost:{port}/debug/pprof/heap?gc=1"
            return _work(Editor(process), root / "src/cmd", url, size, time.monotonic() + seconds)
        finally:
            process.kill()
            process.wait()


def _work(editor: Editor, root: Path, url: str, size: int, deadline: float) -> bytes:
    tokens = {"requests": {"full": True}, "tokenTypes": [], "tokenModifiers": [], "formats": ["relative"]}
    beginning = {
        "processId": os.getpid(),
        "rootUri": root.as_uri(),
        "capabilities": {"textDocument": {"semanticTokens": tokens}},
        "initializationOptions": {"staticcheck": True, "semanticTokens": True, "hints": {"parameterNames": True}},
    }
    editor.request("initialize", beginning, 60)
    editor.notify("initialized", {})
    heap = b""
    for path in _files(root):
        text = path.read_text()
        document = {"uri": path.as_uri()}
        opened = {**document, "languageId": "go", "version": 1, "text": text}
        editor.notify("textDocument/didOpen", {"textDocument": opened})
        for method in REQUESTS:
            everything = {"start": {"line": 0, "character": 0}, "end": {"line": text.count("\n"), "character": 0}}
            editor.request(method, {"textDocument": document, "range": everything}, 120)
        for place, method in itertools.product(_places(text), AT_A_PLACE):
            params = {"textDocument": document, "position": place, "context": {"includeDeclaration": True}}
            editor.request(method, params, 60)
        editor.request("workspace/symbol", {"query": path.stem[:4]}, 60)
        with urllib.request.urlopen(url) as answer:
            heap = answer.read()
        unpacked = len(gzip.decompress(heap))
        print(f"  {path.relative_to(root)}: heap profile {unpacked} bytes", flush=True)
        if unpacked >= size or time.monotonic() > deadline:
            break
    return heap


def _files(root: Path) -> list[Path]:
    """The largest few files of each folder, the folders taken in turn."""
    columns = [
        sorted(filter(_opened, (root / folder).rglob("*.go")), key=_size, reverse=True)[:12] for folder in OPENED
    ]
    return [path for row in itertools.zip_longest(*columns) for path in row if path is not None]


def _opened(path: Path) -> bool:
    return not path.name.endswith("_test.go") and "testdata" not in path.parts and _size(path) < 200_000


def _size(path: Path) -> int:
    return path.stat().st_size


def _places(text: str) -> list[dict[str, int]]:
    """A few positions just after a dot, spread over the file: where completion has most to say."""
    found = [(n, line.index(".") + 1) for n, line in enumerate(text.splitlines()) if "." in line and "//" not in line]
    return [{"line": line, "character": column} for line, column in found[:: max(1, len(found) // 4)][:4]]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gopls", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=300)
    arguments = parser.parse_args()
    arguments.out.write_bytes(fetch_heap(arguments.gopls, arguments.size, arguments.seconds))
