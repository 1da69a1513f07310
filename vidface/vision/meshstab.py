"""Which rigid motion puts the skull of one mesh where that of another lies, whatever the face does.

Three answers. `all_points`: Procrustes on every point, which takes a wide mouth for a nod. `stable_points`:
on those that hardly move with expression. And that plus the small rest that a network reads from both
meshes, after "Learning to Stabilize Faces" (Bednarik et al. 2024): trained on pairs of known motion.

Motions are 4 x 4 matrices that take the moving mesh's coordinates to the reference's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import Similarity, fit_similarity

Array = NDArray[np.float64]


class Canonical(NamedTuple):
    """A pair of meshes as the network sees them.

    Attributes:
        reference: n x 478 x 3, its stable points laid on the mean's, in inter-ocular distances.
        moving: the same for the other mesh, laid on the reference by the stable points.
        start: n x 4 x 4, the motion that the stable points tell.
        there: n x 4 x 4 similarity that takes the reference's coordinates to the network's.
    """

    reference: Array
    moving: Array
    start: Array
    there: Array


def matrices_of(fit: Similarity) -> Array:
    """n x 4 x 4 of n similarities."""
    whole = np.tile(np.eye(4), (len(fit), 1, 1))
    whole[:, :3, :3] = fit.rotations * np.reshape(fit.scales, (-1, 1, 1))
    whole[:, :3, 3] = fit.shifts
    return whole


def moved(points: Any, matrices: Any) -> Array:
    """n x p x 3 points under n x 4 x 4 matrices."""
    rows, motion = np.asarray(points, np.float64), np.asarray(matrices, np.float64)
    out: Array = rows @ motion[:, :3, :3].transpose(0, 2, 1) + motion[:, None, :3, 3]
    return out


def all_points(moving: Any, reference: Any, *, scaled: bool = False) -> Array:
    """Procrustes on every point.

    Args:
        moving, reference: n x p x 3, finite; any number of points.
        scaled: find a scale too, as meshes from pictures need.

    Raises:
        ValueError: shapes that differ, or points that coincide.
    """
    return matrices_of(fit_similarity(np.asarray(moving, np.float64), reference, scaled=scaled))


def stable_points(moving: Any, reference: Any, model: MeshModel, *, scaled: bool = False) -> Array:
    """Procrustes on the model's stable points; see `all_points`."""
    here, there = np.asarray(moving, np.float64), np.asarray(reference, np.float64)
    return matrices_of(fit_similarity(here[:, model.stable], there[:, model.stable], scaled=scaled))


def canonical(moving: Any, reference: Any, model: MeshModel, *, scaled: bool = False) -> Canonical:
    """Bring a pair to the network's coordinates."""
    here, there = np.asarray(moving, np.float64), np.asarray(reference, np.float64)
    start = stable_points(here, there, model, scaled=scaled)
    mean = np.broadcast_to(model.mean[model.stable], (len(there), int(model.stable.sum()), 3))
    home = matrices_of(fit_similarity(there[:, model.stable], mean, scaled=True))
    return Canonical(moved(there, home), moved(moved(here, start), home), start, home)


def features(pair: Canonical, model: MeshModel) -> NDArray[np.float32]:
    """n x 2868 float32, what the network reads: the reference off the mean, and the change."""
    off = (pair.reference - model.mean).reshape(len(pair.reference), -1)
    change = (pair.moving - pair.reference).reshape(len(pair.reference), -1)
    return np.concatenate([off, change], 1).astype(np.float32)


def with_rest(pair: Canonical, rest: Any) -> Array:
    """The motion of the stable points, completed by the small one that the network gives in its coordinates.

    Args:
        pair: from `canonical`.
        rest: n x 6, axis-angle in radians and shift in inter-ocular distances.
    """
    back = np.linalg.inv(pair.there)
    whole: Array = back @ motion_of(rest) @ pair.there @ pair.start
    return whole


def motion_of(vectors: Any) -> Array:
    """n x 6 (axis-angle, shift) -> n x 4 x 4, by the formula of Rodrigues."""
    rows = np.asarray(vectors, np.float64)
    angle = np.linalg.norm(rows[:, :3], axis=1)
    axis = rows[:, :3] / np.maximum(angle, 1e-12)[:, None]
    x, y, z = axis.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    whole = np.tile(np.eye(4), (len(rows), 1, 1))
    whole[:, :3, :3] = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    whole[:, :3, 3] = rows[:, 3:]
    return whole


def vector_of(matrices: Any) -> Array:
    """n x 4 x 4 rigid motions of less than half a turn -> n x 6; the inverse of `motion_of`."""
    whole = np.asarray(matrices, np.float64)
    turn = whole[:, :3, :3]
    axis = np.stack(
        [turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1
    )
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, np.trace(turn, axis1=1, axis2=2) - 1)
    factor = np.where(sine > 1e-9, angle / np.maximum(sine, 1e-12), 0.5)
    return np.concatenate([axis * factor[:, None], whole[:, :3, 3]], 1)


def scale_of(matrices: Any) -> Array:
    """n scales of n x 4 x 4 similarities."""
    size: Array = np.cbrt(np.linalg.det(np.asarray(matrices, np.float64)[:, :3, :3]))
    return size


def common(
    meshes: Any, model: MeshModel | None, *, scaled: bool = False, rounds: int = 5
) -> tuple[Array, Array]:
    """An unordered set of meshes of one person laid on their own mean (generalised Procrustes).

    Args:
        meshes: n x p x 3, finite.
        model: its stable points are used; None uses every point.

    Returns:
        n x 4 x 4 motions to the reference, and the reference (p x 3) in the first mesh's coordinates.
    """
    rows = np.asarray(meshes, np.float64)
    reference = rows[0]
    motions = np.tile(np.eye(4), (len(rows), 1, 1))
    for _ in range(rounds):
        there = np.broadcast_to(reference, rows.shape)
        motions = (
            all_points(rows, there, scaled=scaled)
            if model is None
            else stable_points(rows, there, model, scaled=scaled)
        )
        # The mean may not creep away: it is brought back onto the first mesh.
        home = np.linalg.inv(motions[0])
        motions = home @ motions
        reference = moved(rows, motions).mean(0)
    return motions, reference
