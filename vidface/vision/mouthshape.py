"""Mouth: which part of the mesh model's expression moves lips and jaw, opens the mouth, shuts the lids."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshModel

Array = NDArray[np.float64]

UPPER_LIP, LOWER_LIP = 13, 14
"""Mesh points: the middles of the lips' inner edges."""
_LIPS: Final = (
    *(0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267, 269),
    *(270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
_NOSE_BASE: Final = 2
_LIDS: Final = (((159, 145), (158, 153), (160, 144), (161, 163), (157, 154)),
                ((386, 374), (385, 380), (387, 373), (388, 390), (384, 381)))  # fmt: skip
"""Of the eye that is left in the picture, then of the other: pairs of upper and lower lid."""
_NOISE: Final = 0.01
_JAW: Final = 0.3
"""Weight of a point below the nose that is no lip, against a lip."""


class Mouth:
    """Linear maps on the coefficients of a mesh model's expression.

    Args:
        model: the mesh model.
    """

    def __init__(self, model: MeshModel) -> None:
        self.model = model
        basis = model.expression.astype(np.float64)
        self._variance = model.expression_std.astype(np.float64) ** 2
        self._gap = basis[:, LOWER_LIP, 1] - basis[:, UPPER_LIP, 1]
        self._gap_at_rest = float(model.mean[LOWER_LIP, 1] - model.mean[UPPER_LIP, 1])
        self.weights = point_weights(model)
        low = basis * self.weights[:, None]
        high = basis * (self.weights == 0)[:, None]
        self.metric: Array = np.tensordot(low, low, ((1, 2), (1, 2))) / self.weights.sum()
        """m x m: c @ metric @ c is the mean square of the way of lips and jaw (inter-ocular distances)."""
        self.above: Array = np.tensordot(high, high, ((1, 2), (1, 2))) / (self.weights == 0).sum()
        """m x m, likewise for the face above the nose's base."""
        prior = np.diag(1 / self._variance)
        scale = self.weights.sum() / _NOISE**2
        self.lower: Array = np.linalg.solve(scale * (self.metric + self.above) + prior, scale * self.metric)
        """m x m: lower @ c moves lips and jaw as c does and leaves the rest of the face as far as it can."""

    def gap(self, expression: Any) -> Any:
        """How far the lips are apart, in inter-ocular distances: float, or n for n x m coefficients."""
        return np.asarray(expression, np.float64) @ self._gap + self._gap_at_rest

    def closed(self, expression: Any, *, gap: float = 0.0) -> Array:
        """The likeliest expression near this one whose lips are `gap` apart (m, or n x m)."""
        given = np.asarray(expression, np.float64)
        way = self.lower @ (self._variance * self._gap)
        step = (self.gap(given) - gap) / float(self._gap @ way)
        moved: Array = given - np.multiply.outer(step, way)
        return moved

    def lids_shut(self) -> Array:
        """m coefficients that bring both upper lids of the mean down on the lower ones."""
        model, pairs = self.model, [pair for eye in _LIDS for pair in eye]
        basis = model.expression.astype(np.float64)
        wanted = np.zeros_like(model.mean, np.float64)
        care = np.where(self.weights > 0, 0.5, 0.2)
        for upper, lower in pairs:
            wanted[upper] = 0.9 * (model.mean[lower] - model.mean[upper])
            care[[upper, lower]] = 3.0
        care[468:] = 0.0
        weighted = basis * care[:, None]
        gram = np.tensordot(weighted, weighted, ((1, 2), (1, 2))) / _NOISE**2
        pull = np.tensordot(weighted, wanted * care[:, None], ((1, 2), (0, 1))) / _NOISE**2
        shut = np.linalg.solve(gram + np.diag(1 / self._variance), pull)
        return np.asarray(shut - self.lower @ shut, np.float64)


def point_weights(model: MeshModel) -> Array:
    """478 floats: 1 for the lips, less for the jaw and cheeks below the nose, 0 elsewhere."""
    weights: Array = np.where(model.mean[:, 1] > model.mean[_NOSE_BASE, 1], _JAW, 0.0)
    weights[list(_LIPS)] = 1.0
    return weights
