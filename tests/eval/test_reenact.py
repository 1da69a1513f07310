"""Figures of animated faces against values worked out by hand, and against made meshes of known motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.eval.reenact import (
    Shown,
    expression_correlation,
    expression_error,
    following,
    keypoint_errors,
    l1,
    lost_share,
    pose_errors,
    shown,
    turned_from,
)
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import rotations_of


@pytest.fixture(scope="module")
def model(repo: Path) -> MeshModel:
    return MeshModel.load(repo / "models" / "vidface-meshmodel" / "model.npz")


def meshes(model: MeshModel, angles: Any, expression: Any, *, identity: float = 0.0) -> NDArray[np.float64]:
    """Faces of 60 px between the eyes around (128, 128), turned and moved as told."""
    turned = rotations_of(angles)
    who = np.zeros((len(turned), len(model.identity)))
    who[:, 0] = identity * model.identity_std[0]
    shapes = model.shapes(who, expression)
    return np.asarray(60 * shapes @ turned.transpose(0, 2, 1) + (128, 128, 0))


def courses(model: MeshModel, frames: int = 20, *, seed: int = 3) -> NDArray[np.float64]:
    """Expressions that swing, each coefficient at its own pace."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames)[:, None]
    paces, starts = rng.uniform(0.2, 1.2, (2, 1, len(model.expression)))
    return np.asarray(np.sin(paces * times + 6 * starts) * model.expression_std * 0.8)


def test_l1_counts_in_units_of_white() -> None:
    """Half the pixels differ by 51 of 255: 0.1; of those alone 0.2; nothing counted is not known."""
    wanted = np.zeros((2, 2, 3), np.uint8)
    found = wanted.copy()
    found[0] = 51
    assert l1(found, wanted) == pytest.approx(0.1)
    assert l1(wanted, found) == pytest.approx(0.1)
    assert l1(found, wanted, np.array([[True, True], [False, False]])) == pytest.approx(0.2)
    assert np.isnan(l1(found, wanted, np.zeros((2, 2), bool)))
    with pytest.raises(ValueError, match="h x w x channels"):
        l1(found[0], wanted)


def test_akd_in_both_conventions() -> None:
    """Off by (3, 4): 5 px, and 3.5 px a coordinate. Depth does not count, nor do frames without a face."""
    wanted = np.zeros((2, 4, 3))
    found = wanted + np.array([3, -4, 100])
    found[1] = np.nan
    assert keypoint_errors(found, wanted) == pytest.approx((5, 3.5))
    assert np.isnan(keypoint_errors(found[1:], wanted[1:])).all()


def test_frames_without_a_face_are_counted() -> None:
    rows = np.zeros((4, 5, 2))
    rows[2, 3] = np.nan
    assert lost_share(rows) == 0.25
    assert np.isnan(lost_share(rows[:0]))


def test_pose_errors_are_those_that_were_made(model: MeshModel) -> None:
    """12 degrees more yaw and nothing else: 12 degrees in all; the identity does not matter."""
    still = np.zeros((6, len(model.expression)))
    base = np.column_stack([np.linspace(-20, 20, 6), np.full(6, 5), np.linspace(0, 10, 6)])
    wanted = shown(meshes(model, base, still), model)
    found = shown(meshes(model, base + np.array([12, 0, 0]), still, identity=1.5), model)
    errors = pose_errors(found, wanted)
    assert errors["pose_deg"] == pytest.approx(12, abs=1)
    assert errors["yaw_deg"] == pytest.approx(12, abs=1)
    assert errors["pitch_deg"] < 1
    assert errors["roll_deg"] < 1
    assert np.abs(wanted.angles - base).max() < 1


def test_turns_counted_from_a_rest(model: MeshModel) -> None:
    """Two heads that look 10 degrees apart all the time turn alike."""
    still = np.zeros((4, len(model.expression)))
    base = np.column_stack([np.linspace(0, 15, 4), np.zeros(4), np.zeros(4)])
    one, other = (shown(meshes(model, base + np.array([way, 0, 0]), still), model) for way in (0, 10))
    assert pose_errors(one, other)["pose_deg"] == pytest.approx(10, abs=0.5)
    counted = (turned_from(each, each.rotations[0]) for each in (one, other))
    assert pose_errors(*counted)["pose_deg"] < 0.5


def test_a_turn_across_the_seam_is_small(model: MeshModel) -> None:
    """From a roll of 179 to one of -179 degrees it is 2 and not 358."""
    nothing = np.zeros((1, len(model.expression)))
    here, there = (shown(meshes(model, [(0, 0, roll)], nothing), model) for roll in (179, -179))
    assert pose_errors(here, there)["roll_deg"] == pytest.approx(2, abs=0.5)


def test_the_same_expression_on_another_face(model: MeshModel) -> None:
    """Follows fully; the reverse motion is told by its sign, other motion is far from both."""
    course = courses(model)
    turns = np.zeros((len(course), 3))
    wanted = shown(meshes(model, turns, course), model)
    same = shown(meshes(model, turns + np.array([15, 0, 0]), course, identity=1.5), model)
    reverse = shown(meshes(model, turns, -course), model)
    other = shown(meshes(model, turns, courses(model, seed=8)), model)
    assert expression_correlation(same, wanted) > 0.95
    assert expression_correlation(reverse, wanted) < -0.9
    assert abs(expression_correlation(other, wanted)) < 0.5
    assert expression_error(wanted, wanted) == 0
    assert expression_error(same, wanted) < expression_error(other, wanted) / 3


def test_expression_error_is_the_way_of_the_points(model: MeshModel) -> None:
    """Known coefficients, no fit: the root mean square way of 478 points, percent of the eyes' distance."""
    size = len(model.expression)
    nothing = Shown(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, size)), np.zeros(1), np.zeros(1))
    moved = nothing._replace(expression=np.eye(size)[:1] * 0.7)
    ways = model.shapes(None, moved.expression) - model.shapes(None, nothing.expression)
    wanted = 100 * float(np.sqrt((ways**2).sum(-1).mean()))
    assert expression_error(moved, nothing) == pytest.approx(wanted, rel=1e-4)


def test_a_picture_that_does_not_move_follows_nothing(model: MeshModel) -> None:
    """0 and not unknown, as the driver moves; where the driver rests nothing can be said."""
    course = courses(model)
    turns = np.zeros((len(course), 3))
    moving = shown(meshes(model, turns, course), model)
    resting = shown(meshes(model, turns, course[:1].repeat(len(course), 0)), model)
    assert expression_correlation(resting, moving) == 0
    assert np.isnan(expression_correlation(moving, resting))
    assert following(resting.eyes, moving.eyes) == 0
    assert np.isnan(following(moving.eyes, resting.eyes))


def test_following_is_pearson_over_known_frames() -> None:
    """By hand; scale and offset do not matter; small noise of a still driver counts as nothing."""
    wanted = np.array([0.0, 1, 2, 3, np.nan])
    assert following([5.0, 7, 9, 11, 0], wanted) == pytest.approx(1)
    assert following([3.0, 2, 1, 0, 9], wanted) == pytest.approx(-1)
    assert following([0.0, 1, 0, 1, 0], wanted) == pytest.approx(1 / np.sqrt(5))
    assert np.isnan(following([0.0, np.nan, np.nan, 1, 1], wanted))
    assert np.isnan(following([0.0, 1, 2], [0.3, 0.301, 0.302], least=0.01))


def test_frames_without_a_mesh_stay_unknown_and_do_not_crash(model: MeshModel) -> None:
    """The faults of scripts that skip or crash: their rows are NaN, the others as without them."""
    course = courses(model, 8)
    rows = meshes(model, np.zeros((8, 3)), course)
    whole = shown(rows, model)
    rows[2] = np.nan
    holed = shown(rows, model)
    assert np.isnan(holed.eyes[2])
    assert np.isnan(holed.angles[2]).all()
    keep = np.arange(8) != 2
    np.testing.assert_allclose(holed.angles[keep], whole.angles[keep], atol=0.5)
    assert pose_errors(holed, whole)["pose_deg"] < 0.5
    assert expression_correlation(holed, whole) > 0.98
    nobody = shown(np.full((3, 478, 3), np.nan), model)
    assert np.isnan(pose_errors(nobody, nobody)["pose_deg"])
    assert np.isnan(expression_error(nobody, nobody))
    assert np.isnan(expression_correlation(nobody, nobody))


def test_openings_rise_with_the_mouth(model: MeshModel) -> None:
    """Lips pulled apart in the mesh itself open the mouth and leave the eyes."""
    rows = meshes(model, np.zeros((4, 3)), np.zeros((4, len(model.expression))))
    lower = [17, 14, 87, 317, 178, 402, 88, 318, 95, 324]
    for place, way in enumerate((0, 4, 8, 12)):
        rows[place, lower, 1] += way
    seen = shown(rows, model)
    assert (np.diff(seen.mouth) > 0.03).all()
    assert np.ptp(seen.eyes) < 0.02
