"""Laying skulls on each other: exact on rigid pairs, stable where the mouth opens, sets without order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshstab import (
    all_points,
    canonical,
    common,
    features,
    motion_of,
    moved,
    scale_of,
    stable_points,
    vector_of,
    with_rest,
)

MODEL = MeshModel.load(Path(__file__).parents[2] / "models" / "vidface-meshmodel" / "model.npz")
FACE = MODEL.mean.astype(np.float64)[None]
numbers = st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6)


def talking(seed: int = 0) -> np.ndarray:
    """The mean face with another expression, 1 x 478 x 3."""
    spread = np.random.default_rng(seed).normal(0, 1.5, len(MODEL.expression_std)) * MODEL.expression_std
    return MODEL.shapes(expression=spread[None])


@given(numbers)
def test_a_vector_becomes_a_motion_and_back(vector: list[float]) -> None:
    """Axis-angle and shift survive, and the matrix is rigid."""
    matrix = motion_of([vector])
    assert matrix[0, :3, :3] @ matrix[0, :3, :3].T == pytest.approx(np.eye(3), abs=1e-9)
    assert motion_of(vector_of(matrix)) == pytest.approx(matrix, abs=1e-6)


@given(numbers)
def test_rigid_motion_is_found_exactly_by_every_method(vector: list[float]) -> None:
    """Without expression all methods agree with the truth."""
    truth = motion_of([vector])
    moving = moved(FACE, np.linalg.inv(truth))
    for found in (all_points(moving, FACE), stable_points(moving, FACE, MODEL)):
        assert moved(moving, found) == pytest.approx(FACE, abs=1e-6)
    pair = canonical(moving, FACE, MODEL)
    assert with_rest(pair, np.zeros((1, 6))) == pytest.approx(truth, abs=1e-6)
    assert pair.moving == pytest.approx(pair.reference, abs=1e-6)


def test_the_rest_is_applied_in_the_networks_coordinates() -> None:
    """A known rest, told exactly, gives the true motion, whatever the pose and scale of the pair."""
    place, truth = motion_of([(0.3, -0.2, 0.5, 4, 5, 6)]), motion_of([(0.2, 0.1, -0.3, 1, 2, 3)])
    place[:, :3, :3] *= 37
    reference = moved(FACE, place)
    moving = moved(moved(talking(), place), np.linalg.inv(truth))
    pair = canonical(moving, reference, MODEL)
    rest = vector_of(pair.there @ truth @ np.linalg.inv(pair.start) @ np.linalg.inv(pair.there))
    assert with_rest(pair, rest) == pytest.approx(truth, abs=1e-6)
    assert features(pair, MODEL).shape == (1, 2868)


def test_the_stable_points_do_not_take_speech_for_a_nod() -> None:
    """On an expression without motion they err by less than half of what all points do."""
    plain: list[float] = []
    stable: list[float] = []
    for seed in range(8):
        for found, errors in ((all_points, plain), (None, stable)):
            motion = all_points(talking(seed), FACE) if found else stable_points(talking(seed), FACE, MODEL)
            errors.append(float(np.linalg.norm(vector_of(motion)[0, :3])))
    assert np.mean(stable) < 0.5 * np.mean(plain)


def test_a_scale_is_found_only_where_asked() -> None:
    """A face twice as large: rigid keeps 1, scaled finds a half."""
    assert scale_of(stable_points(2 * FACE, FACE, MODEL))[0] == pytest.approx(1)
    assert scale_of(stable_points(2 * FACE, FACE, MODEL, scaled=True))[0] == pytest.approx(0.5)


def test_a_set_without_order_lands_on_the_first_ones_place() -> None:
    """Any order gives the same shapes on each other; meshes of other sizes work with every point."""
    rng = np.random.default_rng(3)
    motions = motion_of(rng.normal(0, 0.5, (5, 6)))
    rows = moved(np.concatenate([talking(i) for i in range(5)]), motions)
    placed = moved(rows, common(rows, MODEL)[0])
    assert placed[0] == pytest.approx(rows[0], abs=1e-9)
    spread = placed[:, MODEL.stable].std(0).mean()
    assert spread < 0.1 * rows[:, MODEL.stable].std(0).mean()
    order = np.array([0, 3, 1, 4, 2])
    again = moved(rows[order], common(rows[order], MODEL)[0])
    assert again == pytest.approx(placed[order], abs=1e-4)
    motions, reference = common(rows[:, :100], None)
    assert reference.shape == (100, 3)
    assert len(motions) == 5
