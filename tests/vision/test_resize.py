"""Resizing keeps every point where it belongs, whatever the factor."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.resize import resize


def centre_of_light(image: NDArray[np.float32]) -> tuple[float, float]:
    """Centroid in pixels, the first pixel's centre at (0.5, 0.5)."""
    rows, columns = np.indices(image.shape) + 0.5
    return float((image * columns).sum() / image.sum()), float((image * rows).sum() / image.sum())


@settings(max_examples=60)
@given(width=st.integers(20, 300), height=st.integers(20, 300))
def test_convention_edges_stay_where_they_are(width: int, height: int) -> None:
    """A patch's centre moves by the factor alone: no half pixel is lost, shrinking or growing."""
    picture = np.zeros((100, 120), np.float32)
    picture[30:70, 20:80] = 1
    x, y = centre_of_light(resize(picture, (width, height)))
    assert x == pytest.approx(50 * width / 120, abs=0.1)
    assert y == pytest.approx(50 * height / 100, abs=0.1)


def test_shrinking_averages_areas() -> None:
    """Nothing is skipped: a fine checkerboard becomes even grey."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small = resize(board, (16, 16))
    assert small.min() >= 127
    assert small.max() <= 128


def test_an_axis_that_shrinks_is_averaged_though_the_other_grows() -> None:
    """OpenCV's own area mode would pick single columns here."""
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 32))
    changed = resize(stripes, (16, 32))
    assert changed.shape == (32, 16)
    assert changed.min() >= 127
    assert changed.max() <= 128


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_type_channels_and_flat_colour_survive(dtype: type) -> None:
    """A flat picture stays flat, in its own dtype."""
    flat: NDArray[Any] = np.full((10, 14, 3), 77, dtype)
    for size in ((7, 5), (28, 20), (1, 1), (3, 40)):
        changed = resize(flat, size)
        assert changed.dtype == dtype
        assert changed.shape == (size[1], size[0], 3)
        np.testing.assert_allclose(changed, 77)


def test_same_size_is_the_same_array() -> None:
    """Nothing is copied where nothing changes."""
    picture = np.zeros((4, 6), np.uint8)
    assert resize(picture, (6, 4)) is picture


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, 4)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    """The message names both sizes."""
    with pytest.raises(ValueError, match="cannot scale a 6 x 4 picture"):
        resize(np.zeros((4, 6), np.uint8), size)
    with pytest.raises(ValueError, match="cannot scale"):
        resize(np.zeros((0, 6), np.uint8), (2, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_third_of_each_side_is_opencvs_area_mean_to_the_bit(channels: int) -> None:
    """Every sum that nine pixels can have, and noise in a view that is not contiguous."""
    sums = np.arange(9 * 255 + 1)
    nine = np.minimum(np.maximum(sums[:, None] - 255 * np.arange(9), 0), 255).astype(np.uint8)
    every = nine.reshape(-1, 3, 3).transpose(1, 0, 2).reshape(3, -1)
    noise = np.random.default_rng(1).integers(0, 256, (97, 130, channels), np.uint8)[2:92, 5:125]
    for picture in (np.repeat(every[..., None], channels, axis=2), noise):
        size = (picture.shape[1] // 3, picture.shape[0] // 3)
        wanted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
        assert (resize(picture, size).reshape(wanted.shape) == wanted).all()
