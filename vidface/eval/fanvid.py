"""FaceRecBox, the score of the FANVID benchmark: boxes and names at once, in clips of low resolution.

On each frame true and predicted boxes are paired one to one, greedily by falling overlap; a pair counts from
IoU 0.5 (M = 1), and is right (F = 1) where the names agree.

    FaceRecBox = sum(M * F) / (sum(M) + missed boxes + unmatched predictions)

The sums run over all frames (micro). A truth box of nobody enrolled has the name None and is right where
the prediction names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.eval.intervals import RESAMPLES, Figure, figures
from vidface.vision.boxes import iou_matrix

MIN_IOU: Final = 0.5
BLOCK: Final = 25
"""Frames that are drawn together for an interval: neighbouring frames are nearly the same picture."""
FEWEST_BLOCKS: Final = 8
"""Below this the draws of blocks tell too little of how far another clip would lie: there is no interval."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedBoxes:
    """The faces of one frame.

    Attributes:
        boxes: n x 4 x1 y1 x2 y2. names: n; None where nobody is named.
    """

    boxes: NDArray[np.float64]
    names: tuple[str | None, ...]

    def __post_init__(self) -> None:
        table = np.asarray(self.boxes, np.float64).reshape(-1, 4)
        boxes = frozen_array("NamedBoxes.boxes", table, dtype=np.float64, shape=(len(self.names), 4))
        object.__setattr__(self, "boxes", boxes)

    def __len__(self) -> int:
        return len(self.names)

    def pick(self, rows: Any) -> NamedBoxes:
        """The given rows (indices)."""
        places = [int(row) for row in rows]
        return NamedBoxes(self.boxes[places], tuple(self.names[place] for place in places))


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What one frame adds to the sums: M * F, M, truth without a pair, predictions without a pair."""

    right: int
    matched: int
    missed: int
    unmatched: int


@dataclass(frozen=True, slots=True, eq=False)
class FanvidScore:
    """FaceRecBox, and what it is made of.

    Attributes:
        score: FaceRecBox; its interval draws blocks of 25 frames in a row, and is none below 8 blocks.
        named: right / matched: how many found faces have the right name.
        found: matched / (matched + missed): how many faces are found.
        frames, right, matched, missed, unmatched: sums over the frames.
    """

    score: Figure
    named: float
    found: float
    frames: int
    right: int
    matched: int
    missed: int
    unmatched: int


def greedy_pairs(overlap: NDArray[Any], *, min_iou: float = MIN_IOU) -> list[tuple[int, int]]:
    """Rows and columns paired one to one by falling overlap; of equal overlaps the earlier row, then column.

    Args:
        overlap: n x m IoU.
    """
    pairs: list[tuple[int, int]] = []
    rows, columns = set(range(overlap.shape[0])), set(range(overlap.shape[1]))
    for place in np.argsort(-overlap, axis=None, kind="stable").tolist():
        row, column = divmod(place, overlap.shape[1])
        if overlap[row, column] < min_iou:
            break
        if row in rows and column in columns:
            pairs.append((row, column))
            rows.remove(row)
            columns.remove(column)
    return pairs


def count_frame(
    truth: NamedBoxes, found: NamedBoxes, *, aside: Sequence[bool] | None = None, min_iou: float = MIN_IOU
) -> FrameCounts:
    """The counts of one frame.

    Args:
        aside: one for each truth box, True where the face cannot be seen: it is not wanted, and a
            prediction that is left over and lies on it is no error.
    """
    hidden = np.zeros(len(truth), bool) if aside is None else np.asarray(aside, bool)
    wanted = truth.pick(np.flatnonzero(~hidden))
    pairs = greedy_pairs(iou_matrix(wanted.boxes, found.boxes), min_iou=min_iou)
    lone = sorted(set(range(len(found))) - {column for _, column in pairs})
    on_hidden = iou_matrix(truth.boxes[hidden], found.boxes[lone]) >= min_iou
    return FrameCounts(
        right=sum(wanted.names[row] == found.names[column] for row, column in pairs),
        matched=len(pairs),
        missed=len(wanted) - len(pairs),
        unmatched=len(lone) - int(on_hidden.any(axis=0).sum()),
    )


def score_fanvid(
    counts: Iterable[FrameCounts], *, resamples: int = RESAMPLES, seed: int = 0, block: int = BLOCK
) -> FanvidScore:
    """Sum the frames of one or more clips up.

    Args:
        counts: of every frame, in order.
        block: frames in a row that the bootstrap draws together.
    """
    table = np.array([(c.right, c.matched, c.missed, c.unmatched) for c in counts], np.float64).reshape(-1, 4)
    blocks = np.arange(len(table)) // block

    def measure(weights: NDArray[np.float64]) -> list[float]:
        right, matched, missed, unmatched = (weights @ table).tolist()
        return [_ratio(right, matched + missed + unmatched)]

    draws = resamples if len(np.unique(blocks)) >= FEWEST_BLOCKS else 0
    (score,) = figures(measure, blocks[:, None], resamples=draws, seed=seed)
    right, matched, missed, unmatched = (int(total) for total in table.sum(axis=0))
    return FanvidScore(
        score=score,
        named=_ratio(right, matched),
        found=_ratio(matched, matched + missed),
        frames=len(table),
        right=right,
        matched=matched,
        missed=missed,
        unmatched=unmatched,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
