"""The gate's verdict as JUnit XML, in the form that CI systems read: a suite, a test case a check."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from leakwarden.core.gate.say import details, headline
from leakwarden.core.gate.values import Outcome, Report

_SUITE = "leakwarden gate"


def junit(report: Report) -> str:
    """A leak is a failure; unproven growth passes, with the reason in the case's output."""
    failures = sum(1 for check in report.checks if check.outcome is Outcome.LEAK)
    suite = _suite(len(report.checks), failures, 0, report.seconds)
    for check in report.checks:
        case = ET.SubElement(suite, "testcase", classname="leakwarden.gate", name=f"{check.kind} of {report.command}")
        if check.outcome is Outcome.LEAK:
            failure = ET.SubElement(case, "failure", type="leak", message=headline(check, report))
            failure.text = "\n".join(details(check, report))
        else:
            ET.SubElement(case, "system-out").text = "\n".join([*_warning(check.outcome), *details(check, report)])
    return _text(suite)


def junit_error(command: str, problem: str) -> str:
    """Where nothing could be measured."""
    suite = _suite(1, 0, 1, 0.0)
    case = ET.SubElement(suite, "testcase", classname="leakwarden.gate", name=f"measuring {command}")
    ET.SubElement(case, "error", type="not-measured", message=problem)
    return _text(suite)


def _warning(outcome: Outcome) -> list[str]:
    return ["Warning: growth that is not proven."] if outcome is Outcome.UNPROVEN else []


def _suite(tests: int, failures: int, errors: int, seconds: float) -> ET.Element:
    counts = {"tests": str(tests), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    return ET.Element("testsuite", {"name": _SUITE, **counts, "time": f"{seconds:.3f}"})


def _text(suite: ET.Element) -> str:
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    text: str = ET.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_printable(text)}\n'


def _printable(text: str) -> str:
    """Without the letters that XML 1.0 has no way to write; function names and commands may hold any."""
    return "".join(
        letter if letter in "\n\t" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
