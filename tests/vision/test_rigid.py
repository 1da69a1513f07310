"""Fits of turns and shifts in space, and the signs of the three angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.rigid import (
    Similarity,
    angle_between,
    angles_of,
    fit_robust,
    fit_similarity,
    fit_weak_perspective,
    rotations_of,
)

RNG = np.random.default_rng(7)
SOLID = RNG.normal(size=(60, 3)) * (1, 1, 0.5)
NOSE = np.array([0.0, 0.0, -1.0])

angle_triples = st.tuples(
    st.floats(-80, 80),
    st.floats(-170, 170),
    st.floats(-179, 179),
)


def moved(angles: object, *, scale: float = 70.0, shift: tuple[float, ...] = (300, 200, -5)) -> Similarity:
    return Similarity(rotations_of(angles), np.array([scale]), np.array([shift]))


@pytest.mark.parametrize(
    ("angles", "nose"),
    [((30, 0, 0), (0.5, 0, -0.866)), ((0, 30, 0), (0, -0.5, -0.866)), ((0, 0, 30), (0, 0, -1))],
)
def test_convention_of_yaw_and_pitch(angles: tuple[float, ...], nose: tuple[float, ...]) -> None:
    """Yaw 30 turns the nose to the viewer's right, pitch 30 up (y points down), roll leaves it."""
    np.testing.assert_allclose(rotations_of(angles)[0] @ NOSE, nose, atol=1e-3)


def test_convention_of_roll() -> None:
    """Roll 30 turns what lies to the right downwards: clockwise as seen."""
    np.testing.assert_allclose(rotations_of((0, 0, 30))[0] @ (1, 0, 0), (0.866, 0.5, 0), atol=1e-3)


def test_convention_of_order() -> None:
    """R = Rz(roll) Ry(yaw) Rx(pitch)."""
    yaw, pitch, roll = (rotations_of(row)[0] for row in ((25, 0, 0), (0, -15, 0), (0, 0, 40)))
    np.testing.assert_allclose(rotations_of((25, -15, 40))[0], roll @ yaw @ pitch, atol=1e-12)


@given(angle_triples)
def test_angles_and_matrices_are_inverse(angles: tuple[float, float, float]) -> None:
    """Any yaw within 80 degrees, any pitch and roll come back."""
    rotation = rotations_of(angles)
    assert np.isclose(np.linalg.det(rotation[0]), 1)
    np.testing.assert_allclose(rotations_of(angles_of(rotation)), rotation, atol=1e-9)


def test_at_a_full_profile_the_turn_still_comes_back() -> None:
    """At yaw 90 pitch and roll are one angle: pitch is given as 0, and the matrix is the same."""
    rotation = rotations_of((90, 20, 30))
    found = angles_of(rotation)
    assert found[0, 1] == 0
    assert angle_between(rotations_of(found), rotation)[0] < 1e-5


@settings(max_examples=40)
@given(angle_triples, st.floats(0.01, 1e4))
def test_a_similarity_is_found_exactly(angles: tuple[float, float, float], scale: float) -> None:
    """Turn, scale and shift of clean points come back, whatever they were."""
    true = moved(angles, scale=scale)
    found = fit_similarity(SOLID, true.apply(SOLID))
    assert angle_between(found.rotations, true.rotations)[0] < 1e-5
    np.testing.assert_allclose(found.scales, true.scales, rtol=1e-9)
    np.testing.assert_allclose(found.shifts, true.shifts, atol=1e-6 * max(1, scale))


def test_undo_is_the_inverse_of_apply() -> None:
    true = moved((10, 20, 30))
    np.testing.assert_allclose(true.undo(true.apply(SOLID))[0], SOLID, atol=1e-12)


def test_many_fits_at_once_are_the_same_as_one_by_one() -> None:
    """Rows do not touch each other."""
    targets = np.concatenate([moved((a, -a, 2 * a)).apply(SOLID) for a in (5, 30, 60)])
    targets += RNG.normal(size=targets.shape)
    together = fit_robust(SOLID, targets).similarity
    for row, target in enumerate(targets):
        alone = fit_robust(SOLID, target[None]).similarity
        np.testing.assert_allclose(alone.rotations[0], together.rotations[row], atol=1e-12)


def test_a_mirror_image_does_not_give_a_reflection() -> None:
    """The result is a turn even where a reflection would fit better."""
    found = fit_similarity(SOLID, (SOLID * (-1, 1, 1))[None])
    assert np.isclose(np.linalg.det(found.rotations[0]), 1)


def test_points_without_weight_do_not_count() -> None:
    true = moved((20, 10, -5))
    target = true.apply(SOLID)
    target[:, :10] += 500
    weights = np.ones(60)
    weights[:10] = 0
    for found in (fit_similarity(SOLID, target, weights), fit_robust(SOLID, target, weights).similarity):
        assert angle_between(found.rotations, true.rotations)[0] < 1e-5


def test_unscaled_keeps_the_size() -> None:
    """`scaled=False` is a rigid motion."""
    found = fit_similarity(SOLID, moved((20, 0, 0)).apply(SOLID), scaled=False)
    assert found.scales[0] == 1
    assert angle_between(found.rotations, rotations_of((20, 0, 0)))[0] < 1e-5


def test_outliers_pull_the_robust_fit_less() -> None:
    """A quarter of the points one unit off: least squares is turned by degrees, the robust fit is not."""
    true = moved((15, -10, 5))
    target = true.apply(SOLID)
    target[:, :15] += (70, 0, 0)
    plain = angle_between(fit_similarity(SOLID, target).rotations, true.rotations)[0]
    robust = fit_robust(SOLID, target, steps=8)
    assert plain > 1
    assert angle_between(robust.similarity.rotations, true.rotations)[0] < 0.01
    assert robust.weights[0, :15].max() < 0.05 < robust.weights[0, 15:].min()
    assert np.isclose(robust.residuals[0], np.sqrt(15 / 60), rtol=0.01)


@settings(max_examples=25)
@given(st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.floats(-179, 179)))
def test_weak_perspective_needs_no_depth(angles: tuple[float, float, float]) -> None:
    """x and y alone give back turn, scale and shift of a known solid."""
    true = moved(angles)
    found = fit_weak_perspective(SOLID, true.apply(SOLID)[:, :, :2]).similarity
    assert angle_between(found.rotations, true.rotations)[0] < 0.1
    np.testing.assert_allclose(found.scales, true.scales, rtol=1e-3)
    np.testing.assert_allclose(found.shifts[:, :2], true.shifts[:, :2], atol=0.5)
    assert found.shifts[0, 2] == 0


def test_weak_perspective_can_be_robust() -> None:
    true = moved((15, -10, 5))
    target = true.apply(SOLID)[:, :, :2]
    target[:, :10] += 100
    off = [angle_between(fit_weak_perspective(SOLID, target, steps=n).similarity.rotations, true.rotations)[0]
           for n in (0, 8)]  # fmt: skip
    assert off[0] > 1 > 10 * off[1]


def test_the_angle_between_two_turns() -> None:
    """Same axis: the difference; also for tiny angles, where an arc cosine of the trace would give 0."""
    a, b = rotations_of([(10, 0, 0), (0, 1e-5, 0)]), rotations_of([(35, 0, 0), (0, 0, 0)])
    np.testing.assert_allclose(angle_between(a, b), (25, 1e-5), rtol=1e-6)


@pytest.mark.parametrize(
    ("source", "target", "weights", "message"),
    [
        (SOLID, SOLID, None, "n x p x 3 target points"),
        (SOLID[:5], SOLID[None], None, "as many source points"),
        (SOLID, np.full((1, 60, 3), np.nan), None, "finite"),
        (SOLID * 0, SOLID[None], None, "coincide"),
        (SOLID, SOLID[None], np.ones(5), "weights must be p or n x p"),
        (SOLID, SOLID[None], -np.ones(60), "0 or more"),
        (SOLID, SOLID[None], np.zeros(60), "above 0"),
    ],
)
def test_what_cannot_be_fitted_is_said(
    source: NDArray[np.float64], target: NDArray[np.float64], weights: object, message: str
) -> None:
    """Each wrong input has its sentence."""
    with pytest.raises(ValueError, match=message):
        fit_similarity(source, target, weights)


def test_pictures_need_plane_points() -> None:
    with pytest.raises(ValueError, match="n x p x 2"):
        fit_weak_perspective(SOLID, SOLID[None])


def test_no_rows_give_no_rows() -> None:
    """An empty frame is no error."""
    assert len(fit_robust(SOLID, np.zeros((0, 60, 3))).similarity) == 0
    assert len(fit_weak_perspective(SOLID, np.zeros((0, 60, 2))).similarity) == 0


def test_values_are_frozen() -> None:
    with pytest.raises(ValueError, match="read-only"):
        moved((0, 0, 0)).scales[0] = 2


def test_points_without_weight_do_not_widen_what_the_robust_fit_trusts() -> None:
    """With them and without them the other points count the same, to the bit of rounding."""
    target = moved((20, 10, -5)).apply(SOLID)
    target[:, :15] += (35, 0, 0)
    target[:, 20:40] += np.random.default_rng(3).normal(0, 400, (20, 3))
    weights = np.ones(60)
    weights[20:40] = 0
    counts = weights > 0
    found = fit_robust(SOLID, target, weights)
    alone = fit_robust(SOLID[counts], target[:, counts])
    np.testing.assert_allclose(found.weights[:, counts], alone.weights, atol=1e-9)
    np.testing.assert_allclose(found.residuals, alone.residuals, rtol=1e-9)
