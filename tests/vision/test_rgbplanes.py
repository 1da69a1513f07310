"""A picture written into planes and read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vidface.data import Frame, Planes
from vidface.media.pixels import frame_from_rgb
from vidface.vision.rgbplanes import fill_planes


def smooth(high: int, wide: int) -> Any:
    """Soft colours over the whole range."""
    y, x = np.mgrid[0:high, 0:wide]
    return np.dstack([x * 255 / wide, y * 255 / high, 255 - x * 255 / wide]).astype(np.uint8)


def filled(rgb: Any, *, left: int = 0, top: int = 0) -> Frame:
    """A grey frame of 64 x 48 with a picture in it."""
    grey = frame_from_rgb(np.full((48, 64, 3), 128, np.uint8), 0)
    return grey.painted(lambda planes: fill_planes(planes, rgb, left=left, top=top))


def test_a_picture_comes_back() -> None:
    """But for what codes and halved chroma take away."""
    rgb = smooth(48, 64)
    apart = np.abs(filled(rgb).rgb().astype(int) - rgb)[2:-2, 2:-2]
    assert apart.mean() < 2.5
    assert apart.max() <= 9


def test_a_piece_leaves_the_rest_alone() -> None:
    """Bit by bit."""
    before = frame_from_rgb(np.full((48, 64, 3), 128, np.uint8), 0).planes()
    after = filled(smooth(16, 20), left=8, top=4).planes()
    assert (after.luma[:4] == before.luma[:4]).all()
    assert (after.luma[:, 28:] == before.luma[:, 28:]).all()
    assert (after.u[10:] == before.u[10:]).all()


@pytest.mark.parametrize(("left", "top"), [(1, 0), (0, 40), (60, 0)])
def test_what_does_not_fit_is_refused(left: int, top: int) -> None:
    """Off the chroma grid, or beyond the planes."""
    with pytest.raises(ValueError, match="does not fit"):
        filled(smooth(16, 20), left=left, top=top)


@pytest.mark.parametrize(("bits", "full"), [(8, True), (10, False), (10, True)])
def test_depth_and_range_are_honoured(bits: int, full: bool) -> None:
    """White and black are the codes of the range."""
    kind = np.uint8 if bits == 8 else np.uint16
    planes = Planes(
        np.zeros((4, 4), kind), np.zeros((4, 4), kind), np.zeros((4, 4), kind), bits=bits, full_range=full
    )
    fill_planes(planes, np.repeat(np.array([[[0] * 3, [255] * 3]], np.uint8), 2, axis=1).repeat(4, axis=0))
    step = 1 << (bits - 8)
    ends = (0, (1 << bits) - 1) if full else (16 * step, 235 * step)
    assert (int(planes.luma[0, 0]), int(planes.luma[0, 3])) == ends
    assert (planes.u == 128 * step).all()
