"""Rowdiff: rows of two files (JSON lines or tables), compared value by value, and what differs in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from vidface.graph.tablerows import TABLES, read_table


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines of a file, in order.

    Attributes:
        lines: of JSON, one a row.
        head: columns of a table, in words; "" where every row names its own.
    """

    lines: tuple[str, ...]
    head: str = ""

    @classmethod
    def read(cls, path: Path, frames: int | None) -> Rows | None:
        """Rows of a file; with `frames`, of frames with a lower index.

        Returns:
            None where the rows are not of frames, and `frames` is given; no row where there is no file.

        Raises:
            InputError, UsageError: a table that cannot be read.
        """
        if not path.is_file():
            return cls(())
        head, lines = read_table(path) if path.suffix in TABLES else ("", _json_lines(path))
        if frames is None:
            return cls(tuple(lines), head)
        indices = [_frame(line) for line in lines]
        if all(index is None for index in indices) and lines:
            return None
        # A row that cannot be read stays: it is a difference.
        kept = [line for line, index in zip(lines, indices, strict=True) if index is None or index < frames]
        return cls(tuple(kept), head)


def _json_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def compare_rows(then: Rows, now: Rows, tolerance: float) -> str:
    """What differs, as a phrase; empty where nothing does.

    Args:
        tolerance: numbers that differ by no more than this count as the same.
    """
    if then.head != now.head:
        return f"its columns were {then.head or 'none'}, are {now.head or 'none'} now"
    first = ""
    rows, largest = 0, 0.0
    for number, (old, new) in enumerate(zip_longest(then.lines, now.lines), start=1):
        if old == new:
            continue
        found = [one for one in _differences(_value(old), _value(new), "") if one[1] > tolerance]
        if not found:
            continue
        rows += 1
        finite = [gap for _, gap in found if gap != math.inf]
        largest = max([largest, *finite])
        first = first or f"row {number}: {found[0][0]}"
    if not rows:
        return ""
    size = f"; numbers differ by up to {largest:.3g}" if largest else ""
    return f"{rows} of {len(then.lines)} rows differ, the first is {first}{size}"


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, float]]:
    """Places where two values differ, and by how much; infinity where that is no number."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _differences(old[key], new[key], f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, two) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, two, f"{path}[{place}]")
    elif _number(old) and _number(new):
        if old != new and not (_nan(old) and _nan(new)):
            yield f"{path} was {_short(old)}, is {_short(new)} now", _gap(old, new)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield f"{path or 'it'} was {_short(old)}, is {_short(new)} now", math.inf


def _gap(old: float, new: float) -> float:
    """Between two unequal numbers; infinity where one is not finite, or they are too large to tell."""
    try:
        gap = abs(old - new)
        return gap if gap and math.isfinite(gap) else math.inf
    except OverflowError:
        return math.inf


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nan(value: float) -> bool:
    return isinstance(value, float) and math.isnan(value)  # a huge integer has no float


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _value(line: str | None) -> Any:
    if line is None:
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _frame(line: str) -> int | None:
    """Index of the frame that a row is of, or with which a finding ends; a track's row is of none."""
    value = _value(line)
    if not isinstance(value, dict):
        return None
    index = value.get("last_frame") if "kind" in value else value.get("frame")
    return index if isinstance(index, int) else None
