"""One SVG with a small picture of every recording of a set, drawn by hand: no dependency, and few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.verdicts.examine import Examined
from bench.verdicts.series import SampleSeries

COLUMNS = 4
WIDTH, HEIGHT = 200, 64
GAP, TITLE = 14, 26
POINTS = 60
"""Of a line: more are not seen at this size."""
STYLE = (
    "text{font:9px sans-serif;fill:#57606a}.n{font-size:10px;fill:#24292f}"
    "rect{fill:#f6f8fa;stroke:#d0d7de;stroke-width:.5}path{fill:none;stroke-width:1.3}"
    ".h{stroke:#0969da}.g{stroke:#bf8700;stroke-dasharray:3 2}.o{stroke:#57606a;stroke-width:1;stroke-dasharray:2 2}"
    ".a{stroke:#1a7f37;stroke-width:1.5}.w{stroke:#cf222e;stroke-width:1.5}"
)


def sheet(examined: Sequence[Examined]) -> str:
    """The whole SVG, its cells in the order given. It is the same for the same recordings."""
    rows = -(-len(examined) // COLUMNS)
    wide, high = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + TITLE + GAP) + GAP
    cells = [
        _cell(one, GAP + (index % COLUMNS) * (WIDTH + GAP), GAP + (index // COLUMNS) * (HEIGHT + TITLE + GAP))
        for index, one in enumerate(examined)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
    paper = f'<rect width="{wide}" height="{high}" style="fill:#fff;stroke:none"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *cells, "</svg>"]) + "\n"


def _cell(one: Examined, x: int, y: int) -> str:
    series = one.series
    heap, count = [s.live for s in series.samples], [s.goroutines for s in series.samples]
    most_heap, most_count = max((v for v in heap if v is not None), default=0.0), max(v or 0.0 for v in count)
    begin = series.samples[0].at
    span = max(series.samples[-1].at - begin, 1e-9)

    def line_at(at: float, css: str) -> str:
        place = min(max((at - begin) / span, 0.0), 1.0) * WIDTH
        return f'<path class="{css}" d="M{place:.1f} 0V{HEIGHT}"/>'

    onset = one.truth.onset
    parts = [
        f'<g transform="translate({x},{y})">',
        f'<text class="n" y="8">{escape(one.truth.name)}</text>',
        f'<text y="20">{one.verdict}, {most_heap / (1 << 20):.0f} MiB, {most_count:.0f} goroutines</text>',
        f'<g transform="translate(0,{TITLE})"><rect width="{WIDTH}" height="{HEIGHT}"/>',
        _line(series, heap, most_heap, "h"),
        _line(series, count, most_count, "g"),
        line_at(onset, "o") if onset is not None else "",
        *(line_at(said.at, "w" if onset is None or said.at < onset else "a") for said in one.sayings),
        "</g></g>",
    ]
    return "".join(parts)


def _line(series: SampleSeries, values: Sequence[float | None], most: float, css: str) -> str:
    begin, end = series.samples[0].at, series.samples[-1].at
    known = [(s.at, v) for s, v in zip(series.samples, values, strict=True) if v is not None]
    if not known or end <= begin or most <= 0:
        return ""
    step = max(1, len(known) // POINTS)
    shown = known[::step] + ([known[-1]] if (len(known) - 1) % step else [])
    points = [((t - begin) / (end - begin) * WIDTH, HEIGHT - 3 - v / most * (HEIGHT - 6)) for t, v in shown]
    return f'<path class="{css}" d="M' + "L".join(f"{px:.0f} {py:.0f}" for px, py in points) + '"/>'
