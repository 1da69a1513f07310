"""Crops: checked at birth, read-only, rows without a crop say so."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data.crops import Crops


def test_rows_without_a_crop() -> None:
    crops = Crops.none(2, 64)
    assert (len(crops), crops.side, crops.known.tolist()) == (2, 64, [False, False])
    matrices = np.full((2, 2, 3), np.nan)
    matrices[1] = np.eye(3)[:2]
    some = Crops(crops.pixels, matrices, "ffhq512")
    assert some.known.tolist() == [False, True]
    assert some.pick([1]).known.all()
    with pytest.raises(ValueError, match="read-only"):
        some.pixels[0] = 1


@pytest.mark.parametrize("shape", [(2, 64, 63, 3), (2, 64, 64), (2, 64, 64, 4)])
def test_pictures_must_be_square_and_in_colour(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Crops\.pixels must be"):
        Crops(np.zeros(shape, np.uint8), np.zeros((2, 2, 3)), "ffhq512")
    with pytest.raises(ValueError, match=r"Crops\.matrices must be 2 x 2 x 3"):
        Crops(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((3, 2, 3)), "ffhq512")
