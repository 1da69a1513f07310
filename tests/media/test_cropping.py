"""Crops: by the formula to the half pixel, and the same bytes whichever way they are made."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.conftest import Maker
from tests.media.make_clips import noise, read, smooth
from vidface.media.cropping import convert_region
from vidface.media.orient import Turn
from vidface.media.pixels import AvPixels, frame_from_rgb


def reference_crop(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    """Bilinear sampling by the formula, pixel centres at (0.5, 0.5), black outside."""
    width, height = size
    full = np.vstack([matrix, (0, 0, 1)])
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points = np.linalg.inv(full) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    px, py = points[0] - 0.5, points[1] - 0.5
    padded = np.pad(rgb.astype(float), ((1, 1), (1, 1), (0, 0)))
    x0, y0 = np.floor(px).astype(int), np.floor(py).astype(int)
    out = np.zeros((x.size, 3))
    for dx in (0, 1):
        for dy in (0, 1):
            weight = (1 - np.abs(px - x0 - dx)) * (1 - np.abs(py - y0 - dy))
            cx, cy = np.clip(x0 + dx + 1, 0, rgb.shape[1] + 1), np.clip(y0 + dy + 1, 0, rgb.shape[0] + 1)
            out += weight[:, None] * padded[cy, cx]
    return out.reshape(height, width, 3)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, -10.0], [0, 1, -6]],
        [[1, 0, -10.5], [0, 1, -6.25]],
        [[1.5, 0.4, -30], [-0.4, 1.5, 20]],
        [[0.9, -0.3, 4], [0.3, 0.9, -3]],
        [[1, 0, 20], [0, 1, 30]],
    ],
)
def test_convention_crop_against_the_formula(matrix: list[list[float]]) -> None:
    """Shifts, halves of pixels, turns, growth and edges agree with plain bilinear sampling."""
    rgb = smooth()
    affine = np.array(matrix, float)
    got = frame_from_rgb(rgb).crop(affine, (40, 32))
    wanted = reference_crop(rgb, affine, (40, 32))
    assert np.abs(got - wanted).mean() < 0.8
    assert np.abs(got - wanted).max() < 6


def test_convention_shrinking_crop_averages() -> None:
    """A crop at a quarter of the size shows the mean of each 4 x 4 block: nothing is skipped."""
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 255, (64, 96, 3)).astype(np.uint8)
    got = frame_from_rgb(rgb).crop(np.array([[0.25, 0, 0], [0, 0.25, 0]]), (24, 16))
    wanted = rgb.reshape(16, 4, 24, 4, 3).mean((1, 3))
    assert np.abs(got - wanted).max() <= 1


def test_crop_outside_is_black_and_bad_matrices_are_refused() -> None:
    """Far away there is nothing; a matrix without inverse is a mistake."""
    frame = frame_from_rgb(smooth())
    assert frame.crop(np.array([[1.0, 0, 5000], [0, 1, 0]]), (8, 8)).max() == 0
    with pytest.raises(ValueError, match="invertible"):
        frame.crop(np.zeros((2, 3)), (8, 8))
    with pytest.raises(ValueError, match="invertible"):
        frame.crop(np.full((2, 3), np.nan), (8, 8))


@pytest.mark.parametrize(
    "region", [(0, 0, 64, 64), (2, 4, 60, 50), (30, 10, 96, 64), (16, 16, 18, 18), (6, 2, 42, 34)]
)
def test_a_converted_region_equals_the_whole(region: tuple[int, int, int, int]) -> None:
    """8-bit 4:2:0: which of the two ways made a crop cannot be seen, so order and threads cannot matter."""
    frame = noise()
    pixels = AvPixels(frame)
    x1, y1, x2, y2 = region
    assert np.array_equal(convert_region(frame, region), pixels.rgb()[y1:y2, x1:x2])


@pytest.mark.parametrize("name", ["yuv420p10le", "yuv422p10le"])
def test_parts_and_copies_of_a_decoded_deep_picture_have_its_colours(clip: Maker, name: str) -> None:
    """A decoder says where chroma lies, which swscale heeds above 8 bits and no copy can be told."""
    path = clip("deep.mp4", pixel_format=name, pts=(0,))
    frame = read(path)[0]
    width, height = frame.size
    whole = frame.rgb()
    still = np.eye(2, 3)
    assert np.ptp(whole[height // 3], axis=0).max() > 100  # there are colours that could shift
    assert np.array_equal(frame.crop(still, frame.size), whole)
    painted = AvPixels.of(frame).painted(lambda _planes: None)
    assert np.array_equal(painted.rgb(), whole)
    assert np.array_equal(painted.bgr(width // 2), frame.bgr(width // 2))
    turned = AvPixels(next(av.open(str(path)).decode(video=0)), turn=Turn(True, True, False))
    assert np.array_equal(turned.crop(still, (height, width)), turned.rgb())


@pytest.mark.parametrize("size", [(96, 64), (97, 63)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p10le", "nv12", "bgra", "gray"])
@pytest.mark.parametrize("turn", [Turn(), Turn(True, True, False), Turn(False, True, True), Turn(True)])
def test_a_crop_is_the_same_whoever_asked_before(name: str, turn: Turn, size: tuple[int, int]) -> None:
    """With or without other forms and crops made first, upright or turned: the same bytes."""
    matrix = np.array([[1.1, 0.2, -12], [-0.2, 1.1, -2]])
    alone = AvPixels(noise(name, size), turn=turn)
    crowded = AvPixels(noise(name, size), turn=turn)
    crowded.rgb()
    for _ in range(20):
        crowded.crop(matrix, (48, 48))
    assert np.array_equal(alone.crop(matrix, (32, 32)), crowded.crop(matrix, (32, 32)))
