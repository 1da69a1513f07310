"""Scene cuts from two neighbouring frames: structure and brightness must both have changed."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRID: Final = (9, 16)
"""Rows and columns of mean brightness that stand for the structure; coarse: a moving head matters little."""

LEVELS: Final = 32
"""Bins of the histogram of brightness."""

FULL_SHIFT: Final = 40.0
"""Shift of brightness, in grey levels of 255, from which more says no more."""

FAINT: Final = 25.0
"""Variance in grey levels squared below which structure is taken for noise."""

STEADY: Final = 0.85
"""Correlation of the structure from which no change of brightness is a cut: it is a flash or a lamp."""

STEADY_FLASH: Final = 0.5
"""The same where the whole picture grew brighter or darker: a flash that clips flattens the structure."""

THRESHOLD: Final = 0.25
"""Default of `is_cut`: 1.3 times the largest value within a scene among some 18,000 pairs of frames."""


def signature(luma_small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What `is_cut` needs to know of a frame.

    Args:
        luma_small: h x w, the frame's brightness at about 64 pixels wide, full range.

    Returns:
        9 * 16 + 32 float32: mean brightness of each cell of a grid, then the cumulated histogram (0 to 1).

    Raises:
        ValueError: the picture is empty or has colours.
    """
    if luma_small.ndim != 2 or not luma_small.size:
        raise ValueError(f"a signature needs a picture of h x w brightness, but got {luma_small.shape}")
    tops, heights = _cells(luma_small.shape[0], GRID[0])
    lefts, widths = _cells(luma_small.shape[1], GRID[1])
    columns = np.add.reduceat(luma_small, tops, axis=0, dtype=np.int64)
    sums = np.add.reduceat(columns, lefts, axis=1)
    means = sums / np.multiply.outer(heights, widths)
    counts = np.bincount(luma_small.ravel() >> 3, minlength=LEVELS)
    shares = np.cumsum(counts) / luma_small.size
    return np.concatenate([means.ravel(), shares]).astype(np.float32)


def change(previous: NDArray[np.float32], current: NDArray[np.float32]) -> float:
    """How much of a new picture it is, from 0 (the same) to about 1.

    The geometric mean of two things that a cut does and hardly anything else does at once: the coarse
    structure no longer correlates (a head that turns keeps its brightness), and the histogram moves, by
    its earth mover's distance (a flash keeps the structure).

    Args:
        previous, current: what `signature` gave for two neighbouring frames.
    """
    n = GRID[0] * GRID[1]
    before, after = previous[:n] - previous[:n].mean(), current[:n] - current[:n].mean()
    energy, other = float(before @ before), float(after @ after)
    correlation = float(before @ after) / ((energy + FAINT * n) * (other + FAINT * n)) ** 0.5
    if correlation >= STEADY or max(energy, other) < FAINT * n:
        return 0.0
    if correlation >= STEADY_FLASH and _one_way(previous[:n], current[:n]):
        return 0.0
    shift = float(np.abs(previous[n:] - current[n:]).sum()) * (256 / LEVELS)
    return float(np.sqrt((1 - max(correlation, 0.0)) * min(shift / FULL_SHIFT, 1.0)))


def is_cut(
    previous: NDArray[np.float32], current: NDArray[np.float32], *, threshold: float = THRESHOLD
) -> bool:
    """Whether a new scene begins with the current frame.

    Two frames cannot tell a cut between alike compositions (one newsreader to another) from motion; and a
    fade is no cut.

    Args:
        previous, current: what `signature` gave for two neighbouring frames.
        threshold: of `change`; lower finds more cuts and more false ones.
    """
    return change(previous, current) > threshold


def _cells(length: int, parts: int) -> tuple[list[int], list[int]]:
    """Where the cells of an axis start, and how many pixels they have.

    A picture with fewer pixels than cells gives a cell the pixel that it starts in.
    """
    edges = [length * part // parts for part in range(parts + 1)]
    return edges[:-1], [max(end - start, 1) for start, end in pairwise(edges)]


def _one_way(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether all but a few cells grew brighter, or all but a few grew darker."""
    brighter = float((after >= before).mean())
    darker = float((after <= before).mean())
    return max(brighter, darker) >= 0.97
