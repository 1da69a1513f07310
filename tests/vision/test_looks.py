"""Fusion of looks: robust, weighted, bounded."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.looks import Looks, fuse, weights_of

RNG = np.random.default_rng(0)


def near(centre: np.ndarray, count: int, noise: float) -> np.ndarray:
    rows = centre + RNG.standard_normal((count, len(centre))) * noise / np.sqrt(len(centre))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def unit(number: int) -> np.ndarray:
    vector = np.random.default_rng(number).standard_normal(64)
    return np.asarray(vector / np.linalg.norm(vector))


def test_without_rounds_it_is_the_weighted_mean() -> None:
    rows = np.array([[1.0, 0], [0, 1.0]])
    np.testing.assert_allclose(fuse(rows, [3, 1], rounds=0), np.array([3, 1]) / np.sqrt(10), rtol=1e-6)


def test_a_few_looks_of_somebody_else_hardly_move_it() -> None:
    """Three strangers in fifteen looks: the robust vector stays nearer to the person than the mean."""
    rows = np.vstack([near(unit(1), 12, 0.5), near(unit(2), 3, 0.1)])
    assert fuse(rows) @ unit(1) > fuse(rows, rounds=0) @ unit(1) + 0.005
    assert fuse(rows) @ unit(1) > 0.97


def test_weight_zero_and_nan_do_not_count() -> None:
    rows = np.vstack([near(unit(1), 4, 0.2), -near(unit(1), 2, 0.2)])
    clean = fuse(rows[:4])
    np.testing.assert_allclose(fuse(rows, [1, 1, 1, 1, 0, np.nan]), clean, atol=1e-6)


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.zeros((3, 4))])
def test_nothing_fused_is_zeros(rows: np.ndarray) -> None:
    assert not fuse(rows).any()


def test_only_the_best_are_kept_but_all_are_counted() -> None:
    looks = Looks(room=4)
    for i, row in enumerate(near(unit(1), 10, 0.2)):
        looks.add(row.astype(np.float32), (i + 1) / 10, frame=i)
    assert sorted(looks.frames) == [6, 7, 8, 9]
    assert looks.seen == 10
    assert not looks.add(unit(1).astype(np.float32), 0.1, 11)
    assert not looks.add(unit(1).astype(np.float32), 0.0, 12)
    assert looks.evidence == pytest.approx(0.7 + 0.8 + 0.9 + 1.0)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_a_look_without_a_weight_is_not_kept(weight: float) -> None:
    looks = Looks()
    assert not looks.add(unit(1).astype(np.float32), weight, 0)
    assert (looks.seen, looks.best, len(looks.vectors)) == (0, 0.0, 0)


def test_supporting_frames_are_those_that_speak_most_for_the_person() -> None:
    looks = Looks()
    for frame, (row, weight) in enumerate([(unit(1), 0.5), (unit(2), 0.9), (unit(1), 0.8)]):
        looks.add(row.astype(np.float32), weight, frame)
    assert looks.supporting(unit(1), 2) == (2, 0)


def test_joined_looks_count_together() -> None:
    one, two = Looks(room=3), Looks(room=3)
    for frame, row in enumerate(near(unit(1), 3, 0.1)):
        one.add(row.astype(np.float32), 0.5, frame)
        two.add(row.astype(np.float32), 0.9, frame + 10)
    one.join(two)
    assert one.seen == 6
    assert sorted(one.frames) == [10, 11, 12]


def test_what_is_not_known_weighs_one_half() -> None:
    np.testing.assert_allclose(weights_of([0.8, np.nan], [0.5, np.nan]), [0.4, 0.25])
    np.testing.assert_allclose(weights_of([0.8, np.nan]), [0.8, 0.5])


def test_trimming_keeps_the_best_in_their_order() -> None:
    looks = Looks()
    for frame, weight in enumerate((0.2, 0.9, 0.5, 0.7)):
        looks.add(np.eye(4, dtype=np.float32)[frame], weight, frame)
    assert looks.fused[0] > 0
    looks.trim(2)
    assert (looks.frames, looks.weights, looks.seen, looks.best) == ([1, 3], [0.9, 0.7], 4, 0.9)
    assert looks.fused[0] == 0
    looks.trim(9)
    assert looks.frames == [1, 3]
