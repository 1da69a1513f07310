"""Looks of one person: which are kept, and how they become one vector.

The mean of a track's embeddings is pulled away by blurred frames and by frames of somebody else. Here
each look counts by its weight (recognisability times quality), and less the farther it lies from what the
others agree on, in the manner of an M-estimator (Huber 1964, with cosine as the distance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

ROUNDS: Final = 3
FAR: Final = 0.15
"""Looks whose cosine to the fused vector lies this far below the weighted median count half, then less."""


def fuse(vectors: Any, weights: Any = None, *, rounds: int = ROUNDS) -> Vector:
    """n x d vectors of unit length -> one of unit length; zeros where nothing can be fused.

    Args:
        weights: n, 0 or more; all 1 where not given.
        rounds: of reweighting; 0 is the weighted mean.
    """
    rows = np.asarray(vectors, np.float64)
    share = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
    share = np.where(np.isfinite(share), np.maximum(share, 0), 0)
    mean = _unit(share @ rows) if len(rows) else np.zeros(rows.shape[-1])
    for _ in range(rounds if len(rows) > 2 else 0):
        cosines = rows @ mean
        behind = np.maximum(_weighted_median(cosines, share) - cosines, 0)
        mean = _unit((share / (1 + (behind / FAR) ** 2)) @ rows)
    return mean.astype(np.float32)


@dataclass(slots=True)
class Looks:
    """The best looks of one track, at most `room`; the same memory however long it lasts.

    Attributes:
        seen: looks that came, also those that were not kept.
        best: the highest weight that came.
    """

    room: int = 48
    seen: int = 0
    best: float = 0.0
    vectors: list[Vector] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    _fused: Vector | None = None

    def add(self, vector: Vector, weight: float, frame: int) -> bool:
        """Take in a look; False where it was not kept: weight 0 or not finite, or worse than all kept."""
        if not 0 < weight < math.inf:
            return False
        self.seen += 1
        self.best = max(self.best, weight)
        if len(self.weights) >= self.room:
            worst = int(np.argmin(self.weights))
            if self.weights[worst] >= weight:
                return False
            for column in (self.vectors, self.weights, self.frames):
                del column[worst]
        self.vectors.append(np.array(vector, np.float32))
        self.weights.append(float(weight))
        self.frames.append(frame)
        self._fused = None
        return True

    def trim(self, count: int) -> None:
        """Keep the best `count` looks only; `seen` and `best` stay as they are."""
        if len(self.weights) > count:
            kept = sorted(np.argsort(-np.asarray(self.weights), kind="stable")[:count].tolist())
            self.vectors = [self.vectors[row] for row in kept]
            self.weights = [self.weights[row] for row in kept]
            self.frames = [self.frames[row] for row in kept]
            self._fused = None

    @property
    def fused(self) -> Vector:
        """The vector of all kept looks; unit length, or zeros of length 0 before the first."""
        if self._fused is None:
            self._fused = (
                fuse(np.stack(self.vectors), self.weights) if self.vectors else np.zeros(0, np.float32)
            )
        return self._fused

    @property
    def evidence(self) -> float:
        """Sum of the kept weights: ten half-good looks are worth five good ones."""
        return float(sum(self.weights))

    def join(self, other: Looks) -> None:
        """Take in the looks of another track."""
        for vector, weight, frame in zip(other.vectors, other.weights, other.frames, strict=True):
            self.add(vector, weight, frame)
        self.seen += other.seen - len(other.vectors)

    def supporting(self, vector: Any, count: int = 3) -> tuple[int, ...]:
        """Frames whose looks speak most for a vector (cosine times weight), best first."""
        if not self.vectors:
            return ()
        votes = (np.stack(self.vectors) @ np.asarray(vector, np.float32)) * np.asarray(self.weights)
        return tuple(self.frames[i] for i in np.argsort(-votes, kind="stable")[:count].tolist())


def weights_of(recognisability: Any, quality: Any = None) -> NDArray[np.float64]:
    """n weights in [0, 1]: recognisability times quality; what is not known counts as 0.5."""
    sure = np.asarray(recognisability, np.float64)
    weights = np.where(np.isfinite(sure), sure, 0.5)
    if quality is not None and len(quality) == len(weights):
        good = np.asarray(quality, np.float64)
        weights = weights * np.where(np.isfinite(good), good, 0.5)
    return weights


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-9 else np.zeros_like(vector)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    reach = np.cumsum(weights[order])
    if reach[-1] <= 0:
        return float(np.median(values))
    return float(values[order][int(np.searchsorted(reach, reach[-1] / 2))])
