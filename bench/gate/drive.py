"""What a trial has the gate run: `python3 drive.py PORT WORK`, the same work each time, quick to start.

WORK is a path, which is asked for, or a shape of workloads/leakserver, which is told of edits as by an editor.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator

DOCUMENTS = 20
TEXT = "package doc\n\nfunc step(x int) int { return x + 1 }\n\nconst payload = `" + "0123456789abcdef" * 1024 + "`\n"


def main() -> int:
    port, work = int(sys.argv[1]), sys.argv[2]
    with socket.create_connection(("127.0.0.1", port), 60) as server:
        if work.startswith("/"):
            ask(server, f"GET {work} HTTP/1.1\r\nHost: gate\r\n\r\n".encode())
        else:
            for message in messages(work):
                post(server, json.dumps(message).encode())
    return 0


def messages(shape: str) -> Iterator[dict[str, object]]:
    """Every run works on documents of names of its own, and closes them: nothing need stay."""
    run = time.time_ns()
    for number in range(DOCUMENTS):
        uri = f"file:///gate/{run}/doc{number}.go"
        for version in range(2):
            yield message("textDocument/didChange", uri=uri, version=version, text=TEXT)
        if shape == "sync-map":
            moved = uri.replace("doc", "moved")
            yield message("workspace/didRenameFiles", uri=uri, newUri=moved)
            uri = moved
        yield message("textDocument/didClose", uri=uri)


def message(method: str, **params: object) -> dict[str, object]:
    return {"method": method, "params": params}


def post(server: socket.socket, body: bytes) -> None:
    ask(server, b"POST /rpc HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def ask(server: socket.socket, request: bytes) -> None:
    """Answers have a head alone. Raises where it is not one of success."""
    server.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        if not (more := server.recv(65536)):
            raise ConnectionError("the server hung up")
        head += more
    if not head.startswith(b"HTTP/1.1 2"):
        raise ConnectionError(head.decode("utf-8", "replace"))


if __name__ == "__main__":
    sys.exit(main())
