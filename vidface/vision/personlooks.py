"""References made of what files showed: which looks are taken, and which are doubted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.looks import fuse
from vidface.vision.meshmodel import MeshFitter
from vidface.vision.personlook import Look, Sample, look_of
from vidface.vision.personprior import PersonPrior, terms

STRETCH_S: Final = 5.0
"""A look of a clip is made of so many seconds, as a finding is."""
MOST_LOOKS: Final = 24
"""Of one clip."""
_STRANGER: Final = -3.0
_LIKELY: Final = -2.0
_SAME_PICTURE: Final = 0.995


def looks_of(samples: Sequence[Sample], fitter: MeshFitter) -> list[Look]:
    """Looks of one recording in order of time: one for a picture, one for each five seconds of a clip."""
    if not samples:
        return []
    groups: dict[int, list[Sample]] = {}
    for one in samples:
        groups.setdefault(int((one.time - samples[0].time) / STRETCH_S), []).append(one)
    parts = list(groups.values())
    if len(parts) > 1 and parts[-1][-1].time - parts[-1][0].time < STRETCH_S / 2:
        rest = parts.pop()
        parts[-1] += rest
    if len(parts) > MOST_LOOKS:
        parts = [parts[place] for place in np.linspace(0, len(parts) - 1, MOST_LOOKS).astype(int)]
    looks = (look_of(part, fitter) for part in parts)
    return [look for look in looks if look.vectors]


def strangers(
    centres: Sequence[NDArray[np.float32]], sure: Sequence[float], prior: PersonPrior
) -> list[float]:
    """How unlike the others each recording is, in standard deviations (negative is less alike); NaN for one.

    The others are fused robustly, so that a stranger among them hardly counts.

    Args:
        centres: a fused embedding of each recording. sure: recognisabilities.
    """
    rows = np.stack([np.asarray(one, np.float64) for one in centres]) - prior.vector_mean
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    found = []
    for place, chance in enumerate(sure):
        others = np.delete(rows, place, axis=0)
        if not len(others):
            found.append(float("nan"))
            continue
        mean, sd = prior.whole @ terms(len(others), chance)
        found.append(float((rows[place] @ _middle(others) - mean) / max(sd, 0.03)))
    return found


def doubted(sigmas: Sequence[float]) -> list[int]:
    """Places of recordings that show another person, most likely: three or more others must agree.

    They are looked for from the least alike on, and never more than a third of all.
    """
    order = np.argsort(sigmas)
    most = len(sigmas) // 3 if len(sigmas) > 3 else 0
    return sorted(int(place) for place in order[:most] if sigmas[place] < _STRANGER)


def unlike(sigmas: Sequence[float]) -> list[int]:
    """Places of recordings that somebody should look at."""
    return [place for place, value in enumerate(sigmas) if value < _LIKELY]


def same_picture(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Two embeddings of one picture, perhaps saved twice."""
    return float(one @ other) > _SAME_PICTURE


def _middle(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The row that is nearest to all as a start, then a mean of those that agree with it."""
    near = (rows @ rows.T).sum(axis=1)
    start = rows[int(near.argmax())]
    agree = rows @ start > 0.2
    return fuse(rows[agree]).astype(np.float64)
