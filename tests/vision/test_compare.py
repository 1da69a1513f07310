"""Two pictures in one: samples are copied bit by bit, other codings come out in the right colour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data import Matrix, Planes
from vidface.vision.compare import beside_size, draw_line, lay_beside, lay_left, matched
from vidface.vision.paint import ink_codes

STEPS = [(2, 2), (2, 1), (1, 1)]


def noise(size: tuple[int, int], *, step: tuple[int, int] = (2, 2), bits: int = 8, seed: int = 0) -> Planes:
    """Planes of random samples."""
    rng = np.random.default_rng(seed)
    kind = np.uint8 if bits == 8 else np.uint16
    shape = (-(-size[1] // step[1]), -(-size[0] // step[0]))
    luma, u, v = (rng.integers(0, 1 << bits, s).astype(kind) for s in ((size[1], size[0]), shape, shape))
    return Planes(luma, u, v, bits)


def flat(rgb: tuple[int, int, int], *, bits: int = 8, matrix: Matrix = "bt709", full: bool = False) -> Planes:
    """A picture of one colour, 16 x 12, 4:2:0."""
    like = replace(noise((16, 12), bits=bits), matrix=matrix, full_range=full)
    codes = [round(code) for code in ink_codes(like, rgb)]
    luma, u, v = (np.full_like(p, c) for p, c in zip((like.luma, like.u, like.v), codes, strict=True))
    return replace(like, luma=luma, u=u, v=v)


def copy(planes: Planes) -> Planes:
    return replace(planes, luma=planes.luma.copy(), u=planes.u.copy(), v=planes.v.copy())


def parts(planes: Planes) -> tuple[Any, Any, Any]:
    return planes.luma, planes.u, planes.v


@given(
    width=st.integers(2, 19),
    height=st.integers(2, 19),
    step=st.sampled_from(STEPS),
    down=st.booleans(),
    bits=st.sampled_from([8, 10, 12]),
)
def test_both_halves_are_the_sources_bit_by_bit(
    width: int, height: int, step: tuple[int, int], down: bool, bits: int
) -> None:
    """Of any size, odd ones too: both pictures stand in the output, their chroma beside their luma."""
    one, two = (noise((width, height), step=step, bits=bits, seed=s) for s in (1, 2))
    target = noise(beside_size((width, height), down=down), step=step, bits=bits, seed=3)
    lay_beside(one, two, target, down=down)
    for a, b, out in zip(parts(one), parts(two), parts(target), strict=True):
        h, w = a.shape
        assert np.array_equal(out[:h, :w], a)
        second = out[out.shape[0] // 2 :] if down else out[:, out.shape[1] // 2 :]
        assert np.array_equal(second[:h, :w], b)


@given(width=st.integers(2, 40), at=st.integers(-5, 50), step=st.sampled_from(STEPS))
def test_left_of_the_line_is_one_right_of_it_the_other(width: int, at: int, step: tuple[int, int]) -> None:
    one, two = (noise((width, 9), step=step, seed=s) for s in (1, 2))
    out = copy(two)
    place = lay_left(one, out, at)
    assert abs(place - min(max(at, 0), width)) < max(step[0], 2)
    for number, (a, b, c) in enumerate(zip(parts(one), parts(two), parts(out), strict=True)):
        here = -(-place // step[0]) if number else place
        assert np.array_equal(c[:, :here], a[:, :here])
        assert np.array_equal(c[:, here:], b[:, here:])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("at", [2, 16, 38])
def test_the_line_covers_its_columns_and_no_other(at: int, step: tuple[int, int]) -> None:
    before = noise((41, 10), step=step)
    after = copy(before)
    draw_line(after, at, 2)
    changed = np.flatnonzero((before.luma != after.luma).any(axis=0))
    assert set(changed) <= set(range(at - 2, at + 2))
    assert (after.luma[:, at - 1 : at + 1] == 235).all()
    assert (after.luma[:, at + 1] == 16).all()
    chroma = np.flatnonzero((before.u != after.u).any(axis=0))
    assert set(chroma) <= set(range((at - 2) // step[0], (at + 2) // step[0]))


def test_no_line_at_the_ends() -> None:
    before = noise((20, 10))
    after = copy(before)
    draw_line(after, 0, 2)
    draw_line(after, 20, 2)
    assert np.array_equal(before.luma, after.luma)


def test_what_matches_already_is_passed_on_as_it_is() -> None:
    one, two = noise((20, 10), seed=1), noise((20, 10), seed=2)
    assert matched(one, two) is one


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_other_codings_keep_their_colour(matrix: Matrix, full: bool, bits: int) -> None:
    """A skin tone of BT.601, limited range, 8 bits, is the same colour in any other coding."""
    colour = (220, 160, 130)
    wanted = flat(colour, bits=bits, matrix=matrix, full=full)
    got = matched(flat(colour, matrix="bt601"), wanted)
    assert got.bits == bits
    for a, b in zip(parts(got), parts(wanted), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2 << (bits - 8)


def test_other_subsampling_keeps_luma_bit_by_bit() -> None:
    source, like = noise((20, 10), step=(1, 1)), noise((20, 10), step=(2, 2), seed=2)
    got = matched(source, like)
    assert np.array_equal(got.luma, source.luma)
    assert got.u.shape == like.u.shape


def test_a_small_picture_is_scaled_to_the_other_size() -> None:
    """A ramp at half the size becomes the same ramp, without a shift."""
    luma = np.tile(np.linspace(20, 220, 64), (32, 1))
    large, small = (np.rint(one).astype(np.uint8) for one in (luma, luma.reshape(32, 32, 2).mean(2)[::2]))

    def grey(plane: Any) -> Planes:
        neutral = np.full((plane.shape[0] // 2, plane.shape[1] // 2), 128, np.uint8)
        return Planes(plane, neutral, neutral.copy())

    got = matched(grey(small), grey(large))
    assert got.size == (64, 32)
    assert np.abs(got.luma[:, 3:-3].astype(int) - large[:, 3:-3]).max() <= 2
    assert (got.u == 128).all()


def test_another_aspect_is_centred_between_black() -> None:
    got = matched(flat((255, 255, 255)), noise((60, 24)))
    assert (got.luma[4:20, 20:40] > 200).all()
    assert (got.luma[:, :8] == 16).all()
    assert (got.luma[:, -8:] == 16).all()
