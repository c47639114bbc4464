"""`kubectl leakwarden explain POD`: one page that says what is known, decided, held back and to come."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from leakwarden.api.inspection import Details
from leakwarden.cli.kubectl.explain import explained
from tests.cli.people import cluster, pod, policy
from tests.cli.reading import KEEP, NOW, Operator, install, leaking, reading_port, row

PAGE = """\
Pod demo/ws-1 of ReplicaSet/ws, endpoint pprof
Policy:    gopls, mode Evict
Verdict:   Leaking for 12m
Why:       memory/example.org/lsp/internal/cache.(*Cache).keep by rule live-heap
Sampled:   3s ago, every 30s; 412 readings of this process, known for 5h
Levels:    live heap 612 MiB (+96 MiB/h), 1,250 goroutines (+0/h), memory limit 1.5 GiB

RULE         STATE       VALUE   AT LEAST       HELD   WHY
live-heap    Firing    612 MiB    +82 MiB   5m of 2m   +82Mi in 15 m at the least, 64Mi asked
blocked      NotMet         12          -          -   12 is not above 500 (server.(*Server).onChange)
heap-inuse   Unknown         -          -          -   memstats was not taken in this round

Leak Critical: memory/example.org/lsp/internal/cache.(*Cache).keep
  live heap of cache.(*Cache).keep (cache.go:41) grew 512 MiB. Fix: clear it.
  Decision: Cooldown: ReplicaSet/ws lost a pod at 11:30 UTC.
    To change that: Wait.
  Behind it: MinReadyPeers: 0 other Ready pods.
    To change that: Run more replicas.

Next: if Cooldown were lifted, MinReadyPeers would hold an action back.
"""


def drawn(found: Details, width: int = 110, **more: bool) -> str:
    held = StringIO()
    explained(Console(file=held, width=width, color_system=None, highlight=False), found, **more)
    return "".join(f"{line.rstrip()}\n" for line in held.getvalue().splitlines())


def test_the_page_of_a_leaking_pod() -> None:
    assert drawn(Details(at=NOW, targets=(leaking(),))) == PAGE


def test_on_a_narrow_terminal_nothing_is_cut_off() -> None:
    page = drawn(Details(at=NOW, targets=(leaking(),)), width=60)
    assert max(len(line) for line in page.splitlines()) <= 60
    assert "".join(KEEP.split()) in "".join(page.split())


def test_words_of_a_newer_operator_are_shown_as_they_came() -> None:
    target = leaking()
    rule = target.rules[0].model_copy(update={"unit": "ratio", "state": "Dozing", "value": 0.5, "growth": -2.0})
    page = drawn(Details(at=NOW, targets=(target.model_copy(update={"rules": (rule,)}),)))
    (line,) = (line for line in page.splitlines() if line.startswith("live-heap"))
    assert line.split()[1:4] == ["Dozing", "0.5", "-2"]


def test_wide_says_when_each_rule_is_met() -> None:
    page = drawn(Details(at=NOW, targets=(leaking(),)), width=200, wide=True)
    assert "LiveHeap grows by 64Mi in 15m, held for 2m" in page


def test_a_pod_that_was_never_read_has_a_page_too() -> None:
    nothing = leaking(
        row=row(verdict="Unreachable", message="HostNetwork: no", last_attempt=None, live_heap=None, goroutines=None,
                memory_limit=None),
        rules=(), findings=(), process_since=None, suspended="policy demo/gopls is paused", next="looked at soon",
    )  # fmt: skip
    page = drawn(Details(at=NOW, targets=(nothing,)))
    assert "Sampled:   not yet\n" in page
    assert "Levels:    not known\n" in page
    assert "Suspended: policy demo/gopls is paused\n" in page
    assert page.endswith("Next: looked at soon.\n")


async def test_it_asks_the_operator_about_that_pod_and_colours_nothing_in_a_pipe(tmp_path: Path) -> None:
    made = Operator(details={"ws-1": (leaking(), leaking(row=row(policy="second")))})
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        text = await here.good("explain", "ws-1")
        found = json.loads(await here.good("explain", "ws-1", "-o", "json"))
    assert made.asked == [("demo", "ws-1")] * 2
    assert "\x1b" not in text
    assert [one["row"]["policy"] for one in found] == ["gopls", "second"]
    assert [one["reason"] for one in found[0]["findings"][0]["obstacles"]] == ["Cooldown", "MinReadyPeers"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ws-11", "there is no pod ws-11 in namespace demo; did you mean ws-1?"),
        ("batch", "pod demo/batch is there and not watched: no selector of gopls means it; its labels: app=batch"),
        ("done", "although gopls means it: it is Succeeded, or the operator watches other namespaces"),
    ],
)
async def test_a_pod_that_nobody_watches_is_told_why(tmp_path: Path, name: str, why: str) -> None:
    made = Operator()
    done = pod("done")
    done["status"]["phase"] = "Succeeded"
    async with cluster(tmp_path, policy()) as here, reading_port(made):
        install(here, made)
        here.pods += [pod("ws-1"), pod("batch", labels={"app": "batch"}), done]
        (line,) = await here.bad("explain", name)
    assert why in line


async def test_a_namespace_without_a_policy_is_told(tmp_path: Path) -> None:
    made = Operator()
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        here.pods += [pod("ws-1"), pod("ws-1", "other")]
        (line,) = await here.bad("explain", "ws-1")
        assert line.endswith("pod demo/ws-1 is there and not watched: namespace demo has no LeakPolicy")
        (line,) = await here.bad("explain", "ws-1", "-A")
        assert line.endswith("POD: ws-1 is there in 2 namespaces: demo, other; give -n")
