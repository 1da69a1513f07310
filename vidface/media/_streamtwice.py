"""Traces of an earlier coding: pictures that cost more than their like at an even distance.

Where a picture had been a key frame in an earlier coding, it is predicted badly from its neighbours: it takes
more bytes and more blocks that are predicted from the picture itself. These places stand an earlier distance
of key frames apart (D. Vazquez-Padin, M. Fontani, T. Bianchi, P. Comesana, A. Piva, M. Barni, "Detection of
video double encoding with GOP size estimation", IEEE WIFS 2012, with bytes in place of skipped blocks, which
a decoder does not tell). A change of the frame rate that repeats pictures leaves a period, too.

Coders that give every so many pictures more bytes by design, as VP9 does to its golden and alternate
references, leave such a period when they code once. So it is looked for in H.264 alone, which was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.media._streamgop import sizes_of
from vidface.media._streamread import Picture, Reading

Array = NDArray[np.float64]

MEASURED: Final = frozenset({"h264"})
"""Codecs of which it is known how often a stream that was coded once is taken for one coded twice."""
STRONG: Final = 4.5
"""Strength from which a period is told as a hint."""
FALSE_ALARMS: Final = "0 of 40"
FOUND: Final = "12 of 40"
"""Of clips coded once, and twice, by libx264 that reach it (tests/bench/results/twice_coded.md)."""

_LEAST: Final = 100
"""Pictures between key frames that are needed."""
_SHORTEST: Final = 6
_TIMES: Final = 6
"""A period must be seen so often."""
_KNOWN: Final = 0.6
_NEIGHBOURS: Final = 6
_MOST: Final = 2.5
_FEW: Final = 8


@dataclass(frozen=True, slots=True)
class Twice:
    """The period that stands out most among a stream's predicted pictures.

    Attributes:
        period: in pictures.
        first: index of the first picture of it.
        strength: mean excess at the period over the spread of such means by chance, in standard deviations.
        times: how often it was seen.
    """

    period: int
    first: int
    strength: float
    times: int

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        return {
            "period": self.period,
            "first": self.first,
            "strength": round(self.strength, 2),
            "times": self.times,
            "hint_from": STRONG,
        }


def twice_coded(reading: Reading) -> Twice | None:
    """The strongest period.

    None in a codec that was not measured, with too few predicted pictures, or where sizes are not known.
    """
    if reading.codec not in MEASURED:
        return None
    excess = _excess(reading.pictures, np.array(sizes_of(reading)))
    known = np.isfinite(excess)
    if known.sum() < _LEAST:
        return None
    excess = np.where(known, excess - excess[known].mean(), 0.0)
    spread = float(excess[known].std())
    best = None
    for period in range(_SHORTEST, len(excess) // _TIMES + 1):
        rows = -(-len(excess) // period)
        pad = rows * period - len(excess)
        sums = np.pad(excess, (0, pad)).reshape(rows, period).sum(0)
        counts = np.pad(known, (0, pad)).reshape(rows, period).sum(0)
        usable = (counts >= _TIMES) & (counts >= _KNOWN * rows)
        scores = np.where(usable, sums / np.sqrt(np.maximum(counts, 1)) / max(spread, 1e-9), -np.inf)
        first = int(scores.argmax())
        if np.isfinite(scores[first]) and (best is None or scores[first] > best.strength):
            best = Twice(period, first, float(scores[first]), int(counts[first]))
    return best


def _excess(pictures: list[Picture], sizes: Array) -> Array:
    """Of each picture: how much larger and more intra it is than its like nearby; NaN near key frames."""
    found = np.full(len(pictures), np.nan)
    classes = _classes(pictures)
    intra = np.nan_to_num([one.intra for one in pictures])
    for kind in set(classes):
        places = [i for i, one in enumerate(classes) if one == kind and sizes[i] > 0]
        if kind[0] in "I?" or len(places) < _FEW:
            continue
        larger = _above(np.log(sizes[places] + 30), 0.02, robust=True)
        found[places] = larger + _above(intra[places], 0.002, robust=False)
    for i, one in enumerate(pictures):
        if one.key or one.kind == "I":
            found[max(0, i - 1) : i + 3] = np.nan
    return found


def _classes(pictures: list[Picture]) -> list[tuple[str, int, int]]:
    """Pictures that an encoder treats alike: their type, and the place among the B pictures of a row."""
    found: list[tuple[str, int, int]] = []
    waiting = 0
    for one in [*pictures, None]:
        if one is not None and one.kind == "B":
            waiting += 1
            continue
        found += [("B", waiting, place) for place in range(waiting)]
        if one is not None:
            found.append((one.kind, min(waiting, 3), 0))
        waiting = 0
    return found


def _above(values: Array, least: float, *, robust: bool) -> Array:
    """Values less the median of their neighbours, over their spread, within 2.5 to both sides."""
    padded = np.pad(values, _NEIGHBOURS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    rest = values - np.nanmedian(windows, axis=1)
    spread = 1.4826 * float(np.median(np.abs(rest))) if robust else float(rest.std())
    return np.asarray(np.clip(rest / max(spread, least), -_MOST, _MOST))
