"""Which points keep their place on the skull: measured within clips, not chosen by taste."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from topology import SKIN, spacing

from vidface.vision.rigid import angles_of, fit_similarity

Array = NDArray[np.float64]

NEAR_DEG = 10.0
"""Frames whose yaw and pitch are further than this from the clip's median are left aside: the teacher's
shape changes with pose, and that is not motion of the skin."""
FEW_FRAMES = 10
NOISE = 0.008
"""Floor, inter-ocular distances: differences below it are jitter of the teacher."""


def motion_of_points(
    reference: Array, clips: list[Array], pairs: NDArray[np.int64], *, rounds: int = 8
) -> tuple[Array, Array]:
    """How far each point moves against the skull when the face moves.

    Each clip's frames are laid over the clip's own mean by a weighted rigid fit; the point's motion in
    the clip is the 95th percentile of its distance in the picture plane (a blink is short), corrected
    for the part of its own motion that a point pulls the fit along by (leverage); over the clips the
    upper quartile counts (not every clip shows every expression). Weights for the next round: the area
    that a point stands for over its squared motion. Left and right share one value.

    Args:
        reference: 478 x 3 frontal shape, inter-ocular distance 1.
        clips: n x 478 x 3 frames of one person each, any scale.
        pairs: see `topology.mirror_pairs`.

    Returns:
        478 motions in inter-ocular distances (irises: infinite), and 478 weights, the largest 1.
    """
    areas = spacing(reference)
    weights = np.where(np.arange(len(reference)) < SKIN, areas, 0.0)
    motion = np.zeros(len(reference))
    for _ in range(rounds):
        rows = [row for frames in clips if (row := _clip_motion(reference, frames, weights)) is not None]
        motion = np.quantile(rows, 0.75, axis=0)
        motion = (motion + motion[pairs]) / 2
        weights = areas / (NOISE**2 + motion**2)
        weights[SKIN:] = 0
        weights /= weights.max()
    motion[SKIN:] = np.inf
    return motion, weights


def _clip_motion(reference: Array, frames: Array, weights: Array) -> Array | None:
    fit = fit_similarity(reference, frames, weights)
    angles = angles_of(fit.rotations)[:, :2]
    near = (np.abs(angles - np.median(angles, axis=0)) < NEAR_DEG).all(axis=1)
    if near.sum() < FEW_FRAMES:
        return None
    shapes = fit.undo(frames)[near]
    for _ in range(2):
        mean = shapes.mean(axis=0)
        shapes = fit_similarity(mean, shapes, weights, scaled=False).undo(shapes)
    distance = np.linalg.norm((shapes - shapes.mean(axis=0))[:, :, :2], axis=2)
    spread = np.quantile(distance, 0.95, axis=0) / 2
    return spread / np.sqrt(np.maximum(1 - leverage(reference, weights), 0.05))


def leverage(shape: Array, weights: Array) -> Array:
    """478 shares: how much of a point's own small displacement a weighted planar rigid fit swallows."""
    share = weights / weights.sum()
    offset = shape[:, :2] - share @ shape[:, :2]
    radius = (offset**2).sum(axis=1)
    return share * (1 + radius / (share @ radius))


MOST_MOTION = 0.019
"""Inter-ocular distances. Unweighted fits on the points below it were compared on 1,108 consecutive frames
of 20 training clips: the turn jitters least for 0.019, and 3 % more at most from 0.017 to 0.023."""


def choose(motion: Array) -> NDArray[np.bool_]:
    """478 bool: points that move less than `MOST_MOTION`."""
    return motion <= MOST_MOTION
