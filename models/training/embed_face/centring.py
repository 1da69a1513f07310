"""Localised centring: what the crowd around a vector has in common is taken off it.

Some vectors lie near to everybody's: those of small or soft pictures, and of looks of which training saw
little. Strangers then score higher there than elsewhere, and one threshold serves nobody. So from each unit
vector `SHARE` of the mean of the crowd around it is taken away (Hara et al., "Localized Centering: Reducing
Hubness in Large-Sample Data", AAAI 2015; here with soft neighbourhoods): m = sum(w * centre), w the softmax
of `NEARNESS` * cosine + log(share of the crowd). The crowd is 64 means of about 140 training portraits each
(k-means), so nobody's own vector is in the file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

CENTRES, NEARNESS, SHARE = 64, 10.0, 0.9
Float = NDArray[np.float64]


def unit(vectors: NDArray[np.floating]) -> Float:
    """Rows of length 1."""
    rows = np.asarray(vectors, float)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Crowd(NamedTuple):
    """Means of groups of unit vectors (k, 256), and the logarithm of each group's share (k,)."""

    means: Float
    shares: Float

    @classmethod
    def of(cls, vectors: NDArray[np.floating], seed: int = 0) -> Crowd:
        """Groups of portraits, one a person; vectors of any length."""
        means, labels = kmeans2(unit(vectors), CENTRES, minit="++", rng=seed, iter=25)
        counts = np.bincount(labels, minlength=CENTRES)
        filled = counts > 0
        return cls(means[filled], np.log(counts[filled] / counts.sum()))

    def off(self, vectors: NDArray[np.floating], share: float = SHARE) -> Float:
        """Unit vectors with a share of the crowd around them taken off; vectors (n, 256) of any length."""
        rows = unit(vectors)
        near = NEARNESS * (rows @ self.means.T) + self.shares
        weights = np.exp(near - near.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        return unit(rows - share * (weights @ self.means))
