"""The reports: what each says of a leak, of growth that is not proven, and of nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from leakwarden.core.gate.document import document
from leakwarden.core.gate.junit import junit, junit_error
from leakwarden.core.gate.sarif import sarif
from leakwarden.core.gate.say import caveat, details, headline, verdict
from leakwarden.core.gate.summary import summary, summary_error
from leakwarden.core.gate.values import Check, Kind, Outcome, Report
from leakwarden.core.traces import Named
from tests.core.gate.made import FLAT, LEAKS, MEMORY, PASSED, STEADY, UNPROVEN, check, report

ALL = (LEAKS, MEMORY, UNPROVEN, PASSED)


def heap(of: Report) -> Check:
    return of.checks[0]


def test_the_verdict_is_one_line() -> None:
    assert [verdict(one) for one in ALL] == [
        "leak: live heap, goroutines", "leak: live heap", "passed, with growth that is not proven: live heap", "passed",
    ]  # fmt: skip


def test_a_leak_is_told_with_its_size_its_place_and_its_fix() -> None:
    assert details(heap(MEMORY), MEMORY) == [
        "live heap grew by 9.54 MiB in 5 runs (9.54 MiB to 9.54 MiB; tolerance 1 MiB), steadily over 10 runs",
        "+9.06 MiB, 95 %: example.com/app/store.(*Store).keep (store.go:41, leaf go/parser.ParseFile)",
        "Places are estimates, from one sample in 4 KiB allocated.",
        "Fix: the cause is not recognised; a heap profile shows where memory is allocated, not who keeps it: look in "
        "store.(*Store).keep and its callers for a cache, map, slice or token.FileSet that only grows.",
    ]


def test_leaked_goroutines_come_before_the_memory_that_they_hold() -> None:
    assert details(heap(LEAKS), LEAKS)[-1].startswith("Fix: end the goroutines that leak first")
    assert details(LEAKS.checks[1], LEAKS)[-1].startswith("Fix: the cause is not recognised; look what should end")


def test_a_cache_that_filled_is_told_with_what_it_took() -> None:
    filled = report(
        check(Kind.HEAP, Outcome.PASSED, [0, 4e6, 8e6, 9e6, 9e6, 9e6, *[9e6] * 5]),
        check(Kind.GOROUTINES, Outcome.PASSED, [3] * 11),
    )
    assert headline(heap(filled), filled) == (
        "live heap: 0 B in the last 5 runs (tolerance 1 MiB; +8.58 MiB in all 10, so it has stopped growing)"
    )


@pytest.mark.parametrize(
    ("sampling", "says"),
    [(1, ""), (4096, "Places are estimates, from one sample in 4 KiB allocated."), (524288, "GODEBUG")],
)
def test_how_far_places_can_be_trusted_is_said(sampling: int, says: str) -> None:
    coarse = replace(MEMORY, sampling=sampling)
    said = caveat(heap(coarse), coarse)
    assert says in said
    assert bool(says) == bool(said)


def test_a_pattern_is_told_in_every_report_and_brings_its_fix() -> None:
    shape = Named(
        "map-grows", "map that only grows", "old keys stay", "delete the old key", "docs/patterns.md#map-grows"
    )
    grower = replace(heap(MEMORY).growers[0], pattern=shape)
    named = report(check(Kind.HEAP, Outcome.LEAK, STEADY, grower), check(Kind.GOROUTINES, Outcome.PASSED, FLAT))
    says = "Pattern: map that only grows: old keys stay."
    fix = "Fix: delete the old key (more: leakwarden patterns map-grows)."
    assert details(heap(named), named)[-2:] == [says, fix]
    for text in (junit(named), sarif(named, "1.2.3", lambda _: None, "go.mod")):
        assert says in text
        assert fix in text
    assert says in summary(named)
    assert document(named)["checks"][0]["places"][0]["pattern"] == "map-grows"


def test_a_pattern_that_tells_of_goroutines_is_a_better_fix_for_their_memory_than_to_look_again() -> None:
    shape = Named("blocked-senders", "blocked senders", "nobody receives", "receive or give up", "")
    memory, goroutines = LEAKS.checks
    named = replace(memory, growers=(replace(memory.growers[0], pattern=shape),))
    assert details(named, report(named, goroutines))[-1] == "Fix: receive or give up."


# -- JUnit ------------------------------------------------------------------------------------------------------------


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 (our own)


@pytest.mark.parametrize(("of", "failures"), [(LEAKS, 2), (MEMORY, 1), (UNPROVEN, 0), (PASSED, 0)])
def test_junit_has_a_case_for_each_check_and_a_failure_for_each_leak(of: Report, failures: int) -> None:
    suite = parsed(junit(of)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", str(failures), "0")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["heap of ./drive.sh", "goroutines of ./drive.sh"]
    assert len(suite.findall("testcase/failure")) == failures
    assert [case for case in cases if case.find("failure") is None and case.find("system-out") is None] == []


def test_junit_warns_of_growth_that_is_not_proven() -> None:
    said = parsed(junit(UNPROVEN)).findtext("testsuite/testcase/system-out")
    assert said is not None
    assert said.startswith("Warning: growth that is not proven.")


def test_what_could_not_be_measured_is_an_error_in_junit_and_not_a_failure() -> None:
    suite = parsed(junit_error("./drive.sh", "nothing listens")).find("testsuite")
    assert suite is not None
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("message") == "nothing listens"


def test_letters_that_xml_cannot_hold_break_no_junit() -> None:
    odd = replace(MEMORY, command="./drive \x1b[31m\x00 <&>\"' \N{SNOWMAN}")
    name = parsed(junit(odd)).find("testsuite/testcase")
    assert name is not None
    assert (
        name.get("name") == "heap of ./drive \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER} <&>\"' \N{SNOWMAN}"
    )


# -- SARIF ------------------------------------------------------------------------------------------------------------


def sarif_run(of: Report) -> dict[str, Any]:
    locate = {"/src/app/store/store.go": "my store/a#b%.go"}.get
    log = json.loads(sarif(of, "1.2.3", locate, "go.mod"))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.parametrize("of", ALL)
def test_sarif_has_what_its_standard_requires(of: Report) -> None:
    """SARIF 2.1.0, sections 3.13 to 3.30: the properties that are required, and those that refer to others."""
    run = sarif_run(of)
    driver = run["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    assert all(rule["shortDescription"]["text"] and rule["fullDescription"]["text"] for rule in driver["rules"])
    for invocation in run["invocations"]:
        assert invocation["executionSuccessful"] is True
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"].endswith(".")
        assert all(isinstance(print_, str) for print_ in result["partialFingerprints"].values())
        assert result["locations"], "GitHub refuses the whole file"
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~%-]+(/[A-Za-z0-9._~%-]+)*", physical["artifactLocation"]["uri"])
            assert physical["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
            assert physical["region"]["startLine"] >= 1


def test_sarif_names_file_and_line_as_a_uri_and_go_mod_for_what_is_not_in_the_repository() -> None:
    memory, goroutines = sarif_run(LEAKS)["results"]
    assert memory["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20store/a%23b%25.go", "uriBaseId": "SRCROOT"}, "region": {"startLine": 41},
    }  # fmt: skip
    assert goroutines["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "go.mod", "uriBaseId": "SRCROOT"}, "region": {"startLine": 1},
    }  # fmt: skip
    assert goroutines["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "example.com/app/store.send"


def test_sarif_has_errors_for_leaks_warnings_for_growth_that_is_not_proven_and_else_nothing() -> None:
    assert [[result["level"] for result in sarif_run(of)["results"]] for of in ALL] == [
        ["error", "error"], ["error"], ["warning"], [],
    ]  # fmt: skip


def test_a_result_keeps_its_fingerprint_when_its_line_moves() -> None:
    moved = replace(heap(MEMORY).growers[0], site=replace(heap(MEMORY).growers[0].site, line=99))
    other = report(check(Kind.HEAP, Outcome.LEAK, STEADY, moved), check(Kind.GOROUTINES, Outcome.PASSED, FLAT))
    (before,), (after,) = sarif_run(MEMORY)["results"], sarif_run(other)["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]


def test_a_leak_without_a_place_is_a_result_all_the_same() -> None:
    nowhere = report(check(Kind.HEAP, Outcome.LEAK, STEADY), check(Kind.GOROUTINES, Outcome.PASSED, FLAT))
    (result,) = sarif_run(nowhere)["results"]
    assert [*result["locations"][0]] == ["physicalLocation"]
    assert "compare two heap profiles" in result["message"]["text"]


# -- Markdown and JSON ------------------------------------------------------------------------------------------------


def test_the_summary_is_a_table_and_the_places_of_what_grew() -> None:
    text = summary(MEMORY)
    assert text.startswith("### Leak gate: leak: live heap\n\n`./drive.sh`: 2 warm-up runs, 10 measured runs, 12 s.\n")
    assert "| live heap | 38.1 MiB | 57.2 MiB | +9.54 MiB | 1 MiB | **leak** |" in text
    assert "| goroutines | 12 | 12 | 0 | 4 | passed |" in text
    assert "- +9.06 MiB, 95 %: `example.com/app/store.(*Store).keep (store.go:41, leaf go/parser.ParseFile)`" in text
    assert "**Fix:**" in text
    assert "Fix" not in summary(PASSED)


def test_the_summary_tells_of_what_has_passed_by_its_last_runs() -> None:
    filled = report(
        check(Kind.HEAP, Outcome.PASSED, [0, 4e6, 8e6, 9e6, 9e6, 9e6, *[9e6] * 5]),
        check(Kind.GOROUTINES, Outcome.PASSED, [3 + run for run in range(6)] + [8] * 5),
    )
    assert "| goroutines | 3 | 8 | 0 | 4 | passed |" in summary(filled)


def test_a_command_cannot_break_out_of_the_summary() -> None:
    text = summary(replace(PASSED, command="sh -c '`x` ``y``\n# heading'"))
    assert "``` sh -c '`x` ``y`` # heading' ```: 2 warm-up" in text
    told = summary_error("x", "said <b> $HOME, $PATH ~~x~~ &lt;")
    assert "said \\<b\\> \\$HOME, \\$PATH \\~\\~x\\~\\~ \\&lt;." in told


def test_the_document_has_every_figure() -> None:
    found = document(LEAKS)
    assert (found["leak"], found["runs"], found["repeats"]) == (True, 10, 5)
    heap_check, goroutines = found["checks"]
    assert (heap_check["outcome"], heap_check["growth"], heap_check["growthAtLeast"]) == (
        "leak",
        10_000_000,
        10_000_000,
    )
    assert goroutines["places"] == [
        {
            "function": "example.com/app/store.send", "file": "example.com/app/store/send.go", "line": 7,
            "leaf": "runtime.gopark", "wait": "chan send", "growth": 250, "share": 1.0,
            "pattern": None,
        }
    ]  # fmt: skip
    assert document(PASSED)["checks"][0]["fix"] is None
