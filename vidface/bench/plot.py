"""A benchmark as a picture: bars of frames a second, an SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from vidface.bench.job import Spread

_LEFT: Final = 250
_WIDE: Final = 520
_RIGHT: Final = 150
_ROW: Final = 24
_TOP: Final = 56
_OURS: Final = "#2b6cb0"
_OTHERS: Final = "#a0aec0"


class Bar(NamedTuple):
    """One bar: a name, its values over the runs, a word behind it; `other` is what is compared with."""

    name: str
    values: Spread
    behind: str = ""
    other: bool = False


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Bars on a logarithmic scale with whiskers from least to greatest.

    Raises:
        ValueError: there is no bar, or a value that is not above 0.
    """
    if not rows or min(row.values.least for row in rows) <= 0:
        raise ValueError("a plot wants bars, and values above 0")
    low = 10 ** math.floor(math.log10(min(row.values.least for row in rows)))
    high = 10 ** math.ceil(math.log10(max(row.values.greatest for row in rows)) + 1e-9)
    wide, tall = _LEFT + _WIDE + _RIGHT, _TOP + _ROW * len(rows) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{wide}" height="{tall}" fill="white"/>',
        f'<text x="12" y="22" font-size="16">{escape(title)}</text>',
        *_grid(low, high, tall),
        f'<text x="{_LEFT + _WIDE + 8}" y="{_TOP - 8}" fill="#4a5568">{escape(unit)}</text>',
    ]
    for number, row in enumerate(rows):
        parts += _bar(row, _TOP + _ROW * number, (low, high))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(value: float, ends: tuple[float, float]) -> float:
    low, high = (math.log10(end) for end in ends)
    return _LEFT + _WIDE * (math.log10(value) - low) / (high - low)


def _grid(low: float, high: float, tall: int) -> Iterator[str]:
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        x = _place(10.0**power, (low, high))
        yield f'<line x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{tall - 12}" stroke="#e2e8f0"/>'
        yield f'<text x="{x:.1f}" y="{_TOP - 8}" text-anchor="middle" fill="#4a5568">{10.0**power:g}</text>'


def _bar(row: Bar, y: int, ends: tuple[float, float]) -> Iterator[str]:
    end, middle = _place(row.values.median, ends), y + _ROW / 2
    least, most = _place(row.values.least, ends), _place(row.values.greatest, ends)
    colour = _OTHERS if row.other else _OURS
    text = f"{row.values.median:.3g}{f'  {row.behind}' if row.behind else ''}"
    yield f'<text x="{_LEFT - 8}" y="{middle + 4:.0f}" text-anchor="end">{escape(row.name)}</text>'
    yield (
        f'<rect x="{_LEFT}" y="{y + 4}" width="{max(1.0, end - _LEFT):.1f}" height="{_ROW - 8}" '
        f'fill="{colour}"/>'
    )
    yield (
        f'<line x1="{least:.1f}" y1="{middle:.1f}" x2="{most:.1f}" y2="{middle:.1f}" stroke="#1a202c" '
        'stroke-width="2"/>'
    )
    yield f'<text x="{max(end, most) + 6:.1f}" y="{middle + 4:.0f}">{escape(text)}</text>'
