"""Warps of planes: exact places in luma and chroma, depth, borders, no aliasing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vidface.data import Planes
from vidface.vision.warpframe import as_3x3, cover, outside, shows_border, warp_planes


def blank(size: tuple[int, int], *, bits: int = 8, step: tuple[int, int] = (2, 2), **more: Any) -> Planes:
    """Planes full of rubbish, as a fresh frame's are."""
    wide, high = size
    dtype = np.uint8 if bits == 8 else np.uint16
    chroma = (-(-high // step[1]), -(-wide // step[0]))
    luma, u, v = (np.full(shape, 77, dtype) for shape in ((high, wide), chroma, chroma))
    return Planes(luma, u, v, bits, **more)


def ramps(size: tuple[int, int], *, bits: int = 8, step: tuple[int, int] = (2, 2)) -> Planes:
    """Every sample tells its own place: luma x, u x, v y, in pixels of the frame."""
    planes = blank(size, bits=bits, step=step)
    wide = size[0]
    planes.luma[...] = np.arange(wide) + 0.5
    planes.u[...] = np.arange(planes.u.shape[1]) * step[0] + 0.5
    planes.v[...] = (np.arange(planes.v.shape[0]) * step[1] + step[1] / 2)[:, None]
    return planes


def turn(degrees: float, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray[Any, Any]:
    a = np.radians(degrees)
    c, s = scale * np.cos(a), scale * np.sin(a)
    return np.array([(c, -s, shift[0]), (s, c, shift[1])])


@pytest.mark.parametrize("bits", [8, 10])
def test_the_identity_copies_bit_by_bit(bits: int) -> None:
    rng = np.random.default_rng(0)
    source = blank((33, 17), bits=bits)
    for plane in (source.luma, source.u, source.v):
        plane[...] = rng.integers(0, 1 << bits, plane.shape)
    target = blank((33, 17), bits=bits)
    warp_planes(source, target, np.eye(3))
    for have, want in ((target.luma, source.luma), (target.u, source.u), (target.v, source.v)):
        assert np.array_equal(have, want)


@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
def test_convention_luma_and_chroma_move_together(step: tuple[int, int]) -> None:
    """Samples that tell their place read, after a shift, the place that came there; chroma too."""
    source = ramps((64, 48), step=step)
    target = blank((64, 48), step=step)
    warp_planes(source, target, np.array([(1, 0, 6), (0, 1, 4.0)]))
    fresh = ramps((64, 48), step=step)
    inner = slice(8, -8)
    for have, was, move in ((target.luma, fresh.luma, 6), (target.u, fresh.u, 6), (target.v, fresh.v, 4)):
        wanted = was[inner, inner].astype(int) - move
        assert np.abs(have[inner, inner].astype(int) - wanted).max() <= 1


def test_convention_a_scale_keeps_the_frames_corner_and_the_siting() -> None:
    """Twice as large: the place shown at x is x / 2 in every plane, to half a sample."""
    source = ramps((64, 48))
    target = blank((64, 48))
    warp_planes(source, target, np.diag([2.0, 2, 1]))
    places = ramps((64, 48))
    inner = slice(6, -6)
    for have, own in ((target.luma, places.luma), (target.u, places.u), (target.v, places.v)):
        error = have[inner, inner].astype(float) - own[inner, inner].astype(float) / 2
        assert np.abs(error).max() <= 1


def test_ten_bits_stay_within_ten_bits() -> None:
    source = blank((40, 40), bits=10)
    source.luma[...] = np.where(np.arange(40) % 8 < 4, 1023, 0)
    target = blank((40, 40), bits=10)
    warp_planes(source, target, turn(7, shift=(5, 0)))
    assert target.luma.max() == 1023
    assert target.luma.dtype == np.uint16


@pytest.mark.parametrize(("full", "bits", "luma"), [(False, 8, 16), (True, 8, 0), (False, 10, 64)])
def test_black_is_black_in_range_and_depth(full: bool, bits: int, luma: int) -> None:
    source = blank((32, 32), bits=bits, full_range=full)
    target = blank((32, 32), bits=bits, full_range=full)
    warp_planes(source, target, np.array([(1, 0, 100), (0, 1, 0.0)]))
    assert (target.luma == luma).all()
    assert (target.u == 1 << (bits - 1)).all()


@pytest.mark.parametrize("fill", ["replicate", "mirror", "blur"])
@pytest.mark.parametrize("bits", [8, 10])
def test_other_fills_leave_no_black_and_no_rubbish(fill: Any, bits: int) -> None:
    source = blank((64, 48), bits=bits)
    source.luma[...] = 100 << (bits - 8)
    target = blank((64, 48), bits=bits)
    target.luma[...] = 3
    warp_planes(source, target, turn(20, 0.7, (20, 5)), fill=fill)
    assert np.abs(target.luma.astype(int) - (100 << (bits - 8))).max() <= 2


def test_shrinking_does_not_alias() -> None:
    """Stripes finer than the target's pixels become grey, whatever the phase."""
    source = blank((256, 256))
    source.luma[...] = np.where(np.arange(256) % 3 == 0, 235, 16)
    target = blank((64, 64))
    warp_planes(source, target, np.diag([0.25, 0.25, 1]))
    assert np.ptp(target.luma[8:-8, 8:-8].astype(int)) <= 12


def test_a_part_cut_out_and_shrunk_is_the_part_asked_for() -> None:
    source = ramps((250, 240))
    target = blank((40, 40))
    warp_planes(source, target, np.array([(0.5, 0, -60), (0, 0.5, -50.0)]))
    places = np.arange(40) + 0.5
    assert np.abs(target.luma[20].astype(float) - (places + 60) / 0.5).max() <= 1.5


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 31)])
@pytest.mark.parametrize("fill", ["black", "replicate", "mirror", "blur"])
def test_odd_and_tiny_pictures(size: tuple[int, int], fill: Any) -> None:
    target = blank((15, 9))
    warp_planes(blank(size), target, turn(11, 0.4, (2, 1)), fill=fill)
    assert target.luma.shape == (9, 15)


@pytest.mark.parametrize("bad", [np.zeros((3, 3)), np.eye(2), np.full((2, 3), np.nan)])
def test_a_matrix_without_an_inverse_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="inverse"):
        as_3x3(bad)


def test_the_depth_is_kept() -> None:
    with pytest.raises(ValueError, match="keeps the depth"):
        warp_planes(blank((8, 8)), blank((8, 8), bits=10), np.eye(3))


def test_cover_and_borders() -> None:
    """A wide picture on a square: full height, the sides cut alike; a shift by one pixel shows one."""
    matrix = cover((200, 100), (50, 50))
    assert np.allclose(matrix @ (100, 50, 1), (25, 25, 1))
    assert not shows_border(matrix, (200, 100), (50, 50))
    assert outside(np.array([(1, 0, 1), (0, 1, 0.0)]), (10, 10), (10, 10)) == pytest.approx(1)
