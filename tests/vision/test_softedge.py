"""Beyond the edge of a picture its colours go on softly; the picture itself stays."""

from __future__ import annotations

import numpy as np

from vidface.vision.softedge import softened

NOISE = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)


def streaked() -> np.ndarray:
    """A picture in columns 40 to 128, its left edge repeated."""
    square = NOISE.copy()
    square[:, :40] = square[:, 40:41]
    return square


def test_the_picture_stays_bit_by_bit() -> None:
    out = softened(streaked(), (40, 0, 128, 128))
    assert np.array_equal(out[:, 40:], NOISE[:, 40:])
    assert softened(NOISE, (0, 0, 128, 128)) is NOISE


def test_streaks_are_gone_far_out_and_the_brightness_is_that_of_the_edge() -> None:
    out = softened(streaked(), (40, 0, 128, 128)).astype(float)
    assert out[:, :20].std(axis=0).mean() < 0.35 * streaked()[:, :20].std(axis=0).mean()
    assert abs(out[:, :20].mean() - streaked()[:, :20].mean()) < 6


def test_it_begins_without_a_step() -> None:
    """The first pixel beyond the edge hardly differs from the one that was repeated there."""
    out = softened(streaked(), (40, 0, 128, 128)).astype(float)
    assert np.abs(out[:, 39] - NOISE[:, 40]).mean() < 8
