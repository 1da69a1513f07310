"""Verification: are two pictures of one person? Figures of scored pairs.

A pair is accepted where its score reaches the threshold. A pair that could not be scored (no face found)
has the score -inf: it is rejected at every threshold. Definitions:

- FAR, TAR: share of impostor and of genuine pairs that are accepted; the ROC is TAR over FAR.
- TAR at a FAR: linear between the two neighbouring points of the ROC. Not measurable (NaN) with fewer
  than 1 / FAR impostor pairs: one false accept would already be above it.
- EER: where FAR equals 1 - TAR, linear between the two neighbouring points.
- Accuracy: pairs in ten folds (Huang et al. 2007, "Labeled Faces in the Wild", view 2); each fold is decided
  at the threshold that is best on the other nine; the share of all pairs that is decided rightly.

Intervals are those of `vidface.eval.intervals`; thresholds are found anew in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.eval.intervals import RESAMPLES, Figure, figures, units_of

Array = NDArray[np.float64]

FARS: Final = (1e-2, 1e-3, 1e-4)
FOLDS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Scored pairs.

    Attributes:
        scores: n float64, higher is more alike; -inf where a picture could not be used.
        same: n bool, the pair is genuine.
    """

    scores: Array
    same: NDArray[np.bool_]

    def __post_init__(self) -> None:
        scores = frozen_array("Pairs.scores", self.scores, dtype=np.float64, shape=(None,))
        same = frozen_array("Pairs.same", self.same, dtype=np.bool_, shape=scores.shape)
        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise ValueError("Pairs.scores must be numbers, or -inf where a pair could not be scored")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "same", same)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def genuine(self) -> int:
        """Number of pairs of one person."""
        return int(self.same.sum())

    @property
    def impostor(self) -> int:
        """Number of pairs of two persons."""
        return len(self) - self.genuine

    def pick(self, rows: Any) -> Pairs:
        """The given rows (indices or a mask)."""
        return Pairs(self.scores[rows], self.same[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Points of a ROC by falling threshold, beginning with "accept nobody".

    Attributes:
        thresholds: k, +inf first. far, tar: k, NaN where there are no such pairs.
    """

    thresholds: Array
    far: Array
    tar: Array


@dataclass(frozen=True, slots=True, eq=False)
class VerificationScore:
    """The figures of one set of pairs.

    Attributes:
        genuine, impostor: pairs.
        folds: folds of the accuracy: ten, or as many as the rarer kind has pairs.
        accuracy, eer: in [0, 1].
        tar: FAR -> TAR.
    """

    genuine: int
    impostor: int
    folds: int
    accuracy: Figure
    eer: Figure
    tar: Mapping[float, Figure]


def roc(pairs: Pairs, weights: Array | None = None) -> Roc:
    """The ROC; `weights` counts each pair so many times.

    A pair of score -inf is never accepted, so the curve may end below 1.
    """
    order = np.argsort(-pairs.scores, kind="stable")
    scores, same = pairs.scores[order], pairs.same[order]
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)[order]
    ends = _ends(scores)
    genuine, impostor = np.where(same, counts, 0.0), np.where(same, 0.0, counts)
    tar = _share(np.append(0.0, np.cumsum(genuine)[ends]), float(genuine.sum()))
    far = _share(np.append(0.0, np.cumsum(impostor)[ends]), float(impostor.sum()))
    return Roc(np.append(np.inf, scores[ends]), far, tar)


def tar_at_far(curve: Roc, far: float) -> float:
    """TAR where the ROC reaches `far`, linear between its points; does not ask whether it is measurable."""
    after = int(np.searchsorted(curve.far, far, side="right"))
    if np.isnan(curve.far[-1]) or after == len(curve.far):
        return float(curve.tar[-1]) if np.isfinite(curve.far[-1]) else float("nan")
    low, high = curve.far[after - 1], curve.far[after]
    share = (far - low) / (high - low)
    return float(curve.tar[after - 1] + share * (curve.tar[after] - curve.tar[after - 1]))


def measurable(impostor: int, far: float) -> bool:
    """There are at least 1 / FAR impostor pairs."""
    return impostor * far >= 1 - 1e-9


def eer(curve: Roc) -> float:
    """Equal error rate; NaN where FAR is below 1 - TAR at every threshold, or a kind of pair is missing."""
    gap = curve.far - (1 - curve.tar)
    if np.isnan(gap).any() or gap[-1] < 0:
        return float("nan")
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(curve.far[after - 1] + share * (curve.far[after] - curve.far[after - 1]))


def folds_of(same: NDArray[np.bool_], count: int = FOLDS) -> NDArray[np.int64]:
    """A fold for each pair: genuine and impostor pairs each in `count` equal runs, in their order.

    Fewer folds where a kind has fewer pairs than `count`. A table that lists its folds one after the
    other, as many pairs of each kind in each, gets those folds back.
    """
    kinds = np.asarray(same, bool)
    count = max(1, min(count, int(kinds.sum()), int((~kinds).sum())))
    folds = np.zeros(len(kinds), np.int64)
    for kind in (True, False):
        rows = np.flatnonzero(kinds == kind)
        folds[rows] = np.arange(len(rows)) * count // max(1, len(rows))
    return folds


def best_threshold(pairs: Pairs, weights: Array | None = None) -> float:
    """The threshold that decides most pairs rightly, halfway between two scores.

    Among equally good ones the middle one, of two in the middle the higher.
    """
    order = np.argsort(-pairs.scores, kind="stable")
    counts = np.ones(len(order)) if weights is None else np.asarray(weights, np.float64)[order]
    order, counts = order[counts > 0], counts[counts > 0]
    scores, ends = pairs.scores[order], _ends(pairs.scores[order])
    gain = np.append(0.0, np.cumsum(np.where(pairs.same[order], counts, -counts))[ends])
    best = np.flatnonzero(gain == gain.max())
    place = int(best[(len(best) - 1) // 2])
    if place == 0:
        return float(np.nextafter(scores[0], np.inf)) if len(ends) else float("inf")
    low = scores[ends[place - 1]]
    return float(low + scores[ends[place]]) / 2 if place < len(ends) else float(low)


def fold_accuracy(pairs: Pairs, *, folds: NDArray[np.int64], weights: Array | None = None) -> float:
    """Share of pairs decided rightly, each fold at the best threshold of all other folds.

    Args:
        folds: n fold numbers, see `folds_of`. weights: n counts.

    Returns:
        NaN with fewer than two folds.
    """
    counts = np.ones(len(pairs)) if weights is None else weights
    names = np.unique(folds)
    if len(names) < 2 or not counts.any():
        return float("nan")
    right = 0.0
    for fold in names:
        threshold = best_threshold(pairs, np.where(folds == fold, 0.0, counts))
        test = folds == fold
        right += float(counts[test] @ ((pairs.scores[test] >= threshold) == pairs.same[test]))
    return right / float(counts.sum())


def score_verification(
    pairs: Pairs,
    *,
    persons: Any = None,
    folds: NDArray[np.int64] | None = None,
    fars: Sequence[float] = FARS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> VerificationScore:
    """Accuracy, EER and TAR of a set of pairs, with 95 % intervals.

    Args:
        persons: n names of the first picture's person, or n x 2 names; None draws pairs.
        folds: n fold numbers where the protocol has its own.
    """
    folds = folds_of(pairs.same) if folds is None else np.asarray(folds, np.int64)
    # In order once, so that the many sorts of the draws find nothing to do.
    order = np.argsort(-pairs.scores, kind="stable")
    units = units_of(persons, len(pairs))[order]
    pairs, folds = pairs.pick(order), folds[order]

    def measure(weights: Array) -> list[float]:
        curve = roc(pairs, weights)
        return [fold_accuracy(pairs, folds=folds, weights=weights), eer(curve)] + [
            tar_at_far(curve, far) if measurable(pairs.impostor, far) else float("nan") for far in fars
        ]

    first, second, *tars = figures(measure, units, resamples=resamples, seed=seed)
    return VerificationScore(
        pairs.genuine,
        pairs.impostor,
        len(np.unique(folds)),
        first,
        second,
        dict(zip(fars, tars, strict=True)),
    )


def _ends(falling: Array) -> NDArray[np.int64]:
    """Last place of each finite score in a falling row."""
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(falling) else np.zeros(0, int)
    finite: NDArray[np.int64] = last[np.isfinite(falling[last])]
    return finite


def _share(part: Array, whole: float) -> Array:
    return part / whole if whole else np.full(len(part), np.nan)
