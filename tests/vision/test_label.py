"""The visible label: readable at every size, nothing touched outside its corner."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vidface.media.pixels import frame_from_rgb
from vidface.vision.label import Label


def noise(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A restless picture."""
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(426, 240), (240, 426), (1280, 720), (3840, 2160), (641, 361)])
def test_it_is_readable_and_stays_in_its_corner(size: tuple[int, int]) -> None:
    """Letters of at least 9 pixels and of 1/36 of the height; less than 4 % of the picture."""
    width, height = size
    frame = frame_from_rgb(noise(width, height), 0, Fraction(0))
    before, after = frame.planes(), frame.painted(Label().burn).planes()
    rows, columns = np.nonzero(before.luma != after.luma)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert tall >= max(9, min(size) / 36)
    assert tall * wide < 0.04 * width * height
    assert rows.min() > height / 2
    inside = after.luma[rows.min() : rows.max(), columns.min() : columns.max()]
    assert (inside < 40).mean() > 0.1
    assert (inside > 200).mean() > 0.4
    sx, sy = before.subsampling
    for one, other in ((before.u, after.u), (before.v, after.v)):
        low, left = np.nonzero(one != other)
        assert low.min() >= rows.min() // sy
        assert left.min() >= columns.min() // sx


@pytest.mark.parametrize("size", [(426, 240), (201, 113), (64, 48)])
def test_rgb_pictures_get_the_same_tag(size: tuple[int, int]) -> None:
    """Same place as on planes, dark letters on a light ground."""
    width, height = size
    picture = noise(width, height)
    after = picture.copy()
    Label().burn_rgb(after)
    rows, columns, _ = np.nonzero(picture != after)
    frame = frame_from_rgb(picture, 0, Fraction(0))
    luma = frame.planes().luma != frame.painted(Label().burn).planes().luma
    there = np.nonzero(luma)
    assert abs(int(rows.min()) - int(there[0].min())) <= 1
    assert abs(int(columns.max()) - int(there[1].max())) <= 1
    assert after[rows.min() : rows.max(), columns.min() : columns.max()].min() < 20


def test_small_pictures_get_less_or_nothing() -> None:
    """ "AI" where the whole does not fit; nothing in a stamp."""
    label = Label()
    assert label.fits((64, 48))
    assert not label.fits((16, 16))
    stamp = noise(16, 16)
    after = stamp.copy()
    label.burn_rgb(after)
    assert np.array_equal(stamp, after)
    frame = frame_from_rgb(stamp, 0, Fraction(0))
    assert np.array_equal(frame.painted(label.burn).planes().luma, frame.planes().luma)
