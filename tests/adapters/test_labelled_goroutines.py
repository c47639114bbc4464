"""From a real Go process whose goroutines are labelled to whose they are; live, and from a recording of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import Signal, Transport
from leakwarden.core import judge
from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.judge.codec import from_json, to_json
from leakwarden.core.parts import ROUTINE
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading
from leakwarden.core.report.message import finding_message
from leakwarden.core.rules import RuleSet
from tests.adapters.servers import FIXTURES, go_process, target
from tests.core.judge.builders import INTERVAL, MI, T0, rule

BLOCKED = rule("blocked", Signal.BLOCKED_GOROUTINES, above=50, at_least=20, window=300.0, hold=60.0)
BYTES = rule("bytes", Signal.SITE_BYTES, at_least=0.5 * MI, window=300.0, hold=60.0)
PLACE = "main.(*server).analyse"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary of tests/fixtures/labelled."""
    binary = tmp_path_factory.mktemp("bin") / "labelled"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "labelled", check=True)
    return binary


@dataclass(slots=True)
class Life:
    """What the sampler brought, a reading each round: after an hour of other documents, one is edited over and over."""

    readings: list[Reading] = field(default_factory=list)

    def judged(self, rules: RuleSet) -> judge.Judgement:
        state, process = judge.start(rules), ProcessIdentity("uid-1", "container", 1, T0 - 3600)
        for number, reading in enumerate(self.readings):
            said = judge.step(state, Attempt(T0 + number * INTERVAL, reading, process, INTERVAL), rules)
            state = from_json(to_json(said.state))
        return said

    def found(self, rules: RuleSet, signature: str) -> Finding:
        return next(one for one in self.judged(rules).findings if one.signature == signature)


@pytest.fixture
async def life(labelled: Path) -> Life:
    lived = Life()
    pool = DecodePool()
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    try:
        async with go_process(labelled) as port, aiohttp.ClientSession() as http:

            async def edit(document: str, times: int) -> None:
                url = f"http://127.0.0.1:{port}/edit"
                async with http.get(url, params={"doc": document, "times": str(times)}) as answer:
                    assert answer.status == 200

            await edit("file:///src/main.go", 40)
            await edit("file:///src/other.go", 20)
            for number in range(14):
                if number > 2:
                    await edit("file:///src/main.go", 9)
                    await edit("file:///src/other.go", 1)
                outcome = (await sampler.sample(target(port), ROUTINE)).outcome
                assert isinstance(outcome, Reading) and outcome.failures == {}
                lived.readings.append(outcome)
    finally:
        await sampler.close()
        pool.close()
    return lived


def shares(finding: Finding) -> Sequence[LabelShare]:
    return tuple(LabelShare(one.key, one.value, round(one.share, 3), one.exact) for one in finding.labels)


async def test_a_goroutine_finding_says_whose_document_it_is(life: Life) -> None:
    found = life.found(RuleSet((BLOCKED,), 0.0), f"goroutine/{PLACE}/chan-send")
    assert shares(found) == (
        LabelShare("doc_mode", "edit", 1.0, exact=True),
        LabelShare("doc_id", "file:///src/main.go", 0.9, exact=True),
    )
    said = "100 % of the new goroutines belong to doc_mode=edit, 90 % to doc_id=file:///src/main.go (pprof labels). "
    assert said in finding_message(found)


async def test_a_policy_that_hides_values_keeps_them_out_of_findings_and_of_what_is_stored(life: Life) -> None:
    said = life.judged(RuleSet((BLOCKED,), 0.0, hide_labels=True))
    message = finding_message(said.findings[0])
    assert "at least 90 % to one doc_id (the policy hides which)" in message
    told = message + to_json(said.state)
    assert not [value for value in ("file:", "=edit", '"edit"') if value in told]


async def test_what_goroutines_do_to_their_process_is_beside_their_finding(life: Life) -> None:
    found = life.found(RuleSet((BLOCKED,), 0.0), f"goroutine/{PLACE}/chan-send")
    assert found.parked is not None and found.parked > 90
    heap = life.readings[-1].heap
    assert heap is not None and found.retained == pytest.approx(heap.sites["main.parse"].inuse_bytes, rel=0.05)
    assert found.started == "main.(*server).edited.func1.1"
    assert "The goroutines were started in main.(*server).edited." in finding_message(found)


async def test_of_memory_it_is_estimated_whose_goroutines_run_where_it_is_allocated(life: Life) -> None:
    """They stand in analyse, which called parse and keeps what it made: parse itself is on no stack any more."""
    found = life.found(RuleSet((BYTES,), 0.0), "memory/main.parse")
    by_mode, by_document = found.labels
    assert (by_mode.key, by_mode.value, by_mode.function, round(by_mode.share, 3)) == ("doc_mode", "edit", PLACE, 1.0)
    assert (by_document.value, by_document.function) == ("file:///src/main.go", PLACE)
    assert 0.75 < by_document.share < 0.9
    message = finding_message(found)
    assert "About 100 % of the goroutines seen in main.(*server).analyse belong to doc_mode=edit, about " in message
    assert " (pprof labels; for the memory an estimate, heap profiles carry none). " in message


async def test_a_policy_that_hides_values_has_no_estimate_for_memory(life: Life) -> None:
    said = life.judged(RuleSet((BYTES,), 0.0, hide_labels=True))
    assert said.findings[0].labels == ()
    assert "file:" not in to_json(said.state)
