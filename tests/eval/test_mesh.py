"""Mesh figures on hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.data.mesh import POINTS
from vidface.eval.mesh import (
    REGIONS,
    angle_errors,
    error_table,
    mesh_jitter,
    point_errors,
    transform_errors,
)


def mesh() -> np.ndarray:
    """1 x 478 x 3 with the eyes' middles 50 px apart."""
    points = np.random.default_rng(0).uniform(0, 100, (1, POINTS, 3))
    points[0, [33, 133], :2] = (20, 40), (30, 40)
    points[0, [362, 263], :2] = (70, 40), (80, 40)
    return points


def test_an_error_is_a_share_of_the_inter_ocular_distance() -> None:
    """All points 1 px aside with eyes 50 px apart: 2 percent everywhere, depth left out."""
    moved = mesh() + np.array((0.6, 0.8, 9))
    assert point_errors(moved, mesh()) == pytest.approx(np.full((1, POINTS), 2.0))
    assert error_table(moved, mesh()) == pytest.approx(dict.fromkeys(("all", *REGIONS), 2.0))


def test_what_was_not_measured_is_left_out() -> None:
    """NaN rows do not count; nothing but NaN gives NaN, not nought."""
    both = np.concatenate([mesh(), mesh()])
    found = both + np.array((1, 0, 0))
    found[1] = np.nan
    assert error_table(found, both)["all"] == pytest.approx(2.0)
    assert math.isnan(error_table(found[1:], both[1:])["all"])
    with pytest.raises(ValueError, match="478"):
        point_errors(both[:, :468], both[:, :468])


def test_jitter_is_blind_to_steady_motion() -> None:
    """A mesh that glides has no jitter; one that trembles by 1 px has 8 percent at 50 px."""
    glide = np.concatenate([mesh() + np.array((2 * i, i, 0)) for i in range(6)])
    assert mesh_jitter(glide) == pytest.approx(0, abs=1e-9)
    shake = np.concatenate([mesh() + np.array(((-1) ** i, 0, 0)) for i in range(6)])
    assert mesh_jitter(shake) == pytest.approx(8)
    assert math.isnan(mesh_jitter(shake[:2]))


def test_angles_are_compared_the_short_way() -> None:
    """179 and -179 degrees are two degrees apart."""
    assert angle_errors([[179, 0, 1]], [[-179, 5, -1]]).tolist() == [2, 5, 2]
    assert np.isnan(angle_errors([[np.nan] * 3], [[0, 0, 0]])).all()


def test_transform_errors_by_hand() -> None:
    """A turn by 0.01 degrees is not lost in the arc cosine; a shift of 1 at a unit of 20 is 5 percent."""
    turn = math.radians(0.01)
    found, wanted = np.eye(4)[None].copy(), np.eye(4)[None].copy()
    found[0, :2, :2] = [(math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))]
    found[0, :3, 3] = (0.6, 0.8, 0)
    degrees, percent = transform_errors(found, wanted, unit=20)
    assert degrees == pytest.approx(0.01, rel=1e-6)
    assert percent == pytest.approx(5)
    assert math.isnan(transform_errors(found * np.nan, wanted, unit=1)[0])
