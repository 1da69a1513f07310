"""Named distances: free of pose and expression, and they see a longer nose."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.infer import weights
from vidface.vision.facegeometry import DISTANCES, SIZE, distances_of, pose_terms, shape_of
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.rigid import Similarity, rotations_of

MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)
FITTER = MeshFitter(MODEL, one_person=True)


def placed(shapes: np.ndarray, angles: np.ndarray) -> list[np.ndarray]:
    n = len(shapes)
    return list(Similarity(rotations_of(angles), np.full(n, 70.0), np.full((n, 3), 90.0)).apply(shapes))


def test_each_distance_is_named_once_and_measured() -> None:
    assert len({one.name for one in DISTANCES}) == SIZE
    mean = distances_of(MODEL.mean)
    assert mean.shape == (SIZE,)
    assert (mean > 0.1).all()
    assert (mean < 3).all()
    assert mean[0] == pytest.approx(mean[1], abs=1e-3), "the mean face is its own mirror image"


def test_pose_size_and_expression_are_taken_off() -> None:
    rng = np.random.default_rng(1)
    who = rng.normal(size=(1, len(MODEL.identity_std))) * MODEL.identity_std
    still = MODEL.shapes(np.repeat(who, 8, 0))
    does = rng.normal(size=(8, len(MODEL.expression_std))) * MODEL.expression_std * 0.7
    moving = MODEL.shapes(np.repeat(who, 8, 0), does)
    angles = rng.uniform(-20, 20, (8, 3))
    truth = distances_of(still[0])
    found = shape_of(placed(moving, angles), FITTER)
    between = np.abs(truth - distances_of(MODEL.mean))
    assert np.abs(found - truth).mean() < 0.35 * between.mean()
    assert np.abs(found - truth).max() < 0.08


def test_a_shape_wants_a_mesh_and_the_right_fitter() -> None:
    with pytest.raises(ValueError):
        shape_of([], FITTER)
    with pytest.raises(ValueError, match="one person"):
        shape_of(placed(MODEL.mean[None], np.zeros((1, 3))), MeshFitter(MODEL))


def test_seen_from_the_front_there_is_nothing_to_lean_on() -> None:
    assert not pose_terms(0.0, 0.0).any()
    assert pose_terms(np.zeros(3), np.zeros(3)).shape == (3, 6)


def test_yaw_and_pitch_have_their_own_terms() -> None:
    """In steps of 20 degrees: pitch 2 and yaw -1 give p, p p, y y, y, y p and p y y."""
    np.testing.assert_allclose(pose_terms(-20.0, 40.0), (2, 4, 1, -1, -2, 2))
    np.testing.assert_allclose(
        pose_terms([0.0, 40.0], [10.0, 0.0]), [(0.5, 0.25, 0, 0, 0, 0), (0, 0, 4, 2, 0, 0)]
    )
