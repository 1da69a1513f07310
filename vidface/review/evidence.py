"""Findings of one track, summed up: how each test went over time, and which windows stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any, Final

from vidface.data.findingkinds import KINDS

_POINTS: Final = 600
"""Of a curve; longer ones are thinned, each time keeping the window that speaks most for a manipulation."""
_WINDOWS: Final = 40
"""Rows of the table of windows."""
_MAPS: Final = 6
"""Maps of a track that are shown."""
_SAME_S: Final = 0.1
_APART_S: Final = 1.0
"""Between the ends of two windows whose maps are shown."""

Row = dict[str, Any]


def summed(rows: Iterable[Row]) -> list[Row]:
    """One dict a kind of evidence, in the order of KINDS: how it went over the track.

    Keys: kind, applied, silent (windows), why_not (sentence -> windows), last_why_not, median, strongest (the
    window that speaks most for a manipulation), points (start, end, score; null where it did not apply).
    """
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(str(row["kind"]), []).append(row)
    order = [*KINDS, *sorted(set(kinds) - set(KINDS))]
    return [_test(kind, kinds[kind]) for kind in order if kind in kinds]


def _test(kind: str, rows: list[Row]) -> Row:
    scored = [row for row in rows if row.get("score") is not None]
    why = Counter(str(row["why_not"]) for row in rows if row.get("why_not"))
    values = [float(row["score"]) for row in scored]
    top = max(scored, key=lambda row: speaks(kind, row)) if scored else None
    return {
        "kind": kind,
        "applied": len(scored),
        "silent": len(rows) - len(scored),
        "why_not": dict(why.most_common(4)),
        "last_why_not": next((row["why_not"] for row in reversed(rows) if row.get("why_not")), None),
        "median": median(values) if values else None,
        "strongest": None if top is None else _window(top) | {"details": dict(top.get("details") or {})},
        "points": [_window(row) for row in _thinned(kind, rows)],
    }


def speaks(kind: str, row: Row) -> float:
    """How much a row speaks for a manipulation against others of its kind; lowest where it says nothing."""
    score = row.get("score")
    if score is None:
        return float("-inf")
    known = KINDS.get(kind)
    return -float(score) if known is not None and known.high == "authentic" else float(score)


def _window(row: Row) -> Row:
    return {"start": float(row["start"]), "end": float(row["end"]), "score": row.get("score")}


def _thinned(kind: str, rows: list[Row]) -> list[Row]:
    step = -(-len(rows) // _POINTS)
    groups = [rows[place : place + step] for place in range(0, len(rows), step)]
    return [max(group, key=lambda row: speaks(kind, row)) for group in groups]


def windows_of(rows: list[Row], moments: list[Row]) -> list[Row]:
    """A table over time: rows of start, end, probability, and the score of each kind that ended in it.

    Where several windows of a kind end within a row, the one that speaks most for a manipulation stands in
    it. A kind that did not apply is null; one that was not asked is missing.
    """
    ends = _apart(sorted(float(row["end"]) for row in rows or moments))
    if not ends:
        return []
    step = -(-len(ends) // _WINDOWS)
    marks = ends[step - 1 :: step]
    if marks[-1] != ends[-1]:
        marks.append(ends[-1])
    first = min(float(row["start"]) for row in (*rows, *moments))
    table: list[Row] = []
    for before, mark in zip([first, *marks], marks, strict=False):
        inside = [row for row in rows if _ends_in(row, before, mark, first)]
        likely = [one["probability"] for one in moments if _touches(one, before, mark)]
        known = [value for value in likely if value is not None]
        table.append(
            {
                "start": before,
                "end": mark,
                "probability": max(known) if known else None,
                "scores": {kind: _best(kind, inside) for kind in dict.fromkeys(r["kind"] for r in inside)},
            }
        )
    return table


def _apart(ends: list[float]) -> list[float]:
    """Of ends that are nearly the same, the last: tests on one hop may end some frames apart."""
    return [end for n, end in enumerate(ends) if n + 1 == len(ends) or ends[n + 1] - end > _SAME_S]


def _touches(one: Row, before: float, mark: float) -> bool:
    return float(one["start"]) < mark - _SAME_S and float(one["end"]) > before + _SAME_S


def _ends_in(row: Row, before: float, mark: float, first: float) -> bool:
    end = float(row["end"])
    return before < end <= mark or end == before == first


def _best(kind: str, rows: list[Row]) -> float | None:
    top = max((row for row in rows if row["kind"] == kind), key=lambda row: speaks(kind, row))
    score = top.get("score")
    return None if score is None else float(score)


def maps_of(rows: list[Row]) -> list[Row]:
    """The strongest windows that have a heat map, a map once, in order of time."""
    found: list[Row] = []
    mapped = [row for row in rows if row.get("heat") and row.get("score") is not None]
    for row in sorted(mapped, key=lambda row: -speaks(str(row["kind"]), row)):
        near = [one for one in found if abs(float(one["end"]) - float(row["end"])) < _APART_S]
        alike = any(one["heat"] == row["heat"] for one in found)
        if len(found) < _MAPS and not near and not alike:
            found.append(row)
    keys = ("kind", "start", "end", "score", "heat", "face", "heat_frame")
    picked = [{key: row.get(key) for key in keys} for row in found]
    return sorted(picked, key=lambda row: float(row["start"]))


def within(moments: list[Row], first: float, last: float) -> list[Row]:
    """Moments as far as their track goes: runs of older versions tell windows of a grid that go beyond it.

    Args:
        first, last: seconds of the track's first and last frame.
    """
    kept = []
    for one in moments:
        start, end = (min(max(float(one[key]), first), last) for key in ("start", "end"))
        same = (start, end) == (float(one["start"]), float(one["end"]))
        kept.append(one if same else one | {"start": f"{start:.6f}", "end": f"{end:.6f}"})
    return kept


def moment_length(moments: list[Row]) -> float | None:
    """Seconds that one value of the probability stands for: the longest moment; None without any."""
    return max((round(float(one["end"]) - float(one["start"]), 3) for one in moments), default=None)


def stretches(moments: list[Row], above: float) -> list[list[float]]:
    """Spans of time, joined, of the moments whose probability is `above` or more."""
    spans: list[list[float]] = []
    for one in moments:
        if one["probability"] is None or one["probability"] < above:
            continue
        start, end = float(one["start"]), float(one["end"])
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(end, spans[-1][1])
        else:
            spans.append([start, end])
    return spans
