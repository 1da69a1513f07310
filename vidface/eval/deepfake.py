"""Deepfake checks: figures of clips whose origin is known, each with a score that is higher for fakes.

A clip for which a test does not apply has the score NaN: it is left out of that test's figures and counted
(`clips` against `scored`). Definitions:

- AUC: chance that a fake scores higher than a real clip, ties count half (Mann and Whitney 1947).
- EER: where the share of real clips at or above a threshold equals the share of fakes below it, linear
  between the two neighbouring points.
- Balanced accuracy: mean of the shares of real clips below and of fakes at or above a threshold.
- ECE: probabilities in ten bins of equal width; mean distance of each bin's mean probability from its share
  of fakes, weighted by clips (Naeini et al. 2015). Brier: mean squared distance of probability and truth.
  Both weigh real and fake clips alike in total, since probabilities are at even odds.
- Coverage: share of clips with an opinion; risk: share of wrong ones among them.

Intervals are those of `vidface.eval.intervals`, by person. Shares of opinions that are 0 or 1 have exact ones
on the persons among the clips concerned, or on the clips where those are fewer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.eval.intervals import RESAMPLES, Figure, figures, proportion, units_of
from vidface.eval.verify import Pairs, eer, roc

Array = NDArray[np.float64]

BINS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """n clips of known origin.

    Attributes:
        scores: n float64, higher for fakes; NaN where the test does not apply.
        fake: n bool.
    """

    scores: Array
    fake: NDArray[np.bool_]

    def __post_init__(self) -> None:
        scores = frozen_array("Clips.scores", self.scores, dtype=np.float64, shape=(None,))
        fake = frozen_array("Clips.fake", self.fake, dtype=np.bool_, shape=scores.shape)
        if np.isinf(scores).any():
            raise ValueError("Clips.scores must be numbers, or NaN where a test does not apply")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "fake", fake)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool, the test applies."""
        return np.isfinite(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class DetectionScore:
    """The figures of one test.

    Attributes:
        real, fake: clips that it applies to. clips: all.
        auc, eer, balanced: in [0, 1]; NaN where there are only real clips or only fakes.
    """

    real: int
    fake: int
    clips: int
    auc: Figure
    eer: Figure
    balanced: Figure


@dataclass(frozen=True, slots=True, eq=False)
class OpinionScore:
    """What opinions are worth.

    Attributes:
        clips: all.
        false_manipulated: share of real clips that are called manipulated.
        missed: share of fakes that are called authentic.
        found: share of fakes that are called manipulated.
        inconclusive_real, inconclusive_fake: shares without an opinion.
        risk: share of wrong opinions among opinions, real and fake clips as they are.
    """

    clips: int
    false_manipulated: Figure
    missed: Figure
    found: Figure
    inconclusive_real: Figure
    inconclusive_fake: Figure
    risk: Figure


def auc(clips: Clips, weights: Array | None = None) -> float:
    """Area under the ROC; NaN without real clips or without fakes.

    Args:
        weights: n counts.
    """
    counts = (np.ones(len(clips)) if weights is None else np.asarray(weights, np.float64)) * clips.known
    fakes, reals = counts * clips.fake, counts * ~clips.fake
    if not fakes.any() or not reals.any():
        return math.nan
    values, places = np.unique(np.where(clips.known, clips.scores, 0.0), return_inverse=True)
    at_real = np.bincount(places, reals, len(values))
    below = np.cumsum(at_real) - at_real
    return float(fakes @ (below + at_real / 2)[places] / (fakes.sum() * reals.sum()))


def equal_error_rate(clips: Clips, weights: Array | None = None) -> float:
    """See the module; NaN where it cannot be measured."""
    rows = clips.known
    counts = None if weights is None else np.asarray(weights, np.float64)[rows]
    return eer(roc(Pairs(clips.scores[rows], clips.fake[rows]), counts))


def balanced_accuracy(clips: Clips, *, threshold: float, weights: Array | None = None) -> float:
    """See the module; NaN without real clips or without fakes."""
    counts = (np.ones(len(clips)) if weights is None else np.asarray(weights, np.float64)) * clips.known
    said = np.where(clips.known, clips.scores, -np.inf) >= threshold
    shares = [
        _share(counts @ ((said == kind) & (clips.fake == kind)), counts @ (clips.fake == kind))
        for kind in (True, False)
    ]
    return sum(shares) / 2


def calibration_error(clips: Clips, weights: Array | None = None, *, bins: int = BINS) -> float:
    """Expected calibration error of probabilities; NaN without real clips or without fakes."""
    counts = _even(clips, weights)
    if counts is None:
        return math.nan
    chances = np.where(clips.known, clips.scores, 0.0)
    places = np.clip((chances * bins).astype(int), 0, bins - 1)
    mean, share = (np.bincount(places, counts * column, bins) for column in (chances, clips.fake))
    return float(np.abs(mean - share).sum() / counts.sum())


def brier(clips: Clips, weights: Array | None = None) -> float:
    """Brier score of probabilities; 0.25 is that of 0.5 throughout."""
    counts = _even(clips, weights)
    if counts is None:
        return math.nan
    gaps = np.where(clips.known, clips.scores, 0.0) - clips.fake
    return float(counts @ gaps**2 / counts.sum())


def risk_coverage(clips: Clips) -> tuple[Array, Array]:
    """Coverage and risk when only the surest k clips get an opinion, k = 1 ... n.

    Clips of probability 0.5 or more count as called fake; of clips that are equally sure the wrong ones
    come first, so the curve promises nothing.
    """
    rows = np.flatnonzero(clips.known)
    chances, fake = clips.scores[rows], clips.fake[rows]
    wrong = (chances >= 0.5) != fake
    order = np.lexsort((~wrong, -np.abs(chances - 0.5)))
    places = np.arange(1, len(rows) + 1)
    return places / max(1, len(clips)), np.cumsum(wrong[order]) / places


def score_detection(
    clips: Clips, *, persons: Any = None, threshold: float = 0.5, resamples: int = RESAMPLES, seed: int = 0
) -> DetectionScore:
    """AUC, EER and balanced accuracy of a test, with 95 % intervals.

    Args:
        persons: n names; see `units_of`. threshold: of the balanced accuracy.
    """

    def measure(weights: Array) -> Sequence[float]:
        return (
            auc(clips, weights),
            equal_error_rate(clips, weights),
            balanced_accuracy(clips, threshold=threshold, weights=weights),
        )

    found = figures(measure, units_of(persons, len(clips)), resamples=resamples, seed=seed)
    fakes = int((clips.known & clips.fake).sum())
    return DetectionScore(int(clips.known.sum()) - fakes, fakes, len(clips), *found)


def score_calibration(
    clips: Clips, *, persons: Any = None, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Figure, Figure]:
    """ECE and Brier score, with 95 % intervals."""
    first, second = figures(
        lambda weights: (calibration_error(clips, weights), brier(clips, weights)),
        units_of(persons, len(clips)),
        resamples=resamples,
        seed=seed,
    )
    return first, second


def score_opinions(
    opinions: Sequence[str], fake: Any, *, persons: Any = None, resamples: int = RESAMPLES, seed: int = 0
) -> OpinionScore:
    """Shares of opinions, with 95 % intervals.

    Args:
        opinions: n of "authentic", "manipulated", "inconclusive". fake: n bool.
        persons: n names, or n x 2; see `units_of`.
    """
    said, truth = np.array(opinions, object), np.asarray(fake, bool)
    called = {name: said == name for name in ("authentic", "manipulated", "inconclusive")}
    wrong = np.where(truth, called["authentic"], called["manipulated"]).astype(bool)

    # Counted clips, and among which.
    shares = (
        (called["manipulated"], ~truth),
        (called["authentic"], truth),
        (called["manipulated"], truth),
        (called["inconclusive"], ~truth),
        (called["inconclusive"], truth),
        (wrong, ~called["inconclusive"]),
    )
    units = units_of(persons, len(said))

    def measure(weights: Array) -> Sequence[float]:
        return [_share(weights @ (part & among), weights @ among) for part, among in shares]

    found = figures(measure, units, resamples=resamples, seed=seed)
    if resamples > 0:
        found = [
            proportion(figure, min(int(among.sum()), len(np.unique(units[among]))))
            for figure, (_, among) in zip(found, shares, strict=True)
        ]
    return OpinionScore(len(said), *found)


def _even(clips: Clips, weights: Array | None) -> Array | None:
    """Counts under which real clips and fakes weigh the same; None where a kind is missing."""
    counts = (np.ones(len(clips)) if weights is None else np.asarray(weights, np.float64)) * clips.known
    fakes, reals = float(counts @ clips.fake), float(counts @ ~clips.fake)
    if not fakes or not reals:
        return None
    return np.asarray(np.where(clips.fake, counts / fakes, counts / reals))


def _share(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan
