"""Curves over time as inline SVG: places in percent, so that text keeps its size at every width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vidface.review.html import Html, el, join
from vidface.review.words import clock, ticks

_HEIGHT: Final = 64
_FINE: Final = 1000
"""Units of a plot's inner drawing on both axes."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that every plot of a report spans.

    Attributes:
        first, last: seconds.
    """

    first: float
    last: float

    def at(self, seconds: float) -> float:
        """Place of a time, in percent of the width."""
        length = max(self.last - self.first, 1e-6)
        return round(min(100.0, max(0.0, 100 * (seconds - self.first) / length)), 3)

    def across(self, start: float, end: float) -> dict[str, str]:
        """Place and width of a stretch, as an SVG wants them; never too narrow to be seen."""
        left = self.at(start)
        return {"x": f"{left}%", "width": f"{max(self.at(end) - left, 0.4):.3f}%"}


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a plot spans, and lines across it.

    Attributes:
        low, high: bottom and top.
        marks: values with a line and a number.
    """

    low: float
    high: float
    marks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Place of a value, in percent from the top."""
        length = max(self.high - self.low, 1e-9)
        return round(min(100.0, max(0.0, 100 * (self.high - value) / length)), 3)


def range_of(unit: str, values: Sequence[float]) -> Range:
    """The span that suits a unit, wider where values go beyond."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if unit == "probability":
        return Range(0, 1, (0, 0.5, 1))
    if unit == "correlation":
        return Range(min(-0.5, low), 1, (0, 1))
    if unit == "standard deviations":
        top, bottom = max(4.0, high), min(0.0, math.floor(low))
        if bottom < 0:
            return Range(bottom, top, (bottom, 0, round(top)))
        return Range(0, top, (0, 2, 4) if top < 6 else (0, round(top)))
    top = max(1.0, abs(low), abs(high))
    top = round(top + 0.5) if top > 1 else 1.0
    return Range(0 if low >= 0 and unit == "ratio" else -top, top, (0, top) if low >= 0 else (-top, 0, top))


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a plot shows.

    Attributes:
        name: the SVG's title.
        described: its description, the curve in words.
        points: rows of start, end, score (None: did not apply), in order of time.
        spans: when the face is seen.
        usual: lowest and highest value that are common on real clips; None where not known.
    """

    name: str
    described: str
    points: Sequence[Row]
    spans: Sequence[Sequence[float]]
    usual: tuple[float, float] | None = None


def plot(drawn: Drawn, axis: Axis, values: Range) -> Html:
    """A curve through the middles of its windows; hatched where the test did not apply."""
    points = drawn.points
    lines = [_mark(value, values) for value in values.marks]
    return el(
        "svg",
        el("title", drawn.name),
        el("desc", drawn.described),
        [el("rect", class_="paper", y=0, height="100%", **axis.across(*one[:2])) for one in drawn.spans],
        _usual(drawn, axis, values),
        _silent(points, axis),
        lines,
        el(
            "svg",
            _curve(points, axis, values),
            viewBox=f"0 0 {_FINE} {_FINE}",
            preserveAspectRatio="none",
            width="100%",
            height="100%",
        ),
        _dots(points, axis, values),
        el("line", class_="cursor", x1="0%", x2="0%", y1=0, y2="100%"),
        class_="plot",
        role="img",
        width="100%",
        height=_HEIGHT,
    )


def presence(name: str, spans: Sequence[Sequence[float]], axis: Axis, opinion: str) -> Html:
    """A bar where a face is seen, filled by the verdict's pattern."""
    bars = [
        el(
            "rect",
            class_=f"bar {opinion}",
            y=3,
            height=12,
            **axis.across(*one[:2]),
        )
        for one in spans
    ]
    return el(
        "svg",
        el("title", name),
        el("rect", class_="paper", x=0, y=0, width="100%", height="100%"),
        bars,
        el("line", class_="cursor", x1="0%", x2="0%", y1=0, y2="100%"),
        class_="plot",
        role="img",
        width="100%",
        height=18,
    )


def time_axis(axis: Axis) -> Html:
    """Ticks and times below a stack of plots."""
    marks = []
    for one in ticks(axis.first, axis.last):
        place = axis.at(one)
        anchor = "start" if place < 4 else "end" if place > 94 else "middle"
        marks.append(el("line", class_="tick", x1=f"{place}%", x2=f"{place}%", y1=0, y2=5))
        decimals = 0 if one == int(one) else 1
        marks.append(el("text", clock(one, decimals), x=f"{place}%", y=17, text_anchor=anchor))
    return el("svg", marks, class_="axis", width="100%", height=22, aria_hidden="true")


def likelihood(probability: float, low: float, high: float, opinion: str) -> Html:
    """A scale from 0 to 1 with the interval and the estimate."""
    return el(
        "svg",
        el(
            "title", f"Probability of a manipulation {probability:.2f}, 95 % interval {low:.2f} to {high:.2f}"
        ),
        el("line", class_="tick", x1="0%", x2="100%", y1=12, y2=12),
        [el("line", class_="tick", x1=f"{at}%", x2=f"{at}%", y1=8, y2=16) for at in (0, 50, 100)],
        el(
            "rect",
            class_=f"bar {opinion}",
            x=f"{100 * low:.1f}%",
            width=f"{max(100 * (high - low), 0.5):.1f}%",
            y=6,
            height=12,
        ),
        el(
            "svg",
            el("path", class_="estimate", d="M0 0 L5 -6 L-5 -6 Z M-1 0 H1 V24 H-1 Z"),
            x=f"{100 * probability:.1f}%",
            y=2,
            overflow="visible",
        ),
        el("text", "0 unlikely", x="0%", y=34, text_anchor="start"),
        el("text", "0.5", x="50%", y=34, text_anchor="middle"),
        el("text", "likely 1", x="100%", y=34, text_anchor="end"),
        class_="likelihood",
        role="img",
        width="100%",
        height=38,
    )


def swatch(opinion: str) -> Html:
    """The small square of a verdict, in the pattern of its bars."""
    square = el("rect", class_=f"bar {opinion}", x=1, y=1, width=12, height=12)
    return el("svg", square, class_="swatch", width=14, height=14, aria_hidden="true")


def patterns() -> Html:
    """The hatchings that bars and silent windows are filled with; once in a page."""
    slant = el("path", class_="hatchline", d="M-1 1 L1 -1 M0 6 L6 0 M5 7 L7 5", stroke_width=1.4)
    thin = el("path", class_="thinline", d="M-1 1 L1 -1 M0 6 L6 0 M5 7 L7 5", stroke_width=0.7)
    kept = [
        el("pattern", drawn, id=name, width=6, height=6, patternUnits="userSpaceOnUse")
        for name, drawn in (("hatch", slant), ("thin", thin))
    ]
    return el("svg", el("defs", kept), width=0, height=0, class_="defs", aria_hidden="true")


def _mark(value: float, values: Range) -> Html:
    y = values.at(value)
    text = f"{value:g}".replace("-", "−")
    offset = 11 if y < 20 else -3
    return join(
        el("line", class_="grid", x1="0%", x2="100%", y1=f"{y}%", y2=f"{y}%"),
        el("svg", el("text", text, x=3, y=offset), y=f"{y}%", overflow="visible", class_="label"),
    )


def _usual(drawn: Drawn, axis: Axis, values: Range) -> list[Html]:
    """A band where the scores of real clips lie."""
    if drawn.usual is None:
        return []
    top, bottom = values.at(drawn.usual[1]), values.at(drawn.usual[0])
    place = {"y": f"{top}%", "height": f"{max(bottom - top, 0.5):.3f}%"}
    return [el("rect", class_="usual", **place, **axis.across(*one[:2])) for one in drawn.spans]


def _silent(points: Sequence[Row], axis: Axis) -> list[Html]:
    """A strip at the bottom for each stretch without a score."""
    ends: list[list[float]] = []
    before: float | None = None
    for row in points:
        middle = _middle(row)
        if row["score"] is None:
            start = middle if before is None else before
            if ends and start <= ends[-1][1]:
                ends[-1][1] = middle
            else:
                ends.append([start, middle])
        before = middle
    return [
        el(
            "rect",
            class_="silent",
            y=_HEIGHT - 7,
            height=7,
            **axis.across(start, end),
        )
        for start, end in ends
    ]


def _curve(points: Sequence[Row], axis: Axis, values: Range) -> list[Html]:
    runs: list[list[str]] = [[]]
    for row in points:
        if row["score"] is None:
            runs.append([])
            continue
        x, y = axis.at(_middle(row)) * _FINE / 100, values.at(float(row["score"])) * _FINE / 100
        runs[-1].append(f"{x:.1f},{y:.1f}")
    return [el("polyline", class_="curve", points=" ".join(run)) for run in runs if len(run) > 1]


def _dots(points: Sequence[Row], axis: Axis, values: Range) -> list[Html]:
    """A point that no line reaches is a dot."""
    scores = [None, *(row["score"] for row in points), None]
    return [
        el(
            "circle",
            class_="dot",
            cx=f"{axis.at(_middle(row))}%",
            cy=f"{values.at(float(row['score']))}%",
            r=2.5,
        )
        for n, row in enumerate(points)
        if row["score"] is not None and scores[n] is None and scores[n + 2] is None
    ]


def _middle(row: Row) -> float:
    return (float(row["start"]) + float(row["end"])) / 2
