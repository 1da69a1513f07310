"""Identification: who is it, among the people of a gallery? Figures of a table of probes by persons.

A probe is mated where its person is enrolled. Each person has one score for a probe (the best of the looks);
a probe that could not be scored (no face found) has -inf everywhere: a mated one is never found, a
non-mated one never raises an alarm. Definitions (Grother and Ngan, NIST FRVT part 2; ISO/IEC 19795-1):

- Rank-k: share of mated probes whose person is among the k best; persons of equal score stand before it.
- FPIR: share of non-mated probes for which anybody is returned, that is, whose highest score is above the
  threshold. The threshold for an FPIR is the lowest observed such maximum that keeps it; a score must be
  higher than the threshold. Not measurable (NaN) with fewer than 1 / FPIR non-mated probes.
- DIR at an FPIR (also called DIR at FAR, TPIR at rank 1): share of mated probes whose person is first and
  above the threshold.
- FNIR at an FPIR: share of mated probes whose person is not above the threshold, or not among the first R.

Intervals are those of `vidface.eval.intervals`; thresholds are found anew in every draw. Rank-k, and the
rates at a threshold that was set before, are plain proportions: where they are 0 or 1 they have the exact
interval on the persons of the probes concerned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.eval.intervals import RESAMPLES, Figure, figures, proportion, units_of

Array = NDArray[np.float64]

RANKS: Final = (1, 5, 20)
FPIRS: Final = (1e-1, 1e-2, 1e-3)
WITHIN: Final = 20
"""R of the FNIR."""

NON_MATED: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Scored probes.

    Attributes:
        scores: n x m float64, probe by enrolled person, higher is more alike; -inf where not scored.
        truth: n int64, the column of the probe's person; NON_MATED (-1) where not enrolled.
    """

    scores: Array
    truth: NDArray[np.int64]

    def __post_init__(self) -> None:
        if np.ndim(self.scores) == 2 and np.shape(self.scores)[1] < 1:
            raise ValueError("Probes.scores must have a column for each of one or more enrolled persons")
        scores = frozen_array("Probes.scores", self.scores, dtype=np.float64, shape=(None, None))
        truth = frozen_array("Probes.truth", self.truth, dtype=np.int64, shape=(len(scores),))
        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise ValueError("Probes.scores must be numbers, or -inf where a probe could not be scored")
        if ((truth < NON_MATED) | (truth >= scores.shape[1])).any():
            raise ValueError(f"Probes.truth must be a column, 0 to {scores.shape[1] - 1}, or -1")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "truth", truth)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def mated(self) -> NDArray[np.bool_]:
        """n bool: the probe's person is enrolled."""
        mated: NDArray[np.bool_] = self.truth != NON_MATED
        return mated

    def pick(self, rows: Any) -> Probes:
        """The given probes (indices or a mask)."""
        return Probes(self.scores[rows], self.truth[rows])


@dataclass(frozen=True, slots=True, eq=False)
class IdentificationScore:
    """The figures of one set of probes.

    Attributes:
        mated, non_mated: probes. persons: enrolled.
        rank: k -> share of mated probes.
        dir: FPIR -> DIR. fnir: FPIR -> FNIR. threshold: FPIR -> score that must be passed.
        within: R of the FNIR.
    """

    mated: int
    non_mated: int
    persons: int
    rank: Mapping[int, Figure]
    dir: Mapping[float, Figure]
    fnir: Mapping[float, Figure]
    threshold: Mapping[float, float]
    within: int


def ranks_of(probes: Probes) -> tuple[Array, Array]:
    """Of each mated probe, in their order: the rank of its person (1 is best; +inf unscored), its score."""
    rows = np.flatnonzero(probes.mated)
    scores = probes.scores[rows]
    own = scores[np.arange(len(rows)), probes.truth[rows]]
    ranks = (scores >= own[:, None]).sum(axis=1).astype(np.float64)
    return np.where(np.isfinite(own), ranks, np.inf), own


def threshold_at(maxima: Any, fpir: float, weights: Array | None = None) -> float:
    """The lowest observed maximum of non-mated probes that keeps the FPIR; a score must be above it.

    Args:
        maxima: n highest scores. weights: n counts.

    Returns:
        -inf where everybody may be returned; NaN without probes.
    """
    tops = np.asarray(maxima, np.float64)
    counts = np.ones(len(tops)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(-tops, kind="stable")
    total = float(counts.sum())
    if not total:
        return float("nan")
    over = np.flatnonzero(np.cumsum(counts[order]) > fpir * total + 1e-9)
    return float(tops[order[over[0]]]) if len(over) else float("-inf")


def score_identification(
    probes: Probes,
    *,
    persons: Any = None,
    fpirs: Sequence[float] = FPIRS,
    within: int = WITHIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> IdentificationScore:
    """Rank-1/5/20, DIR and FNIR at each FPIR, with 95 % intervals.

    Args:
        persons: n names, the person of each probe (also of the non-mated ones, where known; empty
            stands for a person of its own); None draws probes.
        within: R: the mate must be among the first R not to be missed.
    """
    mated = probes.mated
    ranks, own = ranks_of(probes)
    maxima = probes.scores[~mated].max(axis=1)
    possible = [fpir for fpir in fpirs if len(maxima) * fpir >= 1 - 1e-9]

    def measure(weights: Array) -> list[float]:
        mine, others = weights[mated], weights[~mated]
        row = [_share(mine, ranks <= rank) for rank in RANKS]
        for fpir in fpirs:
            bar = threshold_at(maxima, fpir, others) if fpir in possible else float("nan")
            found = _share(mine, (ranks == 1) & (own > bar)) if not np.isnan(bar) else bar
            missed = 1 - _share(mine, (ranks <= within) & (own > bar)) if not np.isnan(bar) else bar
            row += [found, missed]
        return row

    units = units_of(persons, len(probes))
    made = figures(measure, units, resamples=resamples, seed=seed)
    ranked = _exact(made[: len(RANKS)], units[mated], resamples)
    open_set = made[len(RANKS) :]
    return IdentificationScore(
        mated=int(mated.sum()),
        non_mated=int((~mated).sum()),
        persons=probes.scores.shape[1],
        rank=dict(zip(RANKS, ranked, strict=True)),
        dir=dict(zip(fpirs, open_set[0::2], strict=True)),
        fnir=dict(zip(fpirs, open_set[1::2], strict=True)),
        threshold={f: threshold_at(maxima, f) if f in possible else float("nan") for f in fpirs},
        within=within,
    )


def score_at(
    probes: Probes,
    threshold: float,
    *,
    margin: float = 0.0,
    persons: Any = None,
    within: int = WITHIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Figure, Figure, Figure]:
    """FPIR, DIR and FNIR at a threshold that was set before, as a gallery's own; reaching it is enough.

    Args: as for `score_identification`, and
        margin: somebody counts as known (an alarm, or found first) only where the best score leads the
            second by this. Without a second person no lead is asked for. FNIR is of the list of
            candidates, which does not ask for it.
    """
    mated = probes.mated
    ranks, own = ranks_of(probes)
    clear = _leads(probes.scores) >= margin
    alarm = (probes.scores[~mated].max(axis=1) >= threshold) & clear[~mated]
    first, found = (ranks == 1) & (own >= threshold) & clear[mated], (ranks <= within) & (own >= threshold)

    def measure(weights: Array) -> list[float]:
        mine = weights[mated]
        return [_share(weights[~mated], alarm), _share(mine, first), 1 - _share(mine, found)]

    units = units_of(persons, len(probes))
    fpir, right, missed = figures(measure, units, resamples=resamples, seed=seed)
    (fpir,) = _exact([fpir], units[~mated], resamples)
    right, missed = _exact([right, missed], units[mated], resamples)
    return fpir, right, missed


def _exact(shares: Sequence[Figure], units: NDArray[np.int64], resamples: int) -> list[Figure]:
    """Shares of 0 or 1 with their exact interval on the persons drawn, where intervals are wanted."""
    return [proportion(share, len(np.unique(units)) if resamples > 0 else 0) for share in shares]


def _leads(scores: Array) -> Array:
    """Best score less the second of each row; infinite where there is no second."""
    if scores.shape[1] < 2:
        return np.full(len(scores), np.inf)
    second, best = np.partition(scores, -2, axis=1)[:, -2:].T
    return np.where(np.isfinite(second), best - np.where(np.isfinite(second), second, 0.0), np.inf)


def _share(weights: Array, hits: NDArray[np.bool_]) -> float:
    total = float(weights.sum())
    return float(weights @ hits) / total if total else float("nan")
