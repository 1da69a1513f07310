"""Crops brought down and up: what is lost, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.shrink import seen_at


def test_detail_below_a_pixel_goes_and_the_mean_stays() -> None:
    """Stripes of one pixel are grey at half the side: area averaging, not picking."""
    stripes = np.zeros((2, 16, 16, 3), np.uint8)
    stripes[:, :, ::2] = 200
    out = seen_at(stripes, 8)
    assert out.shape == stripes.shape
    assert out.dtype == np.uint8
    assert np.all(out == 100)


def test_a_soft_edge_comes_back_by_the_bicubic_rule() -> None:
    """Bicubic overshoots beside an edge, as linear would not."""
    edge = np.full((1, 32, 32, 3), 50, np.uint8)
    edge[:, :, 16:] = 200
    row = seen_at(edge, 8)[0, 16, :, 0].astype(int)
    assert row.min() < 50
    assert row.max() > 200
    assert row[0] == 50
    assert row[-1] == 200


def test_crops_that_are_no_larger_stay_as_they_are() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    assert np.array_equal(seen_at(crops, 16), crops)
    assert np.array_equal(seen_at(crops, 112), crops)
    assert seen_at(crops[:0], 8).shape == (0, 16, 16, 3)


def test_what_are_no_crops_is_refused() -> None:
    with pytest.raises(ValueError, match="side"):
        seen_at(np.zeros((1, 8, 8, 3), np.uint8), 0)
    with pytest.raises(ValueError, match="crops"):
        seen_at(np.zeros((8, 8, 3), np.uint8), 4)
