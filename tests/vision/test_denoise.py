"""One plane: noise measured, the past judged, averages and smoothing as their formulas say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidface.vision.denoise import Past, Plane, averaged, better_of, change_level, fit, noise_level, smoothed


def noise(sigma: float, *, seed: int = 0, shape: tuple[int, int] = (200, 300)) -> Plane:
    return np.asarray(np.random.default_rng(seed).normal(0, sigma, shape), np.float32)


def scene(shape: tuple[int, int] = (200, 300)) -> Plane:
    """A gradient with soft texture and edges over two thirds of it."""
    rows = np.linspace(60, 180, shape[0], dtype=np.float32)[:, None] * np.ones((1, shape[1]), np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise(1, seed=3, shape=shape), (0, 0), 2))
    rows[:, 100:] += (15 * soft / soft.std())[:, 100:]
    rows[50:90, 150:250] += 40
    return rows


@settings(max_examples=20)
@given(sigma=st.floats(0.8, 25), seed=st.integers(0, 1000))
def test_noise_is_measured_to_a_tenth(sigma: float, seed: int) -> None:
    """On a picture with texture and edges, of white noise."""
    level = noise_level(scene() + noise(sigma, seed=seed))
    assert level == pytest.approx(sigma, rel=0.1, abs=0.15)


def test_a_clean_picture_has_none() -> None:
    assert noise_level(np.rint(scene())) < 0.4


def test_clipped_parts_do_not_hide_noise() -> None:
    """Half of the picture is black bars without noise."""
    picture = scene() + noise(8)
    picture[:, :180] = 16
    assert noise_level(picture) == pytest.approx(8, rel=0.12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (3, 200), (31, 31)])
def test_small_pictures_have_a_level(shape: tuple[int, int]) -> None:
    assert np.isfinite(noise_level(noise(5, shape=shape)))
    assert np.isfinite(change_level(noise(5, shape=shape), Past.of(noise(5, seed=1, shape=shape))))


@pytest.mark.parametrize("blur", [0.0, 1.0])
@pytest.mark.parametrize("frames", [1, 4])
def test_the_change_tells_coarse_noise_from_a_single_past_and_from_a_mean(frames: int, blur: float) -> None:
    def one(seed: int) -> Plane:
        values = noise(1, seed=seed)
        soft = np.asarray(cv2.GaussianBlur(values, (0, 0), blur)) if blur else values
        return np.asarray(scene() + 6 * soft / soft.std(), np.float32)

    mean = np.mean([one(s) for s in range(1, frames + 1)], axis=0).astype(np.float32)
    past = Past(mean, np.full_like(mean, frames))
    assert change_level(one(0), past) == pytest.approx(6, rel=0.12)


def test_the_same_scene_under_noise_fits_and_a_shifted_one_does_not() -> None:
    now, past = scene() + noise(5), Past.of(scene() + noise(5, seed=1))
    assert fit(now, past, 5).mean() > 0.8
    assert (fit(now, past, 5) < 0.5).mean() < 0.1
    edge = np.roll(past.mean, 12, axis=1)
    fits = fit(now, Past.of(edge), 5)
    assert fits[55:85, 151:161].max() == 0


def test_a_faint_step_over_many_pixels_does_not_fit() -> None:
    """One and a half times the noise: hardly seen on a pixel, but plain on a box."""
    now, past = noise(5) + 100, Past.of(noise(5, seed=1) + 107.5)
    assert fit(now, past, 5).mean() < 0.1


def test_where_the_past_does_not_fit_the_present_is_taken_whole() -> None:
    now, past = scene(), Past(scene() + 50, np.full((200, 300), 8, np.float32))
    after = averaged(now, past, np.zeros_like(now), 10)
    assert np.abs(after.mean - now).max() < 1e-4
    assert (after.count == 1).all()


def test_counts_grow_to_the_longest_and_the_mean_is_a_mean() -> None:
    frames = [noise(5, seed=s) for s in range(12)]
    past = Past.of(frames[0])
    for i, frame in enumerate(frames[1:5], start=2):
        past = averaged(frame, past, np.ones_like(frame), 6)
        assert (past.count == i).all()
    assert np.abs(past.mean - np.mean(frames[:5], axis=0)).max() < 1e-4
    for frame in frames[5:]:
        past = averaged(frame, past, np.ones_like(frame), 6)
    assert past.count.max() == 6


def test_of_two_pasts_the_one_that_fits_is_taken() -> None:
    one, two = Past.of(np.zeros((4, 4), np.float32)), Past.of(np.ones((4, 4), np.float32))
    fits = np.tile(np.array([0, 1], np.float32), (4, 2))
    past, best, second = better_of(one, fits, two, 1 - fits)
    assert (best == 1).all()
    assert (past.mean == 1 - fits).all()
    assert (second == (fits == 0)).all()


def test_what_moves_comes_along() -> None:
    picture = scene()
    past = Past(picture, np.full_like(picture, 3))
    y, x = np.mgrid[:200, :300].astype(np.float32)
    moved = past.moved((x - 4, y + 2))
    assert np.abs(moved.mean[10:-10, 10:-10] - picture[12:-8, 6:-14]).max() < 1e-3
    assert (moved.count == 3).all()


def test_smoothing_takes_noise_and_leaves_what_is_larger() -> None:
    picture = scene() + noise(8)
    out = smoothed(picture, 1.3 * 64)
    before, after = (float(np.square(one - scene()).mean()) for one in (picture, out))
    assert after < before / 3
    edge = out[55:85, 152:158].mean() - out[55:85, 140:147].mean()
    wanted = scene()[55:85, 152:158].mean() - scene()[55:85, 140:147].mean()
    assert edge == pytest.approx(wanted, rel=0.15)


def test_without_noise_nothing_is_smoothed() -> None:
    assert np.abs(smoothed(scene(), 0.0) - scene()).max() < 0.05
