"""Logs: one JSON object a line, with the fields of the moment."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from leakwarden.adapters.logs import configure_logging
from leakwarden.pipeline.logcontext import current_fields, log_fields


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("kopf", "aiohttp.access", "asyncio")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_each_record_is_one_json_object_with_time_level_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", current_fields)
    logging.getLogger("leakwarden.x").info("two\nlines of %s", "text")
    (line,) = lines(capsys)
    assert {key: line[key] for key in ("level", "logger", "message")} == {
        "level": "INFO", "logger": "leakwarden.x", "message": "two\nlines of text",
    }  # fmt: skip
    assert line["time"]


def test_records_carry_the_fields_of_what_is_being_done_and_only_then(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", current_fields)
    log = logging.getLogger("leakwarden.x")
    with log_fields(policy="demo/gopls", namespace="demo"):
        with log_fields(pod="ws-1", endpoint="pprof"):
            log.info("inner")
        log.info("outer")
    log.info("outside")
    inner, outer, outside = lines(capsys)
    named = {"policy": "demo/gopls", "namespace": "demo", "pod": "ws-1", "endpoint": "pprof"}
    assert {key: inner[key] for key in named} == named
    assert (outer["policy"], "pod" in outer, "policy" in outside) == ("demo/gopls", False, False)


def test_an_exception_stays_within_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", current_fields)
    try:
        raise ValueError("what happened")
    except ValueError:
        logging.getLogger("leakwarden.x").exception("it failed")
    (line,) = lines(capsys)
    assert "ValueError: what happened" in line["exc_info"]


@pytest.mark.parametrize(("level", "heard"), [("DEBUG", 3), ("INFO", 2), ("ERROR", 1)])
def test_the_level_holds_and_others_chatter_is_kept_down(
    capsys: pytest.CaptureFixture[str], level: str, heard: int
) -> None:
    configure_logging(level, current_fields)
    log = logging.getLogger("leakwarden.x")
    log.debug("d")
    log.info("i")
    log.error("e")
    for name in ("kopf.objects", "aiohttp.access", "asyncio"):
        logging.getLogger(name).info("chatter")
    assert len(lines(capsys)) == heard
