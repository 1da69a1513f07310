"""Mean, identity and expression bases from labelled meshes: Procrustes, then principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from labels import Labels
from numpy.typing import NDArray
from topology import interocular, mirrored

from vidface.vision.rigid import angles_of, fit_robust, fit_similarity

Array = NDArray[np.float64]

FRONTAL_DEG = 25.0
"""Meshes turned further than this do not shape the bases: the teacher's depth is poorer there."""
RIDGE = 3.0
"""Ridge of the regression of shape on blendshapes, in frames."""
REST_QUANTILE = 0.25


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


def expression_of_blendshapes(aligned: Aligned) -> tuple[Array, Array]:
    """Linear map from blendshapes to shape, from differences within people.

    Returns:
        52 x 478 x 3 displacement per unit of each coefficient, and the 52 coefficients of a face at
        rest (lower quartile over people and frames).
    """
    left, right = np.zeros((52, 52)), np.zeros((52, 478 * 3))
    frontal = np.flatnonzero(aligned.frontal)
    for within in aligned.labels.pick(frontal).groups(least=10):
        rows = frontal[within]
        x = aligned.labels.blendshapes[rows].astype(np.float64)
        y = aligned.shapes[rows].reshape(len(rows), -1)
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        left += x.T @ x / len(rows)
        right += x.T @ y / len(rows)
    map_ = np.linalg.solve(left + RIDGE * 1e-3 * np.eye(52), right).reshape(52, 478, 3)
    return map_, np.quantile(aligned.labels.blendshapes, REST_QUANTILE, axis=0).astype(np.float64)


def neutral_people(aligned: Aligned) -> tuple[list[NDArray[np.int64]], Array]:
    """For each person the rows and the neutral shape: expression taken off by blendshapes, then the mean."""
    map_, rest = expression_of_blendshapes(aligned)
    shift = aligned.labels.blendshapes.astype(np.float64) - rest
    neutral = aligned.shapes - np.tensordot(shift, map_, axes=1)
    groups = [rows[aligned.frontal[rows]] for rows in aligned.labels.groups(least=1)]
    groups = [rows for rows in groups if len(rows)]
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
    aligned: Aligned, groups: list[NDArray[np.int64]], neutrals: Array, *, least: int = 10
) -> tuple[Array, Array]:
    """Displacements of frames from their person's neutral shape, and weights that let people count alike."""
    parts, weights = [], []
    for rows, neutral in zip(groups, neutrals, strict=True):
        if len(rows) >= least:
            parts.append(aligned.shapes[rows] - neutral)
            weights.append(np.full(len(rows), 1 / len(rows)))
    return np.concatenate(parts), np.concatenate(weights)
