"""How well faces are followed: MOTA, IDF1, purity, fragmentation, identity switches, error of filled rows.

Truth and result are both sequences of `Faces`, one value a frame; in the truth `tracks` holds the person's
number. Definitions:

- CLEAR MOT (Bernardin and Stiefelhagen 2008): on each frame a person stays paired with the track of last
  time while the overlap allows, the rest is paired one to one for the largest total overlap.
  MOTA = 1 - (misses + false alarms + switches) / truth. A switch is a person who is paired with another
  track than the last time that person was paired, however long ago.
- IDF1 (Ristani et al. 2016): tracks are given to persons one to one over the whole stream so that the most
  boxes agree; IDF1 = 2 * agreeing / (truth + result). A box agrees with a person where it overlaps enough,
  whichever of several such boxes CLEAR MOT pairs with that person.
- Purity: share of paired boxes that show the person whom their track shows most often.
- Fragmentation: tracks a person, over the persons who were ever paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vidface.data import Faces
from vidface.vision.boxes import iou_matrix


@dataclass(frozen=True, slots=True)
class TrackingScore:
    """The counts, and what follows from them. Ratios of nothing to nothing are NaN.

    Attributes:
        truth: boxes in the truth, less those set aside.
        result: boxes in the result, less those that lie on something set aside.
        paired: boxes of the result that are a truth box.
        switches: identity switches.
        agreeing: boxes that agree under the best one-to-one naming of tracks (IDTP).
        pure: paired boxes that show their track's commonest person.
        persons: persons who were paired at least once.
        fragments: distinct pairs of a person with a track.
        filled: paired boxes that the tracker marked as interpolated.
        filled_iou: mean overlap of those with the truth.
    """

    truth: int
    result: int
    paired: int
    switches: int
    agreeing: int
    pure: int
    persons: int
    fragments: int
    filled: int
    filled_iou: float

    @property
    def misses(self) -> int:
        """Truth boxes without a pair (FN)."""
        return self.truth - self.paired

    @property
    def false_alarms(self) -> int:
        """Result boxes without a pair (FP)."""
        return self.result - self.paired

    @property
    def mota(self) -> float:
        """1 - (misses + false alarms + switches) / truth; at most 1, may be below 0."""
        return 1 - _ratio(self.misses + self.false_alarms + self.switches, self.truth)

    @property
    def idf1(self) -> float:
        """In [0, 1]."""
        return _ratio(2 * self.agreeing, self.truth + self.result)

    @property
    def purity(self) -> float:
        """In [0, 1], weighted by frames."""
        return _ratio(self.pure, self.paired)

    @property
    def fragmentation(self) -> float:
        """1 or more: tracks a person."""
        return _ratio(self.fragments, self.persons)


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A truth box and the result box that stands for it."""

    person: int
    track: int
    overlap: float
    filled: bool


def score_tracking(
    truth: Sequence[Faces],
    result: Sequence[Faces],
    *,
    min_iou: float = 0.5,
    aside: Sequence[NDArray[Any]] | None = None,
) -> TrackingScore:
    """Compare tracks with known persons, frame by frame.

    Args:
        truth: one value a frame, `tracks` holds the person.
        result: one value for each of the same frames.
        min_iou: overlap from which two boxes may be one face.
        aside: for each frame a mask over the truth's rows, True where the face cannot be seen; such a
            row is neither wanted nor is a result box on it an error.

    Raises:
        ValueError: the sequences are not equally long.
    """
    if len(truth) != len(result) or (aside is not None and len(aside) != len(truth)):
        raise ValueError(
            f"truth and result must hold the same frames, but hold {len(truth)} and {len(result)}"
            + ("" if aside is None else f" (and {len(aside)} masks)")
        )
    last: dict[int, int] = {}
    pairs: list[_Pair] = []
    near: Counter[tuple[int, int]] = Counter()
    wanted_boxes: Counter[int] = Counter()
    given_boxes: Counter[int] = Counter()
    switches = 0
    for i, (people, found) in enumerate(zip(truth, result, strict=True)):
        hidden = np.zeros(len(people), bool) if aside is None else np.asarray(aside[i], bool)
        wanted = people.pick(~hidden)
        new, lone = _pair_frame(wanted, found, last, min_iou)
        on_hidden = _on_hidden(people.pick(hidden), found, lone, min_iou)
        switches += sum(last.get(p.person, p.track) != p.track for p in new)
        last.update({p.person: p.track for p in new})
        pairs += new
        wanted_boxes.update(wanted.tracks.tolist())
        given = found.pick(np.delete(np.arange(len(found)), on_hidden))
        given_boxes.update(given.tracks.tolist())
        near.update(_near(wanted, given, min_iou))
    return _summed(pairs, wanted_boxes, given_boxes, switches, _agreeing(near))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _pair_frame(
    wanted: Faces, found: Faces, last: dict[int, int], min_iou: float
) -> tuple[list[_Pair], NDArray[np.int64]]:
    """Pairs of one frame, and the rows of `found` that are in none."""
    overlap = iou_matrix(wanted.boxes, found.boxes)
    near = overlap >= min_iou
    kept = np.array([last.get(p, -2) for p in wanted.tracks.tolist()], np.int64)
    held = near & (kept[:, None] == found.tracks[None])
    # A pair that goes on outweighs any sum of overlaps, each of which is at most 1.
    worth = np.where(near, overlap, 0.0) + np.where(held, float(len(wanted) + 1), 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    good = near[rows, columns]
    rows, columns = rows[good], columns[good]
    pairs = [
        _Pair(int(wanted.tracks[r]), int(found.tracks[c]), float(overlap[r, c]), bool(found.interpolated[c]))
        for r, c in zip(rows, columns, strict=True)
    ]
    return pairs, np.setdiff1d(np.arange(len(found)), columns)


def _near(wanted: Faces, given: Faces, min_iou: float) -> set[tuple[int, int]]:
    """Persons and tracks whose boxes of one frame overlap enough, each pair once."""
    rows, columns = np.nonzero(iou_matrix(wanted.boxes, given.boxes) >= min_iou)
    return set(zip(wanted.tracks[rows].tolist(), given.tracks[columns].tolist(), strict=True))


def _on_hidden(hidden: Faces, found: Faces, lone: NDArray[np.int64], min_iou: float) -> NDArray[np.int64]:
    """Rows of `found` among `lone` that lie on a face which is set aside."""
    if not len(hidden) or not len(lone):
        return np.zeros(0, np.int64)
    near = (iou_matrix(hidden.boxes, found.boxes[lone]) >= min_iou).any(axis=0)
    return lone[near]


def _summed(
    pairs: list[_Pair], wanted: Counter[int], given: Counter[int], switches: int, agreeing: int
) -> TrackingScore:
    together = Counter((p.person, p.track) for p in pairs)
    commonest: Counter[int] = Counter()
    for (_, track), count in together.items():
        commonest[track] = max(commonest[track], count)
    overlaps = [p.overlap for p in pairs if p.filled]
    return TrackingScore(
        truth=wanted.total(),
        result=given.total(),
        paired=len(pairs),
        switches=switches,
        agreeing=agreeing,
        pure=commonest.total(),
        persons=len({person for person, _ in together}),
        fragments=len(together),
        filled=len(overlaps),
        filled_iou=float(np.mean(overlaps)) if overlaps else float("nan"),
    )


def _agreeing(together: Counter[tuple[int, int]]) -> int:
    """Most boxes that agree when each person gets at most one track and each track at most one person."""
    if not together:
        return 0
    people = {p: i for i, p in enumerate(sorted({p for p, _ in together}))}
    tracks = {t: i for i, t in enumerate(sorted({t for _, t in together}))}
    table = np.zeros((len(people), len(tracks)))
    for (person, track), count in together.items():
        table[people[person], tracks[track]] = count
    return int(table[linear_sum_assignment(table, maximize=True)].sum())
