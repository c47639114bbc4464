"""Tables of the benchmark: for the terminal, for docs/verdicts.md, and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bench.verdicts.catalogue import SETS
from bench.verdicts.examine import GRACE, LEAKWARDEN, Examined
from bench.verdicts.rivals import RIVALS
from bench.verdicts.score import BARRED, BARS, Score, missed, score

DETECTORS = (LEAKWARDEN, *(rival.name for rival in RIVALS))
TOTAL = "all"

DETECTOR_HEAD = ("detector", "precision", "recall", "false alarms", "found", "delay", "place named")
SET_HEAD = ("set", "leaking", "healthy", *DETECTOR_HEAD[1:], "delay / window")


def scores(examined: Sequence[Examined], detector: str) -> Score:
    return score([one.outcomes[detector] for one in examined])


def by_set(examined: Sequence[Examined]) -> dict[str, list[Examined]]:
    """The sets that have recordings, and at last all of them together where there are several."""
    found = {name: [one for one in examined if one.truth.set == name] for name in SETS}
    found = {name: these for name, these in found.items() if these}
    return {**found, TOTAL: list(examined)} if len(found) > 1 else found


def detector_rows(examined: Sequence[Examined]) -> list[tuple[str, ...]]:
    return [(detector, *_figures(scores(examined, detector), detector)) for detector in DETECTORS]


def set_rows(examined: Sequence[Examined]) -> list[tuple[str, ...]]:
    """Leakwarden by set."""
    rows = []
    for name, these in by_set(examined).items():
        reached = scores(these, LEAKWARDEN)
        windows = sorted(w for one in these if (w := one.outcomes[LEAKWARDEN].windows) is not None)
        middle = f"{windows[len(windows) // 2]:.2f}" if windows else "-"
        rows.append((name, str(reached.leaking), str(reached.healthy), *_figures(reached, LEAKWARDEN), middle))
    return rows


def _figures(reached: Score, detector: str) -> tuple[str, ...]:
    return (
        _share(reached.precision),
        _share(reached.recall),
        str(reached.false_alarms),
        f"{reached.found} of {reached.leaking}",
        "-" if reached.median_delay is None else f"{reached.median_delay:.0f}",
        _share(reached.site_accuracy) if detector == LEAKWARDEN else "-",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def verdict_rows(examined: Sequence[Examined]) -> list[tuple[str, ...]]:
    """How the healthy recordings end."""
    rows: list[tuple[str, ...]] = []
    for name, these in by_set(examined).items():
        ends = Counter(str(one.verdict) for one in these if not one.truth.leaking)
        total = sum(ends.values())
        if total:
            said = ", ".join(f"{count} {verdict}" for verdict, count in ends.most_common())
            rows.append((name, str(total), f"{ends['Healthy'] / total:.2f}", said))
    return rows


def recording_row(one: Examined) -> tuple[str, ...]:
    """Name, truth, verdict, what was said where after how many intervals, and which rivals were wrong."""
    ours = one.outcomes[LEAKWARDEN]
    if not one.truth.leaking:
        said = "false alarm: " + _sayings(one) if ours.false_alarm else ""
    elif ours.false_alarm:
        said = "said before the onset: " + _sayings(one)
    else:
        said = _sayings(one) if ours.found else "missed"
    wrong = [
        name
        for name in DETECTORS[1:]
        if one.outcomes[name].false_alarm or one.outcomes[name].found != one.truth.leaking
    ]
    delay = "" if ours.delay is None else f"{ours.delay:.0f}"
    return one.truth.name, one.truth.label, str(one.verdict), delay, said, ", ".join(wrong)


def _sayings(one: Examined) -> str:
    return "; ".join(f"{said.what} at {said.function or 'no place'}" for said in one.sayings)


def problems(examined: Sequence[Examined]) -> list[str]:
    """The bars that are missed, as sentences."""
    return [said for name in BARS for said in missed(name, scores(barred(examined, name), LEAKWARDEN))]


def barred(examined: Sequence[Examined], name: str) -> list[Examined]:
    """The recordings that count for a bar."""
    return [one for one in examined if one.truth.set in BARRED[name]]


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def as_json(examined: Sequence[Examined]) -> dict[str, Any]:
    """Everything that the tables are made of."""
    return {
        "missed": problems(examined),
        "detectors": {
            name: {detector: _score_json(scores(these, detector)) for detector in DETECTORS}
            for name, these in by_set(examined).items()
        },
        "recordings": [_examined_json(one) for one in examined],
    }


def _score_json(reached: Score) -> dict[str, Any]:
    return {
        "leaking": reached.leaking, "healthy": reached.healthy, "found": reached.found,
        "falseAlarms": reached.false_alarms, "precision": reached.precision, "recall": reached.recall,
        "medianDelay": reached.median_delay, "medianOfBudget": reached.median_of_budget,
        "siteAccuracy": reached.site_accuracy,
    }  # fmt: skip


def _examined_json(one: Examined) -> dict[str, Any]:
    return {
        "set": one.truth.set, "name": one.truth.name, "label": one.truth.label, "verdict": str(one.verdict),
        "reason": one.reason,
        "sayings": [
            {"at": said.at, "until": said.until, "rules": said.what, "function": said.function} for said in one.sayings
        ],
        "detectors": {
            name: {
                "found": got.found, "falseAlarm": got.false_alarm, "delay": got.delay, "named": got.named,
                "strange": list(got.strange),
            }
            for name, got in one.outcomes.items()
        },
    }  # fmt: skip


def page(examined: Sequence[Examined], sheets: dict[str, str], extra: str = "") -> str:
    """docs/verdicts.md. `sheets`: the path of the picture of each set. `extra` comes before the pictures."""
    leaking = sum(one.truth.leaking for one in examined)
    parts = [HEAD.format(count=len(examined), leaking=leaking, healthy=len(examined) - leaking, grace=GRACE)]
    parts += ["\n".join(f"- `{name}`: {ABOUT[name]}" for name in by_set(examined) if name in ABOUT)]
    parts += ["## Leakwarden, by set", markdown_table(SET_HEAD, set_rows(examined)), AFTER_SETS, _bars(examined)]
    parts += [
        LIMITS,
        "How the healthy ones end:",
        markdown_table(("set", "healthy", "share", "verdicts"), verdict_rows(examined)),
    ]
    parts += ["## Detectors", markdown_table(DETECTOR_HEAD, detector_rows(examined)), AFTER_DETECTORS, _sources()]
    parts += [extra] if extra else []
    for name, these in by_set(examined).items():
        if name == TOTAL:
            continue
        parts += [f"## Recordings: {name}", f"![Every recording of the set {name}]({sheets[name]})", KEY]
        parts += [markdown_table(RECORDING_HEAD, (recording_row(one) for one in these))]
    return "\n\n".join(parts) + "\n"


def _bars(examined: Sequence[Examined]) -> str:
    wanted = "; ".join(f"{name}: precision {bar.precision:.2f}, recall {bar.recall:.2f}" for name, bar in BARS.items())
    said = problems(examined)
    shares = ((name, scores(barred(examined, name), LEAKWARDEN).median_of_budget) for name in BARS)
    delays = ", ".join(f"{name} {share:.2f}" for name, share in shares if share is not None)
    reached = "All of them are reached" if not said else "Missed"
    reached += f"; that delay is {delays} of it" if delays else ""
    reached += "." if not said else ":\n\n" + "\n".join(f"- {one}" for one in said)
    return f"Bars: {wanted}; in both the median delay at most half the rule's window and its hold. {reached}"


def _sources() -> str:
    return markdown_table(("detector", "rule and source"), ((rival.name, rival.source) for rival in RIVALS))


RECORDING_HEAD = ("recording", "truth", "Leakwarden ends", "delay", "what it says", "rivals that are wrong")

HEAD = """# Verdicts on labelled recordings

Generated by `make verdicts`; do not edit.

{count} recordings of real Go programs, {leaking} leaking and {healthy} healthy, made by `leakwarden record` and
replayed through the operator's own fold, with the built-in rules at the recording's interval and a start-up grace of
{grace} intervals. Nothing here depends on the machine that replays. Programs and labels: `bench/verdicts/`; recordings:
`tests/recordings/verdicts/`. A test of the suite holds the bars."""

ABOUT = {
    "tuned": "thresholds may be chosen on these; the programs were written by somebody who had not read the judge.",
    "tuned2": "the same, by another author who was asked for healthy programs that fool an impatient detector: growth\n"
    "  that is even, keeps all that it allocates, and ends.",
    "tuned3": "written to be held out, by somebody who had seen neither judge nor rules, and much harder than what\n"
    "  was there. Measured once with fast windows of 40 intervals (12 of 18 found, 7 healthy ones flagged); that led\n"
    "  to longer windows, so it is no longer held out.",
    "heldout": "written by somebody else, apart, and never used to choose a threshold; its sums and the names of what\n"
    "  was wrong were looked at seven times since.",
    "heldout2": "the same, by a third author, begun when the first had been looked at once; looked at six times.",
    "heldout3": "the same, by the author of none of the others; looked at three times, the last for this page.",
    "heldout4": "the same, by yet another author, who was told where the line is (below) and nothing else; begun\n"
    "  before the windows became 200 intervals. Measured twice, alike, before and after a defect seen on made series.",
    "gopls": "a real gopls under an editor that we drive; one threshold (`UNSTEADY`) was chosen on these and `tuned`.",
}

KEY = """Blue: live heap, brown and broken: goroutines, each up to its own highest value. Grey: the onset of the leak.
Green: Leakwarden says a Leak; red: it says one where there is none."""

AFTER_SETS = """A *false alarm* is a recording with a Leak at any moment that it should not have: a healthy one, or a
leaking one before its onset. *Found*: a Leak stands at some moment after the onset. *Precision* is found over found and
false alarms, in recordings. *Delay*: median, in sampling intervals, from the onset (which the program itself tells) to
the finding. *Place named*: of those found, the share that names one of the functions which the program's author wrote
down."""

LIMITS = """*Where the line is.* A process that loads data, fills a cache or falls behind with its work grows evenly and
keeps all of it, just as a leak does, until it is full. Until then no profile tells them from each other; time does. In
these programs such a growth ends after some 80 intervals (40 minutes at 30 s), and a leak lasts for 120 or more. The
built-in rules ask for 100. What fills evenly for longer than that is called a leak, until it has been full for a while
(docs/judging.md, Known limits).

*What is missed* leaks half a mebibyte an interval below a rhythm of a hundred, in processes that collect rarely: a
recording that went on for longer would show it."""

AFTER_DETECTORS = """All detectors see the same decoded samples, and a rival's alarm is judged as a finding of ours is.
Where a rule counts in minutes or hours, an interval of a recording stands for 30 s (for Precog 5 minutes, a point of
its own grid). Where it needs a memory limit, that is 1 GiB. Memory statistics are recorded every fourth time and stand
until the next. `bench/verdicts/rivals/` says the rest. Most of these rules were made to call a person who looks at the
picture, not to act alone: the table says what they would do alone."""
