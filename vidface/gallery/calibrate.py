"""The threshold for a chosen rate of strangers that are taken for somebody in this gallery."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

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
"""Deviations above the middle; see `strangers`."""
_PILE: Final = 10
_FEWEST: Final = 500


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
            use of confidence or fiducial limits" (1934).
        reached: the probes are enough to show the rate asked for; if not, the threshold lies just above
            the highest score, and `high` is all that is known.
        suspects: pairs of people that score at or above the threshold with each other, highest first:
            perhaps one person under two names.
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
    strangers = _highest(reference, np.zeros((0, reference.dimension)) if impostors is None else impostors)
    own, pairs = _own(reference)
    scores = np.sort(np.concatenate([strangers, own]).astype(np.float64))
    if not len(scores):
        raise UsageError(
            "nothing to calibrate with: one person alone and no impostor statistics; enrol more people, or "
            "give vectors of strangers"
        )
    threshold, reached = _quantile(scores, fmr)
    alarms = int((scores >= threshold).sum())
    low, high = interval(alarms, len(scores))
    return Calibration(
        threshold=threshold,
        fmr=fmr,
        date=now(),
        impostors=len(strangers),
        own=len(own),
        people=len(reference.names),
        looks=len(reference),
        alarms=alarms,
        low=low,
        high=high,
        reached=reached,
        suspects=tuple(pair for pair in pairs if pair[2] >= threshold)[:_SUSPECTS],
    )


def strangers(
    reference: Reference, impostors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Impostors without those that cannot be strangers to somebody who is enrolled.

    Impostors that come with an embedder were made of faces that it was trained with: half of such a face is
    one of these people's, who may be enrolled here. Chance puts about one of 30,000 strangers four deviations
    above the middle of all; where ten or more are there for one person, they are not strangers.

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
        if far.sum() >= _PILE:
            left[reference.names[person]] = int(far.sum())
            stay &= ~far
    return impostors[stay], left


def interval(hits: int, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson); count > 0."""
    half = (1 - confidence) / 2
    low = float(betaincinv(hits, count - hits + 1, half)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1 - half)) if hits < count else 1.0
    return low, high


def _quantile(scores: NDArray[np.float64], fmr: float) -> tuple[float, bool]:
    """The lowest threshold that lets through at most the share `fmr` of rising scores.

    Raises:
        UsageError: they are no numbers.
    """
    if not np.isfinite(scores).all():
        raise UsageError(
            "vectors of strangers, or of the gallery, are not finite; gallery check looks into it"
        )
    allowed = int(np.floor(fmr * len(scores) + 1e-9))
    blocked = scores[len(scores) - allowed - 1]  # the highest that must stay below
    above = scores[scores > blocked]
    # In the middle of the gap, where there is one: half a step to either side changes nothing.
    threshold = (blocked + above[0]) / 2 if len(above) else float(np.nextafter(np.float32(blocked), 2))
    return float(threshold), allowed > 0


def _highest(reference: Reference, probes: ArrayLike) -> NDArray[np.float32]:
    rows = np.asarray(probes, np.float32)
    parts = [reference.scores(rows[at : at + _PROBES]).max(axis=1) for at in range(0, len(rows), _PROBES)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _own(reference: Reference) -> tuple[NDArray[np.float32], list[tuple[str, str, float]]]:
    """Highest score of looks to people other than their own, and the pairs of people behind them."""
    if len(np.unique(reference.owners)) < 2:
        return np.zeros(0, np.float32), []
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
    return np.array(best, np.float32), [(names[a], names[b], score) for (a, b), score in ranked]
