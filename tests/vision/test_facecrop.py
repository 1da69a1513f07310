"""Face crops: places are exact, edges go on, landmarks are steadied without lagging."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.media.pixels import frame_from_rgb
from vidface.vision.facecrop import aligned, region_of, scale_of, steady_landmarks


def ramp(width: int = 96, height: int = 64) -> np.ndarray:
    """Red grows by 2 a column, green by 2 a row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([2 * columns, 2 * rows, np.full_like(rows, 90)], 2).astype(np.uint8)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_a_crop_shows_what_lies_at_its_place(scale: float) -> None:
    """A ramp keeps its values under any interpolation, so places can be read off."""
    pixels = ramp()
    side = int(24 * scale)
    matrix = np.array([(scale, 0, -30 * scale), (0, scale, -20 * scale)])
    crop = aligned(pixels, matrix, side)
    places = (np.arange(side) + 0.5) / scale
    inner = slice(2, -2)
    assert np.abs(crop[side // 2, :, 0] - 2 * (30 + places - 0.5))[inner].max() < 1.1
    assert np.abs(crop[:, side // 2, 1] - 2 * (20 + places - 0.5))[inner].max() < 1.1


def test_a_region_is_the_frame_s_own_pixels() -> None:
    frame = frame_from_rgb(ramp(), 0, Fraction(0))
    matrix = np.array([(2.0, 0, -60), (0, 2.0, -40)])
    region = region_of(frame, matrix, 48)
    assert region is not None
    high, wide = region.pixels.shape[:2]
    whole = frame.rgb()
    assert np.array_equal(
        region.pixels, whole[region.top : region.top + high, region.left : region.left + wide]
    )
    assert np.array_equal(aligned(region.pixels, region.matrix(matrix), 48), aligned(whole, matrix, 48))


def test_a_crop_half_outside_and_one_wholly_outside() -> None:
    frame = frame_from_rgb(ramp())
    half = region_of(frame, np.array([(2.0, 0, 24), (0, 2.0, 0)]), 48)
    assert half is not None
    assert half.left == 0
    assert region_of(frame, np.array([(2.0, 0, 500), (0, 2.0, 0)]), 48) is None


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 4), st.floats(0.01, 0.2))
def test_even_motion_stays_where_it_is(speed: float, place: float, at: int, width: float) -> None:
    """Also at the ends, where only one side is known."""
    times = [0.04 * i for i in range(5)]
    points = [np.full((5, 2), place + speed * time) for time in times]
    assert np.allclose(steady_landmarks(times, points, times[at], width), points[at], atol=1e-6)


def test_trembling_becomes_less() -> None:
    rng = np.random.default_rng(0)
    times = [0.04 * i for i in range(200)]
    points = [rng.normal(0, 1, (5, 2)) for _ in times]
    calm = [
        steady_landmarks(times[max(0, i - 2) : i + 3], points[max(0, i - 2) : i + 3], times[i], 0.06)
        for i in range(200)
    ]
    assert np.std(calm) < 0.6
    assert np.array_equal(steady_landmarks(times[:3], points[:3], times[1], 0), points[1])
    assert scale_of(np.array([(0, -2.0, 5), (2.0, 0, 1)])) == pytest.approx(2)
