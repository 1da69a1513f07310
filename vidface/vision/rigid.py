"""Rigid motion in space: least-squares and robust fits of one point set to another, and head angles.

Axes as in `Meshes`: x to the right, y down, z away from the viewer. Angles are yaw, pitch, roll in
degrees: yaw positive when the face turns to the viewer's right, pitch positive when it looks up, roll
positive clockwise as seen; R = Rz(roll) Ry(yaw) Rx(pitch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

Array = NDArray[np.float64]

_OUTLIER = 2.5
"""Residuals of so many robust standard deviations count a quarter."""
_DEPTH_ROUNDS = 12
"""Rounds in which depth that was not measured is filled in from the fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """n similarities of space: target = scale * rotation @ source + shift.

    Attributes:
        rotations: n x 3 x 3 float64, proper (determinant 1).
        scales: n float64, above 0.
        shifts: n x 3 float64, in the target's unit.
    """

    rotations: Array
    scales: Array
    shifts: Array

    def __post_init__(self) -> None:
        n = len(self.rotations)
        for name, shape in (("rotations", (None, 3, 3)), ("scales", (n,)), ("shifts", (n, 3))):
            array = frozen_array(f"Similarity.{name}", getattr(self, name), dtype=np.float64, shape=shape)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.rotations)

    def apply(self, points: Any) -> Array:
        """p x 3 (the same for all) or n x p x 3 source points -> n x p x 3 target points."""
        turned = np.asarray(points, np.float64) @ self.rotations.transpose(0, 2, 1)
        moved: Array = turned * self.scales[:, None, None] + self.shifts[:, None]
        return moved

    def undo(self, points: Any) -> Array:
        """n x p x 3 target points -> n x p x 3 source points."""
        back = (np.asarray(points, np.float64) - self.shifts[:, None]) @ self.rotations
        shrunk: Array = back / self.scales[:, None, None]
        return shrunk


class RobustFit(NamedTuple):
    """A similarity and how it came about."""

    similarity: Similarity
    weights: Array
    """n x p, what each point counted in the last step."""
    residuals: Array
    """n, root mean square distance under the weights that the caller gave, in the source's unit."""


def fit_similarity(source: Any, target: Any, weights: Any = None, *, scaled: bool = True) -> Similarity:
    """Weighted least-squares similarity (or rigid motion) that takes `source` to `target`.

    The closed form of S. Umeyama, "Least-squares estimation of transformation parameters between two
    point patterns" (PAMI 1991), for n pairs of point sets at once.

    Args:
        source: p x 3 or n x p x 3, p >= 3.
        target: n x p x 3.
        weights: p or n x p, not negative; None weighs all alike.
        scaled: False keeps the scale at 1.

    Raises:
        ValueError: shapes do not fit, a number is not finite, all points (of weight) coincide.
    """
    here, there, weigh = _checked(source, target, weights)
    return _procrustes(here, there, weigh, scaled=scaled)


def fit_robust(
    source: Any, target: Any, weights: Any = None, *, steps: int = 4, scaled: bool = True
) -> RobustFit:
    """As `fit_similarity`, with points that do not fit counting less (IRLS, Geman-McClure weights).

    Args:
        source, target, weights, scaled: see `fit_similarity`.
        steps: re-weighted solutions after the plain one; 0 gives least squares.

    Raises:
        ValueError: see `fit_similarity`.
    """
    here, there, given = _checked(source, target, weights)
    weigh = given
    fit = _procrustes(here, there, weigh, scaled=scaled)
    for _ in range(steps):
        weigh = given * _trust(_distances(fit, here, there), given)
        fit = _procrustes(here, there, weigh, scaled=scaled)
    return RobustFit(fit, weigh, _root_mean_square(_distances(fit, here, there), given))


def fit_weak_perspective(source: Any, target: Any, weights: Any = None, *, steps: int = 0) -> RobustFit:
    """Scaled orthography: turn, scale and shift whose x and y best meet points of a picture.

    From the best affine map as a start, depth is filled in from the fit and the fit solved anew, by
    turns: that never raises the error (majorisation).

    Args:
        source: p x 3 points of a model, not all in one plane, p >= 4.
        target: n x p x 2 pixels; the shift's z comes out as 0.
        weights: p or n x p.
        steps: robust steps, see `fit_robust`.

    Raises:
        ValueError: see `fit_similarity`.
    """
    flat = np.asarray(target, np.float64)
    if flat.ndim != 3 or flat.shape[2] != 2:
        raise ValueError(f"points of pictures must be n x p x 2, but are {flat.shape}")
    solid = np.concatenate([flat, np.zeros_like(flat[:, :, :1])], axis=2)
    here, _, given = _checked(source, solid, weights)
    weigh = given
    fit = _fill_depth(_affine_start(here, flat, given), here, flat, weigh)
    for _ in range(steps):
        weigh = given * _trust(_distances(fit, here, flat), given)
        fit = _fill_depth(fit, here, flat, weigh)
    level = Similarity(fit.rotations, fit.scales, fit.shifts * (1, 1, 0))
    return RobustFit(level, weigh, _root_mean_square(_distances(fit, here, flat), given))


def rotations_of(angles: Any) -> Array:
    """n x 3 degrees (yaw, pitch, roll) -> n x 3 x 3."""
    yaw, pitch, roll = np.radians(np.asarray(angles, np.float64).reshape(-1, 3)).T
    turn = np.zeros((3, len(yaw), 3, 3))
    turn[:, :] = np.eye(3)
    # (row, column) of +sin and -sin: with z away from the viewer, a turn to the right and a look up
    # are the negative turns about y and x.
    for matrix, angle, (a, b) in zip(turn, (roll, yaw, pitch), ((1, 0), (2, 0), (1, 2)), strict=True):
        matrix[:, a, a] = matrix[:, b, b] = np.cos(angle)
        matrix[:, a, b] = np.sin(angle)
        matrix[:, b, a] = -np.sin(angle)
    product: Array = turn[0] @ turn[1] @ turn[2]
    return product


def angles_of(rotations: Any) -> Array:
    """n x 3 x 3 rotations -> n x 3 degrees: yaw in [-90, 90], pitch and roll in (-180, 180].

    At a yaw of exactly 90 degrees pitch and roll turn about the same axis; then pitch is 0.
    """
    r = np.asarray(rotations, np.float64).reshape(-1, 3, 3)
    yaw = np.arcsin(np.clip(r[:, 2, 0], -1, 1))
    free = np.hypot(r[:, 0, 0], r[:, 1, 0]) > 1e-9
    pitch = np.where(free, np.arctan2(-r[:, 2, 1], r[:, 2, 2]), 0.0)
    roll = np.where(free, np.arctan2(r[:, 1, 0], r[:, 0, 0]), np.arctan2(-r[:, 0, 1], r[:, 1, 1]))
    angles: Array = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return angles


def angle_between(a: Any, b: Any) -> Array:
    """n x 3 x 3 and n x 3 x 3 rotations -> n degrees, the smallest turn from one to the other."""
    apart = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    # From the chord, not from the trace: the arc cosine is blind below 1e-6 degrees near 0.
    chord = np.sqrt((apart**2).sum(axis=(-2, -1)) / 8)
    angle: Array = np.degrees(2 * np.arcsin(np.clip(chord, 0, 1)))
    return angle


def _checked(source: Any, target: Any, weights: Any) -> tuple[Array, Array, Array]:
    """Float64: source p x 3 or n x p x 3, target n x p x 3, weights n x p."""
    here, there = np.asarray(source, np.float64), np.asarray(target, np.float64)
    fits = there.ndim == 3 and there.shape[1] >= 3 and there.shape[2] == 3
    if not fits or here.shape not in (there.shape, there.shape[1:]):
        raise ValueError(
            f"a fit needs n x p x 3 target points and as many source points (p x 3 or n x p x 3), p >= 3, "
            f"but got {there.shape} and {here.shape}"
        )
    weigh = np.ones(there.shape[1]) if weights is None else np.asarray(weights, np.float64)
    if weigh.shape not in (there.shape[:2], there.shape[1:2]):
        raise ValueError(f"weights must be p or n x p for {there.shape[:2]} points, but are {weigh.shape}")
    weigh = np.broadcast_to(weigh, there.shape[:2])
    if not (np.isfinite(here).all() and np.isfinite(there).all() and np.isfinite(weigh).all()):
        raise ValueError("a fit needs finite points and weights, but some are NaN or infinite")
    if len(there) and (weigh.min() < 0 or not (weigh.sum(axis=1) > 0).all()):
        raise ValueError("weights must be 0 or more, and some of each row above 0")
    return here, there, weigh


def _procrustes(here: Array, there: Array, weigh: Array, *, scaled: bool) -> Similarity:
    share = weigh / weigh.sum(axis=1, keepdims=True)
    middle = (share[:, None] @ here)[:, 0]
    goal = (share[:, None] @ there)[:, 0]
    a, b = here - middle[:, None], there - goal[:, None]
    spread = np.einsum("np,npk,npk->n", share, a, a)
    if len(a) and spread.min() <= 1e-24 * (1 + float(np.abs(here).max()) ** 2):
        raise ValueError("a fit needs points that differ, but all of them coincide")
    u, strength, v = np.linalg.svd((b * share[:, :, None]).transpose(0, 2, 1) @ a)
    # A reflection may fit better than any turn; then the weakest axis is turned round.
    sign = np.ones((len(a), 3))
    sign[:, 2] = np.where(np.linalg.det(u) * np.linalg.det(v) < 0, -1, 1)
    rotations = (u * sign[:, None]) @ v
    scales = (strength * sign).sum(axis=1) / spread if scaled else np.ones(len(a))
    scales = np.maximum(scales, 1e-12)
    shifts = goal - scales[:, None] * (rotations @ middle[:, :, None])[:, :, 0]
    return Similarity(rotations, scales, shifts)


def _affine_start(here: Array, flat: Array, weigh: Array) -> Similarity:
    """The scaled turn nearest to the best affine map of the model to the picture."""
    share = weigh / weigh.sum(axis=1, keepdims=True)
    middle, goal = (share[:, None] @ here)[:, 0], (share[:, None] @ flat)[:, 0]
    a, b = here - middle[:, None], flat - goal[:, None]
    heavy = (a * share[:, :, None]).transpose(0, 2, 1)
    affine = (np.linalg.pinv(heavy @ a) @ (heavy @ b)).transpose(0, 2, 1)
    u, strength, v = np.linalg.svd(affine, full_matrices=False)
    pair = u @ v
    rotations = np.concatenate([pair, np.cross(pair[:, :1], pair[:, 1:])], axis=1)
    scales = np.maximum(strength.mean(axis=1), 1e-12)
    level = np.concatenate([goal, np.zeros((len(goal), 1))], axis=1)
    shifts = level - scales[:, None] * (rotations @ middle[:, :, None])[:, :, 0]
    return Similarity(rotations, scales, shifts)


def _fill_depth(fit: Similarity, here: Array, flat: Array, weigh: Array) -> Similarity:
    for _ in range(_DEPTH_ROUNDS):
        filled = np.concatenate([flat, fit.apply(here)[:, :, 2:]], axis=2)
        fit = _procrustes(here, filled, weigh, scaled=True)
    return fit


def _distances(fit: Similarity, here: Array, there: Array) -> Array:
    """n x p distances in the source's unit, over as many axes as the target has."""
    error = fit.apply(here)[:, :, : there.shape[2]] - there
    distances: Array = np.sqrt(np.einsum("npk,npk->np", error, error)) / fit.scales[:, None]
    return distances


def _root_mean_square(distances: Array, weights: Array) -> Array:
    mean: Array = np.sqrt((distances**2 * weights).sum(axis=1) / weights.sum(axis=1))
    return mean


def _trust(distances: Array, given: Array) -> Array:
    """n x p weights in (0, 1] from distances; the width follows from the median over points that count."""
    counts = given > 0
    ranked = np.sort(np.where(counts, distances, np.inf), axis=1)
    middle = ranked[np.arange(len(ranked)), (counts.sum(axis=1) - 1) // 2]
    width = np.maximum(1.4826 * middle * _OUTLIER, 1e-9)
    trust: Array = 1 / (1 + (distances / width[:, None]) ** 2) ** 2
    return trust
