"""The threshold for a chosen rate of strangers that are taken for somebody in this gallery."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from vidface.errors import UsageError
from vidface.gallery._base import now
from vidface.gallery.reference import Reference

_PROBES: Final = 256
_MOST_OWN: Final = 5000
_SUSPECTS: Final = 10
_FAR: Final = 4.0
_SURE: Final = 6.0
"""Deviations above the middle; see `strangers`."""
_PILE: Final = 10
_FEWEST: Final = 500
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold and what it rests on.

    Attributes:
        threshold: cosine from which on a face counts as known.
        fmr: the rate asked for: of strangers that are taken for anybody in the gallery.
        date: UTC, ISO 8601.
        impostors: probes of strangers. own: looks of the gallery, each compared with the other people.
        people, looks: size of the gallery.
        alarms: probes at or above the threshold.
        low, high: 95 % interval of the rate at the threshold, after C. J. Clopper and E. S. Pearson, "The
            use of confidence or fiducial limits" (1934), on impostors + compared persons; the hits are the
            weights of the alarms, see `calibrate`.
        reached: so many persons are enough to show the rate asked for, fmr * (impostors + compared) >= 1;
            if not, `high` is all that is known.
        suspects: pairs of people that score at or above the threshold with each other, highest first:
            perhaps one person under two names.
        compared: people that the `own` looks are of; 0 in calibrations from before version 0.8, which
            counted every look as a stranger of its own.
    """

    threshold: float
    fmr: float
    date: str
    impostors: int
    own: int
    people: int
    looks: int
    alarms: int
    low: float
    high: float
    reached: bool
    suspects: tuple[tuple[str, str, float], ...] = ()
    compared: int = 0

    @property
    def persons(self) -> int:
        """People that the rate rests on, who are independent of each other: impostors and compared."""
        return self.impostors + self.compared

    def text(self) -> str:
        """As JSON, without the suspects: those are names."""
        return json.dumps({key: value for key, value in asdict(self).items() if key != "suspects"})

    @classmethod
    def of(cls, text: str) -> Calibration:
        """Read `text` back."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)


def calibrate(reference: Reference, impostors: ArrayLike | None, fmr: float) -> Calibration:
    """Set the threshold from the best score that each stranger reaches in this gallery.

    As in ISO/IEC 19795-1, a false-positive identification is a stranger with any candidate at or above the
    threshold, so that what counts is the highest score of a probe, and larger gallery means higher
    threshold. Strangers are the impostors, and every look of the gallery for all people but its own.

    Looks of one person go up and down together, so what is counted is persons: an impostor weighs 1, each of
    the k looks of somebody enrolled 1 / k. The threshold is the lowest at which the weights at or above it
    are at most `fmr` of all. The interval takes those weights for hits among that many persons. It does not
    know that enrolled people are held against each other, so that two share a score, and against one fewer
    than a stranger is: from five people alone, without impostors, it held the rate of fresh strangers in 93
    of 100 made galleries (200 looks each), in 79 with one look each, from 40 people in 90.

    Args:
        impostors: m x d vectors of people who are not enrolled, from the same embedder; None for none.
        fmr: the rate wanted, above 0 and below 1.

    Raises:
        UsageError: fmr is outside, d is another, or there is nothing to compare.
    """
    if not 0 < fmr < 1:
        raise UsageError(f"a false-positive rate lies between 0 and 1, but {fmr} was asked for")
    if not len(reference):
        raise UsageError("an empty gallery cannot be calibrated; enrol people first")
    found = _compared(reference, impostors)
    persons = round(float(found.weights.sum()))
    threshold = _quantile(found.scores, found.weights, fmr * persons)
    alarms = found.scores >= threshold
    low, high = interval(float(found.weights[alarms].sum()), persons)
    return Calibration(
        threshold=threshold,
        fmr=fmr,
        date=now(),
        impostors=len(found.scores) - len(found.owners),
        own=len(found.owners),
        people=len(reference.names),
        looks=len(reference),
        alarms=int(alarms.sum()),
        low=low,
        high=high,
        reached=fmr * persons >= 1 - _ROUNDING,
        suspects=tuple(pair for pair in found.pairs if pair[2] >= threshold)[:_SUSPECTS],
        compared=len(np.unique(found.owners)),
    )


class _Compared(NamedTuple):
    """Highest scores and weights of impostors, then of looks whose `owners` those are; suspects of those."""

    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    owners: NDArray[np.int64]
    pairs: list[tuple[str, str, float]]


def _compared(reference: Reference, impostors: ArrayLike | None) -> _Compared:
    given = _highest(reference, np.zeros((0, reference.dimension)) if impostors is None else impostors)
    own, owners, pairs = _own(reference)
    if not len(given) and not len(own):
        raise UsageError(
            "nothing to calibrate with: one person alone and no impostor statistics; enrol more people, or "
            "give vectors of strangers"
        )
    scores = np.concatenate([given, own]).astype(np.float64)
    return _Compared(scores, np.concatenate([np.ones(len(given)), _weights(owners)]), owners, pairs)


def strangers(
    reference: Reference, impostors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Impostors without those that cannot be strangers to somebody who is enrolled.

    Impostors that come with an embedder lie among vectors of portraits, whose people may be enrolled here.
    Where ten or more lie six deviations above the middle for one person, those above four are left out. Four
    and ten alone would not do: scores of strangers have a heavier tail than a normal distribution. Of 1,091
    portraits of people among whom no impostor of vidface-embed lies 104 have ten of them above four
    deviations, 20 above five and none above six, and leaving these out lowers the threshold.

    Args:
        impostors: m x d vectors, none of them zero.

    Returns:
        The others, and how many were left out for whom.
    """
    if len(impostors) < _FEWEST or not len(reference):
        return impostors, {}
    units = impostors / np.linalg.norm(impostors, axis=1, keepdims=True)
    stay, left = np.ones(len(impostors), bool), dict[str, int]()
    order = np.argsort(reference.owners, kind="stable")
    people, starts = np.unique(reference.owners[order], return_index=True)
    # One person after the other: the scores of all people of a large gallery at once would not fit.
    for person, rows in zip(people, np.split(order, starts[1:]), strict=True):
        scores = (units @ reference.vectors[rows].T).max(axis=1)
        middle = np.median(scores)
        spread = 1.4826 * np.median(np.abs(scores - middle))
        far = scores > middle + _FAR * spread
        if (scores > middle + _SURE * spread).sum() >= _PILE:
            left[reference.names[person]] = int(far.sum())
            stay &= ~far
    return impostors[stay], left


def interval(hits: float, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson); count > 0.

    Args:
        hits: 0 to count. Between whole numbers the limits run on smoothly, as the incomplete beta does.
    """
    half = (1 - confidence) / 2
    hits = min(max(hits, 0.0), float(count))
    low = float(betaincinv(hits, count - hits + 1, half)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1 - half)) if hits < count else 1.0
    return low, high


def _weights(owners: NDArray[np.int64]) -> NDArray[np.float64]:
    """One over the number of rows with the same owner."""
    _, places, counts = np.unique(owners, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[places], np.float64)


def _quantile(scores: NDArray[np.float64], weights: NDArray[np.float64], allowed: float) -> float:
    """The lowest threshold that lets through scores of at most this weight together.

    Raises:
        UsageError: they are no numbers.
    """
    if not np.isfinite(scores).all():
        raise UsageError(
            "vectors of strangers, or of the gallery, are not finite; gallery check looks into it"
        )
    values, places = np.unique(scores, return_inverse=True)
    at_or_above = np.bincount(places, weights)[::-1].cumsum()[::-1]
    over = np.flatnonzero(at_or_above > allowed + _ROUNDING)
    last = int(over[-1]) if len(over) else 0  # the highest that must stay below
    if last + 1 == len(values):
        return float(np.nextafter(np.float32(values[last]), 2))
    # In the middle of the gap, where there is one: half a step to either side changes nothing.
    return float((values[last] + values[last + 1]) / 2)


def _highest(reference: Reference, probes: ArrayLike) -> NDArray[np.float32]:
    rows = np.asarray(probes, np.float32)
    parts = [reference.scores(rows[at : at + _PROBES]).max(axis=1) for at in range(0, len(rows), _PROBES)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _own(
    reference: Reference,
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[tuple[str, str, float]]]:
    """Highest score of looks to people other than their own, whose they are, and the pairs behind them."""
    if len(np.unique(reference.owners)) < 2:
        return np.zeros(0, np.float32), np.zeros(0, np.int64), []
    rows = np.arange(len(reference))
    if len(rows) > _MOST_OWN:
        rows = np.random.default_rng(0).choice(rows, _MOST_OWN, replace=False)
    best: list[float] = []
    pairs: dict[tuple[int, int], float] = {}
    for at in range(0, len(rows), _PROBES):
        part = rows[at : at + _PROBES]
        scores = reference.scores(reference.vectors[part])
        owners = reference.owners[part]
        scores[np.arange(len(part)), owners] = -np.inf
        for owner, other, score in zip(owners, scores.argmax(axis=1), scores.max(axis=1), strict=True):
            key = (min(int(owner), int(other)), max(int(owner), int(other)))
            pairs[key] = max(pairs.get(key, -1.0), float(score))
            best.append(float(score))
    ranked = sorted(pairs.items(), key=lambda item: -item[1])
    names = reference.names
    found = [(names[a], names[b], score) for (a, b), score in ranked]
    return np.array(best, np.float32), reference.owners[rows], found
