"""Squares around heads hold what a portrait shows, in one picture and over a clip."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.headsquare import square_around, square_around_all
from vidface.vision.meshcrop import to_crop

SIDE = 256


def head(at: float = 128) -> NDArray[np.float32]:
    """Points over 80 x 100 pixels, from the brow at 78 to the chin at 178."""
    x, y = np.meshgrid(np.linspace(-40, 40, 9), np.linspace(78, 178, 11))
    return np.column_stack([x.ravel() + at, y.ravel(), 0.5 * x.ravel()]).astype(np.float32)


def test_a_head_is_as_large_as_the_room_leaves_it() -> None:
    """1 / 2.3 of the side, a tenth of its height below the middle."""
    there = to_crop(head(), square_around(head(), SIDE))
    assert np.ptp(there[:, 1]) == pytest.approx(SIDE / 2.3)
    assert there[:, 1].mean() - SIDE / 2 == pytest.approx(0.1 * SIDE / 2.3, abs=1e-3)
    assert there[:, 0].mean() == pytest.approx(SIDE / 2, abs=1e-3)


def test_a_head_that_walks_stays_in_the_square_of_its_clip() -> None:
    """Every point of every mesh lies inside, with room for the hair above."""
    meshes = np.stack([head(at) for at in (100, 180, 300)])
    there = to_crop(meshes, square_around_all(meshes, SIDE))
    assert there[..., :2].min() > 0.1 * SIDE
    assert there[..., :2].max() < 0.9 * SIDE
    assert there[..., 1].min() > SIDE - there[..., 1].max()


def test_a_head_that_stays_has_the_same_square_in_both_ways() -> None:
    np.testing.assert_allclose(
        square_around_all(np.stack([head()] * 3), SIDE), square_around(head(), SIDE), rtol=1e-6
    )
