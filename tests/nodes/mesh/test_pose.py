"""mesh.pose on mean faces that were turned, placed, mirrored and deformed by known amounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.errors import ModelError, ModelMissingError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.nodes.mesh.pose import MeshPose
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import Similarity, rotations_of

MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)


def turned(
    angles: Any, *, scale: float = 60.0, at: tuple[float, float] = (320, 240), shape: Any = None
) -> Any:
    """1 x 478 x 3: the mean face (or another shape), turned and placed."""
    true = Similarity(rotations_of(angles), np.array([scale]), np.array([(*at, 0)]))
    return true.apply(MODEL.mean if shape is None else shape)


def poses(*frames: Meshes, **parameters: Any) -> list[Poses]:
    with NodeHarness(MeshPose(**parameters)) as harness:
        found: list[Poses] = harness.run(mesh=list(frames))
        return found


def pose(points: Any) -> Poses:
    return poses(Meshes.of(points))[0]


@settings(max_examples=30)
@given(st.floats(-75, 75), st.floats(-60, 60), st.floats(-175, 175), st.floats(5, 800), st.floats(-500, 2000))
def test_a_turned_mean_face_gives_back_its_pose(
    yaw: float, pitch: float, roll: float, scale: float, x: float
) -> None:
    """Every angle within half a degree, place and scale within a hundredth of the face, whatever the size."""
    found = pose(turned((yaw, pitch, roll), scale=scale, at=(x, 100)))
    np.testing.assert_allclose(found.angles[0], (yaw, pitch, roll), atol=0.5)
    np.testing.assert_allclose(found.positions[0], (x, 100), atol=0.01 * scale)
    np.testing.assert_allclose(found.scales[0], scale, rtol=0.01)
    assert found.residuals[0] < 1e-3


@pytest.mark.parametrize("angles", [(20, 0, 0), (0, 15, 0), (0, 0, 25), (12, -8, 30)])
def test_convention_of_the_signs(angles: tuple[float, float, float]) -> None:
    """Right is positive yaw, up positive pitch, clockwise positive roll, told from the points alone."""
    points = turned(angles)[0]
    nose = points[4, :2] - points[[33, 263], :2].mean(axis=0)
    straight = turned((0, 0, 0))[0]
    if angles[0] and not angles[2]:
        assert nose[0] > 1
    if angles[1] and not angles[2]:
        assert nose[1] < (straight[4] - straight[[33, 263]].mean(axis=0))[1]
    if angles[2]:
        assert points[263, 1] > points[33, 1]
    np.testing.assert_allclose(pose(points[None]).angles[0], angles, atol=0.5)


def test_a_mirrored_face_has_a_mirrored_pose() -> None:
    """A crooked face in a mirror, points renumbered: yaw and roll change sign, pitch stays."""
    pairs = _mirror_pairs()
    shape = MODEL.shapes(identity=[MODEL.identity_std * 1.5])
    points = turned((25, -10, 12), shape=shape)
    mirror = points[:, pairs] * (-1, 1, 1) + (640, 0, 0)
    here, there = pose(points).angles[0], pose(mirror).angles[0]
    np.testing.assert_allclose(there, here * (-1, 1, -1), atol=0.05)


def test_a_picture_on_its_side_adds_to_roll_alone() -> None:
    """Turned by 90 degrees clockwise about the picture's middle."""
    shape = MODEL.shapes(identity=[MODEL.identity_std])
    points = turned((25, -10, 12), shape=shape)
    side = np.stack([-points[:, :, 1], points[:, :, 0], points[:, :, 2]], axis=2)
    np.testing.assert_allclose(pose(side).angles[0], pose(points).angles[0] + (0, 0, 90), atol=1e-3)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("sign", [-2, 2])
def test_expression_hardly_turns_the_head(place: int, sign: int) -> None:
    """Two deviations of each leading expression change no angle by more than a degree."""
    shape = MODEL.shapes(expression=[np.eye(5)[place] * sign * MODEL.expression_std[:5]])
    np.testing.assert_allclose(pose(turned((10, 5, 0), shape=shape)).angles[0], (10, 5, 0), atol=1.0)


def test_robust_steps_bear_a_hand_over_a_temple() -> None:
    """One temple torn away: least squares is off by degrees, robust steps are not."""
    points = turned((10, 5, 0)).copy()
    held = np.flatnonzero(MODEL.stable & (MODEL.mean[:, 0] > 0.75))
    points[:, held, :2] += (25, 15)
    plain, robust = (poses(Meshes.of(points), steps=steps)[0] for steps in (0, 4))
    off = [np.abs(found.angles[0] - (10, 5, 0)).max() for found in (plain, robust)]
    assert off[0] > 3
    assert off[1] < 1
    assert robust.residuals[0] > 0.05


def test_rows_that_were_not_measured_stay_unknown() -> None:
    """NaN in, NaN out, and the others keep their places."""
    points = np.concatenate([turned((5, 0, 0)), np.full((1, 478, 3), np.nan), turned((-5, 0, 0))])
    found = pose(points)
    assert found.known.tolist() == [True, False, True]
    np.testing.assert_allclose(found.angles[[0, 2], 0], (5, -5), atol=0.5)
    assert np.isnan(found.scales[1])


@pytest.mark.parametrize("value", [0.0, 50.0])
def test_a_mesh_shrunk_to_a_point_has_no_pose(value: float) -> None:
    """All points in one place: unknown, not an error."""
    assert not pose(np.full((1, 478, 3), value)).known.any()


def test_no_faces_give_no_rows() -> None:
    assert len(poses(Meshes.none())[0]) == 0
    assert len(poses(Meshes.none(3))[0]) == 3


def test_frames_do_not_touch_each_other() -> None:
    """The node has no memory: a frame's pose is the same alone and in a stream."""
    stream = [Meshes.of(turned((a, 0, 0))) for a in (-30, 0, 30)]
    for alone, within in zip(stream, poses(*stream), strict=True):
        np.testing.assert_array_equal(poses(alone)[0].angles, within.angles)


def test_a_wrong_model_is_refused() -> None:
    """A detector is no mesh model; an unknown name gets a hint."""
    with pytest.raises(
        ModelError, match=r"mesh\.pose: model must be a mesh model .* vidface-facedet is yunet"
    ):
        poses(Meshes.none(), model="vidface-facedet")
    with pytest.raises(ModelMissingError, match="vidface-meshmodel"):
        poses(Meshes.none(), model="vidface-meshmodl")


def _mirror_pairs() -> Any:
    """For each point the one nearest to its mirror image in the mean face, one to one."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    return linear_sum_assignment(cdist(MODEL.mean, MODEL.mean * (-1, 1, 1)))[1]
