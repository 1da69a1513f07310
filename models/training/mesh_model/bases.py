"""Mean, identity and expression bases from labelled meshes: Procrustes, then principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from labels import Labels
from numpy.typing import NDArray
from topology import interocular, mirrored

from vidface.data.mesh import BLENDSHAPES
from vidface.vision.rigid import angles_of, fit_robust, fit_similarity

Array = NDArray[np.float64]

FRONTAL_DEG = 25.0
"""Meshes turned further than this do not shape the bases: the teacher's depth is poorer there."""
LEAST_FRAMES, MOST_FRAMES = 10, 50
RIDGE = 1.0
"""Of the regression of shape on blendshapes and pose, in squared units of these."""


class Basis(NamedTuple):
    """Principal components: orthonormal c x 478 x 3, c standard deviations, total variance."""

    vectors: Array
    stds: Array
    total: float


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Meshes with the pose taken off: n x 478 x 3 shapes, n x 3 angles in degrees."""

    labels: Labels
    shapes: Array
    angles: Array

    @property
    def frontal(self) -> NDArray[np.bool_]:
        """n bool: turned little enough."""
        return (np.abs(self.angles[:, :2]) < FRONTAL_DEG).all(axis=1)


def general_mean(points: Array, *, rounds: int = 5) -> Array:
    """Generalised Procrustes mean (J. Gower, 1975), inter-ocular distance 1, roughly frontal."""
    mean = points[0] - points[0].mean(axis=0)
    for _ in range(rounds):
        mean = fit_similarity(mean, points).undo(points).mean(axis=0)
        mean = (mean - mean.mean(axis=0)) / interocular(mean[None])[0]
    return mean


def symmetric(shape: Array, pairs: NDArray[np.int64]) -> Array:
    """The shape averaged with its mirror image, turned until x = 0 is the plane of symmetry."""
    image = mirrored(shape, pairs)
    middle = (shape + fit_similarity(image, shape[None], scaled=False).apply(image)[0]) / 2
    across = middle - middle[pairs]
    normal = np.linalg.eigh(across.T @ across)[1][:, -1]
    normal *= np.sign(normal[0])
    # The least turn that takes the normal to the x axis (Rodrigues).
    axis = np.cross(normal, (1.0, 0, 0))
    cross = np.cross(np.eye(3), axis)
    turn = np.eye(3) - cross + cross @ cross / (1 + normal[0])
    turned = (middle - middle.mean(axis=0)) @ turn.T
    return (turned + mirrored(turned, pairs)) / 2


def align(labels: Labels, mean: Array, stable: NDArray[np.bool_]) -> Aligned:
    """Take pose and scale off by a robust fit of the stable points."""
    points = labels.points.astype(np.float64)
    fit = fit_robust(mean[stable], points[:, stable]).similarity
    return Aligned(labels, fit.undo(points), angles_of(fit.rotations))


def pose_terms(angles: Array) -> Array:
    """n x 3 degrees -> n x 5: yaw, pitch, their squares and product, in units of 10 degrees."""
    yaw, pitch = angles[:, 0] / 10, angles[:, 1] / 10
    return np.stack([yaw, pitch, yaw**2, pitch**2, yaw * pitch], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What blendshapes and pose do to the shape, linear, learned from differences within people.

    Attributes:
        expression: 52 x 478 x 3, per unit of each blendshape.
        pose: 5 x 478 x 3, per unit of each of `pose_terms`: the head does not change with pose, so this
            is what the teacher gets wrong.
        rest: the 52 blendshapes of a face at rest, see `at_rest`.
    """

    expression: Array
    pose: Array
    rest: Array

    def neutral(self, aligned: Aligned) -> Array:
        """n x 478 x 3 shapes at rest, seen from the front."""
        shift = aligned.labels.blendshapes.astype(np.float64) - self.rest
        return self.upright(aligned) - np.tensordot(shift, self.expression, axes=1)

    def upright(self, aligned: Aligned) -> Array:
        """n x 478 x 3 shapes without what pose does to them."""
        return aligned.shapes - np.tensordot(pose_terms(aligned.angles), self.pose, axes=1)


def learn_effects(aligned: Aligned, pairs: NDArray[np.int64]) -> Effects:
    """Ridge regression within people; each counts by the number of frames, at most `MOST_FRAMES`."""
    features = np.concatenate([aligned.labels.blendshapes, pose_terms(aligned.angles)], axis=1)
    count = features.shape[1]
    left, right = np.zeros((count, count)), np.zeros((count, 478 * 3))
    frontal = np.flatnonzero(aligned.frontal)
    for within in aligned.labels.pick(frontal).groups(least=LEAST_FRAMES):
        rows = frontal[within]
        x, y = features[rows], aligned.shapes[rows].reshape(len(rows), -1)
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        share = min(len(rows), MOST_FRAMES) / len(rows)
        left += share * x.T @ x
        right += share * x.T @ y
    both = np.linalg.solve(left + RIDGE * np.eye(count), right).reshape(count, 478, 3)
    pose = both[52:]
    # Left and right are alike: what yaw and the product do must turn its sign in a mirror.
    sign = np.array([-1, 1, 1, 1, -1]).reshape(5, 1, 1)
    pose = (pose + sign * mirrored(pose, pairs)) / 2
    return Effects(both[:52], pose, at_rest(aligned.labels.blendshapes.astype(np.float64)))


def at_rest(blendshapes: Array) -> Array:
    """n x 52 -> the 52 of a face at rest: the median of eyes and brows, which are about some middle.

    Of all else the lower quartile: half of all portraits smile, so the median face does.
    """
    middle = np.array([name.startswith(("eye", "brow")) for name in BLENDSHAPES])
    return np.where(middle, np.median(blendshapes, axis=0), np.quantile(blendshapes, 0.25, axis=0))


def neutral_people(aligned: Aligned, effects: Effects) -> tuple[list[NDArray[np.int64]], Array]:
    """For each person the frontal rows and the neutral shape (median over frames)."""
    neutral = effects.neutral(aligned)
    frontal = np.flatnonzero(aligned.frontal)
    groups = [frontal[within] for within in aligned.labels.pick(frontal).groups(least=1)]
    return groups, np.stack([np.median(neutral[rows], axis=0) for rows in groups])


def components(samples: Array, weights: Array, pairs: NDArray[np.int64], count: int) -> Basis:
    """Principal components of displacements and their mirror images.

    Args:
        samples: n x 478 x 3 displacements from what has coefficient 0.
        weights: n, of each sample.
    """
    both = np.concatenate([samples, mirrored(samples, pairs)]).reshape(2 * len(samples), -1)
    share = np.tile(weights / weights.sum() / 2, 2)
    covariance = (both * share[:, None]).T @ both
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:count]
    directions = vectors[:, order].T
    # The sign of a component is free: the largest entry is made positive, so that runs agree.
    peak = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    directions = directions * np.sign(peak)
    return Basis(directions.reshape(-1, *samples.shape[1:]), np.sqrt(values[order]), float(values.sum()))


def expression_samples(
    aligned: Aligned, effects: Effects, groups: list[NDArray[np.int64]], neutrals: Array
) -> tuple[Array, Array]:
    """Displacements of clips' frames from the neutral shape, and weights: people count alike.

    Sets of portraits show years of a person, and some of their names are wrong: they have no part in it.
    """
    shapes, portrait = effects.upright(aligned), aligned.labels.portrait
    parts, weights = [], []
    for rows, neutral in zip(groups, neutrals, strict=True):
        if len(rows) >= LEAST_FRAMES and not portrait[rows[0]]:
            parts.append(shapes[rows] - neutral)
            weights.append(np.full(len(rows), 1 / len(rows)))
    return np.concatenate(parts), np.concatenate(weights)
