"""The gate's command: how it fails, and that it ends with all that it started."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from leakwarden.adapters.gate_command import Command
from leakwarden.adapters.gate_helper import GoTests
from leakwarden.errors import NotMeasured
from tests.adapters.servers import answer, eventually, http_server, running


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sh", "-c", "exit 3"], "sh -c 'exit 3' failed: exit code 3"),
        (["sh", "-c", "kill -9 $$"], "failed: ended by SIGKILL"),
        (["/nowhere/at/all"], "/nowhere/at/all cannot be started: No such file or directory"),
        (["drive.sh | tail"], "is run without a shell: give words of their own, or sh -c"),
    ],
)
async def test_a_command_that_fails_is_told_with_how(words: list[str], says: str) -> None:
    with pytest.raises(NotMeasured, match=says.replace("$", r"\$")):
        await Command(words).run()


async def test_a_script_that_names_no_shell_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "drive"
    script.write_text("true\n")
    script.chmod(0o700)
    with pytest.raises(NotMeasured, match="Exec format error; a script must begin with a line like #!/bin/sh"):
        await Command([str(script)]).run()


async def test_a_command_runs_as_often_as_wanted(tmp_path: Path) -> None:
    command = Command(["sh", "-c", f"echo x >> {tmp_path}/runs"])
    for _ in range(3):
        await command.run()
    assert (tmp_path / "runs").read_text() == "x\n" * 3


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
async def test_a_command_that_is_stopped_leaves_no_child_behind(tmp_path: Path, trap: str) -> None:
    word = f"{tmp_path}/child"
    child = f"import time, sys; open({word!r}, 'w'); time.sleep(600)"
    command = Command(["sh", "-c", f'{trap}"{sys.executable}" -c "{child}" & wait; sleep 600'], grace=0.3)
    await command.start()
    await eventually(Path(word).exists, 30)
    assert running(word)
    await command.stop()
    await eventually(lambda: not running(word), 30)


@pytest.mark.parametrize(("code", "after"), [(0, "run"), (3, "run"), (0, "stop")])
async def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, code: int, after: str) -> None:
    word = f"{tmp_path}/child"
    child = f"import time; open({word!r}, 'w'); time.sleep(600)"
    command = Command(["sh", "-c", f'"{sys.executable}" -c "{child}" & until [ -e {word} ]; do :; done; exit {code}'])
    if after == "stop":
        await command.start()
        await command.ended()
        await command.stop()
    elif code:
        with pytest.raises(NotMeasured, match="exit code 3"):
            await command.run()
    else:
        await command.run()
    await eventually(lambda: not running(word), 30)


async def test_what_only_writes_down_the_last_words_of_a_command_may_finish(tmp_path: Path) -> None:
    await Command(["sh", "-c", f"(sleep 0.2; echo done > {tmp_path}/log) & true"]).run()
    assert (tmp_path / "log").read_text() == "done\n"


async def test_to_stop_what_has_ended_does_nothing() -> None:
    command = Command(["true"])
    await command.stop()
    await command.run()
    await command.stop()


# -- test binaries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["true"], "true ended without serving pprof: its TestMain must call leakgate.Main"),
        (["false"], "false failed: exit code 1"),
        (["sleep", "600"], "sleep 600 did not serve pprof within 0.3 s"),
    ],
)
async def test_a_command_that_is_no_test_with_our_helper_is_told(tmp_path: Path, words: list[str], says: str) -> None:
    command = Command(words)
    async with GoTests(command, tmp_path) as tests:
        with pytest.raises(NotMeasured, match=says):
            await tests.start(0.3 if "600" in words else 30)
    await command.stop()


async def test_a_test_binary_that_dies_in_a_run_is_told_with_how(tmp_path: Path) -> None:
    """A helper that hangs up when it is told to run, as one whose test calls os.Exit does."""
    program = (
        "import os, socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print('127.0.0.1:%d\\n' % s.getsockname()[1], end='', flush=True,"
        "file=open(os.environ['LEAKWARDEN_GATE_ADDR_FILE'], 'w'));"
        "s.accept()[0].recv(999); sys.exit(7)"
    )
    async with GoTests(Command([sys.executable, "-c", program]), tmp_path) as tests:
        await tests.start(30)
        with pytest.raises(NotMeasured, match="ended in the middle of the tests: exit code 7"):
            await tests.run()


async def test_an_address_that_is_not_there_as_a_whole_line_is_waited_for(tmp_path: Path) -> None:
    script = "f=$LEAKWARDEN_GATE_ADDR_FILE; printf 127.0 > $f; sleep 0.3; echo .0.1:1 >> $f; sleep 60"
    command = Command(["sh", "-c", script])
    async with GoTests(command, tmp_path) as tests:
        assert await tests.start(30) == "http://127.0.0.1:1/debug/pprof"
    await command.stop()


async def test_a_command_that_fails_after_all_runs_is_an_error(tmp_path: Path) -> None:
    """As `go test` does when another package of those it was given fails."""
    async with http_server(lambda _: answer(b'{"exitCode": 0}', "application/json")) as (port, _):
        command = Command(["sh", "-c", f"echo 127.0.0.1:{port} > $LEAKWARDEN_GATE_ADDR_FILE; sleep 0.3; exit 4"])
        async with GoTests(command, tmp_path) as tests:
            await tests.start(30)
            await tests.run()
            with pytest.raises(NotMeasured, match="exit code 4"):
                await tests.end()


async def test_a_helper_that_takes_no_orders_is_told_with_what_it_answered(tmp_path: Path) -> None:
    async with http_server(lambda _: answer(b"404 page not found", "text/plain", "404 Not Found")) as (port, _):
        command = Command(["sh", "-c", f"echo 127.0.0.1:{port} > $LEAKWARDEN_GATE_ADDR_FILE; sleep 600"])
        async with GoTests(command, tmp_path) as tests:
            await tests.start(30)
            with pytest.raises(NotMeasured, match=r"/leakgate/run answered HTTP 404: 404 page not found"):
                await tests.run()
        await command.stop()


async def test_waiting_for_an_address_does_not_end_the_command_that_gave_it(tmp_path: Path) -> None:
    command = Command(["sh", "-c", "echo 127.0.0.1:1 > $LEAKWARDEN_GATE_ADDR_FILE; sleep 600"])
    async with GoTests(command, tmp_path) as tests:
        assert await tests.start(30) == "http://127.0.0.1:1/debug/pprof"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(command.ended(), 0.05)
    await command.stop()
