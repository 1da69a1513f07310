"""Motion of whole pictures to a fraction of a pixel, and of parts by themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.denseflow import MotionFinder, maps

SHAPE = (240, 320)


def world(seed: int = 0) -> NDArray[np.float32]:
    soft = np.asarray(
        cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (400, 480)), (0, 0), 3), np.float32
    )
    return np.asarray(np.clip(120 + 35 * soft / soft.std(), 0, 255), np.float32)


def seen(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """The world as a camera sees it: `matrix` takes its pixels to those of the frame."""
    size = (SHAPE[1], SHAPE[0])
    return np.asarray(cv2.warpAffine(world(), matrix, size, flags=cv2.INTER_CUBIC), np.float32)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.3, 0.7), (-6.5, 3.25), (12.0, -9.0)])
@pytest.mark.parametrize("sigma", [0, 8])
def test_a_pan_is_found_to_a_fraction_of_a_pixel(shift: tuple[float, float], sigma: float) -> None:
    """The world moves by `-shift` in the frame: each place was `shift` away in the frame before."""
    rng = np.random.default_rng(1)
    before = seen(np.array([(1, 0, -60), (0, 1, -60.0)]))
    now = seen(np.array([(1, 0, -60 - shift[0]), (0, 1, -60 - shift[1])]))
    before, now = (one + rng.normal(0, sigma, SHAPE).astype(np.float32) for one in (before, now))
    shared, _ = MotionFinder(SHAPE).find(now, before)
    middle = shared[10:-10, 10:-10].reshape(-1, 2)
    assert np.abs(middle - shift).max() < (0.15 if sigma == 0 else 0.35)


def test_a_thing_that_moves_by_itself_has_its_own_motion_and_no_say_in_the_other() -> None:
    before = seen(np.array([(1, 0, -60), (0, 1, -60.0)]))
    now, thing = before.copy(), world(5)[:100, :100]
    before[60:160, 100:200] = thing
    now[60:160, 108:208] = thing
    shared, own = MotionFinder(SHAPE).find(now, before)
    assert np.abs(shared).max() < 0.3
    assert own[22:33, 32:45, 0].mean() == pytest.approx(-8, abs=1)


@pytest.mark.parametrize("level", [0, 255])
def test_pictures_without_anything_in_them_have_finite_motion(level: float) -> None:
    flat = np.full(SHAPE, level, np.float32)
    shared, own = MotionFinder(SHAPE).find(flat, flat)
    assert np.isfinite(shared).all()
    assert np.isfinite(own).all()


def test_noise_alone_has_finite_motion() -> None:
    rng = np.random.default_rng(0)
    one, two = (rng.uniform(0, 255, SHAPE).astype(np.float32) for _ in range(2))
    shared, own = MotionFinder(SHAPE).find(one, two)
    assert np.isfinite(shared).all()
    assert np.isfinite(own).all()


@pytest.mark.parametrize("shape", [(1, 1), (90, 500), (95, 95)])
def test_small_pictures_are_not_looked_at(shape: tuple[int, int]) -> None:
    assert not MotionFinder(shape).possible


def test_the_smallest_possible_picture_is() -> None:
    finder = MotionFinder((96, 96))
    assert finder.possible
    picture = world()[:96, :96]
    shared, _ = finder.find(picture, picture)
    assert np.abs(shared).max() < 0.2


def test_maps_are_in_samples_of_the_plane() -> None:
    flow = np.full((10, 16, 2), (4.0, -2.0), np.float32)
    x, y = maps(flow, (20, 32), (2, 2))
    assert x.shape == y.shape == (20, 32)
    assert x[3, 5] == 7
    assert y[3, 5] == 2
