"""Veils: nothing of what was there is left, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Planes
from vidface.vision.paint import ink_codes
from vidface.vision.veil import Mode, Veil, lay, outline_of_box

GREY = (104, 110, 118)
BOX = np.array([40.0, 24, 104, 120])
MODES: list[Mode] = ["blur", "pixelate", "solid", "mask"]
FIVE = np.array([(60, 60), (84, 60), (72, 76), (63, 92), (81, 92)], np.float64)


def noise(
    seed: int = 0, *, size: tuple[int, int] = (161, 141), step: tuple[int, int] = (2, 2), bits: int = 8
) -> Planes:
    """Planes full of noise, of odd size."""
    rng, dtype = np.random.default_rng(seed), np.uint8 if bits == 8 else np.uint16
    wide, high = size
    chroma = (-(-high // step[1]), -(-wide // step[0]))
    low, top = 16 << (bits - 8), 235 << (bits - 8)
    y, u, v = (rng.integers(low, top, shape).astype(dtype) for shape in ((high, wide), chroma, chroma))
    return Planes(y, u, v, bits)


def copied(planes: Planes) -> Planes:
    return Planes(planes.luma.copy(), planes.u.copy(), planes.v.copy(), planes.bits)


def hidden(planes: Planes, veil: Veil, box: Any = BOX) -> Planes:
    fresh = copied(planes)
    lay(fresh, veil, box, [outline_of_box(box, "box")], FIVE)
    return fresh


def parts(planes: Planes) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return planes.luma, planes.u, planes.v


@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("mode", MODES)
def test_all_inside_changes_and_nothing_outside(mode: Mode, bits: int, step: tuple[int, int]) -> None:
    before = noise(step=step, bits=bits)
    after = hidden(before, Veil(mode, 4, GREY))
    # The blur has a soft edge outside of the shape, of a tenth of its height.
    room = 14 if mode == "blur" else 4
    for number, (old, new) in enumerate(zip(parts(before), parts(after), strict=True)):
        sx, sy = step if number else (1, 1)
        x1, y1, x2, y2 = BOX / (sx, sy, sx, sy)
        outside = np.ones(old.shape, bool)
        rows = slice(int(y1) - room // sy, int(y2) + room // sy)
        outside[rows, int(x1) - room // sx : int(x2) + room // sx] = False
        assert np.array_equal(old[outside], new[outside])
        inside = slice(int(y1) + 1, int(y2) - 1), slice(int(x1) + 1, int(x2) - 1)
        assert np.mean(old[inside] != new[inside]) > 0.9


@pytest.mark.parametrize("mode", ["blur", "pixelate"])
def test_only_the_means_come_through(mode: Mode) -> None:
    """Pictures whose cells hold the same samples in another order give the very same result."""
    before = noise()
    other = copied(before)
    rng = np.random.default_rng(1)
    for number, plane in enumerate(parts(other)):
        step = 2 if number else 1
        x1, y1, x2, y2 = (BOX / step).astype(int)
        side = 16 // step
        for top in range(y1, y2, side):
            for left in range(x1, x2, side):
                cell = plane[top : top + side, left : left + side]
                cell[...] = rng.permutation(cell.ravel()).reshape(cell.shape)
    assert not np.array_equal(before.luma, other.luma)
    after = [hidden(planes, Veil(mode, 4, GREY)) for planes in (before, other)]
    for old, new in zip(parts(after[0]), parts(after[1]), strict=True):
        assert np.array_equal(old, new)


def test_a_solid_veil_tells_nothing() -> None:
    one, two = (hidden(noise(seed), Veil("solid", 4, GREY)) for seed in (1, 2))
    rows, columns = slice(24, 120), slice(40, 104)
    assert np.array_equal(one.luma[rows, columns], two.luma[rows, columns])
    assert set(one.luma[rows, columns].ravel().tolist()) == {int(ink_codes(one, GREY)[0] + 0.5)}


def test_the_mask_has_eyes_at_the_landmarks() -> None:
    planes = hidden(noise(), Veil("mask", 4, GREY))
    assert planes.luma[60, 60] < planes.luma[76, 72]
    assert planes.luma[60, 84] < planes.luma[40, 72]
    plain = copied(noise())
    lay(plain, Veil("mask", 4, GREY), BOX, [outline_of_box(BOX, "box")], np.full((5, 2), np.nan))
    assert len(np.unique(plain.luma[30:110, 50:90])) == 1


def test_a_pixelated_face_has_so_many_squares() -> None:
    planes = hidden(noise(), Veil("pixelate", 4, GREY))
    row = planes.luma[70, 41:103].astype(int)
    assert np.count_nonzero(np.diff(row)) == 3


def test_a_face_at_the_border_is_not_shown_any_finer() -> None:
    """The grid of means lies on the whole box, of which a quarter is in the picture."""
    planes = hidden(noise(), Veil("pixelate", 4, GREY), np.array([-48.0, 20, 16, 84]))
    assert len(np.unique(planes.luma[24:34, 0:15])) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("box", [(-90, -90, -40, -40), (500, 10, 560, 70)])
def test_a_box_outside_the_picture_changes_nothing(mode: Mode, box: tuple[int, int, int, int]) -> None:
    before = noise()
    after = hidden(before, Veil(mode, 4, GREY), np.array(box, np.float64))
    assert all(np.array_equal(old, new) for old, new in zip(parts(before), parts(after), strict=True))


@pytest.mark.parametrize("side", [1.0, 3.0, 5.0, 9.0])
@pytest.mark.parametrize("mode", ["blur", "pixelate"])
def test_the_smallest_faces_are_averaged_too(mode: Mode, side: float) -> None:
    """However many cells are asked for, one is never a single sample."""
    before = noise()
    box = np.array([60.3, 60.3, 60.3 + side, 60.3 + side])
    after = hidden(before, Veil("blur" if mode == "blur" else "pixelate", 6, GREY), box)
    inside = slice(61, max(62, int(60 + side)))
    assert np.isfinite(after.luma.astype(float)).all()
    assert (after.luma[inside, inside] != before.luma[inside, inside]).mean() > 0.7
