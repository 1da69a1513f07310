"""Changes of brightness measured and undone: curves, gains of parts, things that move."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidface.data import Planes
from vidface.vision.flicker import COLUMNS, KNOTS, ROWS, Shift, brighten, measure, thumbnail

SHAPE = (ROWS * 3, COLUMNS * 12)


def picture(seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Texture of all grey levels between 0.05 and 0.8."""
    noise = np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2))
    return np.asarray(np.clip(0.4 + 0.15 * soft / soft.std(), 0.05, 0.8), np.float32)


def planes(bits: int = 8, *, full: bool = False) -> Planes:
    """A ramp of every code, with some colour."""
    kind = np.uint8 if bits == 8 else np.uint16
    luma = np.tile(np.arange(1 << bits, dtype=kind), (16, 1))
    u, v = (np.full((8, luma.shape[1] // 2), part << (bits - 8), kind) for part in (100, 150))
    return Planes(luma, u, v, bits, full_range=full)


@settings(max_examples=30)
@given(gain=st.floats(0.8, 1.2))
def test_a_gain_is_measured_as_a_curve(gain: float) -> None:
    """To a thousandth of white, at the levels that are there; and measured back it is the opposite."""
    one = picture()
    two = (one * gain).astype(np.float32)
    there, back = measure(one, two), measure(two, one)
    levels = np.linspace(0, 1, KNOTS)[1:4]
    # Levels are those half-way between the two.
    assert there.curve[1:4] == pytest.approx(levels * 2 * (gain - 1) / (gain + 1), abs=2e-3)
    assert there.numbers == pytest.approx(-back.numbers, abs=1e-4)


def test_a_curve_that_is_no_gain_is_measured_too() -> None:
    """Gamma: the middle changes, black and white do not."""
    one = np.linspace(0.0, 1.0, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    two = (one**1.1).astype(np.float32)
    curve = measure(one, two).curve
    levels = np.linspace(0, 1, KNOTS)
    assert curve == pytest.approx(levels**1.05 - levels**0.95, abs=0.01)


def test_what_moves_has_no_say() -> None:
    """A third of the picture is covered by something else: no change of brightness."""
    one = picture()
    two = one.copy()
    two[10:50, 30:75] = picture(5)[10:50, 30:75] ** 0.5
    shift = measure(one, two)
    assert np.abs(shift.curve[1:5]).max() < 2e-3


def test_pictures_that_have_nothing_in_common_say_nothing() -> None:
    """A cut that nobody saw is no flicker."""
    other = np.clip(picture(9) * 0.6, 0, 1).astype(np.float32)
    assert np.abs(measure(picture(1), other).numbers).max() == 0


def test_one_bright_part_is_found_where_it_is() -> None:
    one = picture()
    two = one.copy()
    two[:, -36:] *= 1.1
    gains = measure(one, two).gains
    assert gains[:, -2:].mean() > 0.07
    assert np.abs(gains[:, :4]).max() < 0.03


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_pictures_of_one_colour(level: float) -> None:
    """Nothing to divide by and nothing to solve does no harm."""
    flat = np.full(SHAPE, level, np.float32)
    assert np.abs(measure(flat, flat).numbers).max() == 0
    assert np.isfinite(measure(flat, flat * 0.5).numbers).all()


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True])
def test_brightness_is_in_units_of_white(bits: int, full: bool) -> None:
    white = 255 if full else 235
    like = planes(bits, full=full)
    flat = replace(like, luma=np.full_like(like.luma, ((white + 1) << (bits - 8)) - (1 << (bits - 8))))
    assert thumbnail(flat).shape == SHAPE
    assert thumbnail(flat).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_no_shift_changes_no_sample(bits: int) -> None:
    one, two = planes(bits), planes(bits)
    brighten(one, Shift.none())
    assert np.array_equal(one.luma, two.luma)
    assert np.array_equal(one.u, two.u)


@settings(max_examples=30)
@given(
    curve=st.lists(st.floats(-0.3, 0.3), min_size=KNOTS, max_size=KNOTS),
    gain=st.sampled_from([0.0, 0.1, -0.3]),
    bits=st.sampled_from([8, 10, 12]),
)
def test_darker_stays_darker_and_codes_stay_in_range(curve: list[float], gain: float, bits: int) -> None:
    """However wild the curve: it never turns brightness round, and nothing wraps."""
    one = planes(bits)
    brighten(one, Shift(np.array(curve), np.full((ROWS, COLUMNS), gain)))
    luma = one.luma[0].astype(int)
    assert luma.max() < 1 << bits
    if gain >= -0.1:
        assert np.diff(luma[: (200 << (bits - 8))]).min() >= -1


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("local", [False, True])
def test_a_gain_scales_luma_above_black_and_chroma_with_it(bits: int, local: bool) -> None:
    one, before = planes(bits), planes(bits)
    step = 1 << (bits - 8)
    shift = (
        Shift(np.zeros(KNOTS), np.full((ROWS, COLUMNS), 0.1))
        if local
        else Shift(0.1 * np.linspace(0, 1, KNOTS), np.zeros((ROWS, COLUMNS)))
    )
    brighten(one, shift)
    codes = np.arange(60 * step, 180 * step)
    wanted = 16 * step + 1.1 * (codes - 16 * step)
    assert np.abs(one.luma[8, codes] - wanted).max() <= 1
    middle = before.u.shape[1] // 2
    assert one.u[4, middle] == pytest.approx(128 * step - 28 * 1.1 * step, abs=1.5)
    assert one.v[4, middle] == pytest.approx(128 * step + 22 * 1.1 * step, abs=1.5)
