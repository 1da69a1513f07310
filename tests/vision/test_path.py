"""Smooth paths: lines stay, noise goes, ends do not lag."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.path import ease, smooth_at, unwrapped_log

TIMES = np.arange(60) / 25


def test_a_line_comes_through_unchanged_also_at_the_ends_and_live() -> None:
    """Steady motion is no shaking, whether the future is known or not."""
    line = (3 + 2j) * TIMES + 5
    for at in (0.0, 1.2, TIMES[-1]):
        assert complex(smooth_at(TIMES, line, at, 0.5)) == pytest.approx((3 + 2j) * at + 5)
    past = TIMES <= 1.2
    assert complex(smooth_at(TIMES[past], line[past], 1.2, 0.5)) == pytest.approx((3 + 2j) * 1.2 + 5)


def test_noise_is_averaged_out() -> None:
    """Of a trembling of 1 px hardly a fifth is left under a window of 0.5 s."""
    noise = np.random.default_rng(0).normal(0, 1, 60)
    smooth = np.array([float(smooth_at(TIMES, noise, t, 0.5)) for t in TIMES[10:-10]])
    assert np.abs(smooth).max() < 0.5
    assert smooth.std() < 0.25


def test_unequal_times_and_several_columns() -> None:
    """Time counts in seconds, not in frames; columns are smoothed alike."""
    times = np.array([0.0, 0.04, 0.3, 0.31, 0.9])
    table = np.column_stack([times, 2 * times])
    assert smooth_at(times, table, 0.5, 0.4) == pytest.approx([0.5, 1.0])


def test_one_value_or_no_window_gives_the_nearest() -> None:
    """A path of one point is that point; a window of nothing smooths nothing; no path is refused."""
    assert float(smooth_at([1.0], [7.0], 1.0, 0.5)) == 7
    assert float(smooth_at([0.0, 1.0], [1.0, 2.0], 0.9, 0)) == 2
    assert float(smooth_at([0.0, 1.0], [1.0, 2.0], 50.0, 0.1)) == 2
    with pytest.raises(ValueError, match="as many values as times"):
        smooth_at([], [], 0, 1)


def test_turns_add_up_beyond_half_a_circle() -> None:
    """A path that turns by 400 degrees has a log of 400 degrees, not of 40."""
    turns = np.exp(1j * np.radians(np.arange(0, 401, 10)))
    assert np.degrees(unwrapped_log(2 * turns)[-1].imag) == pytest.approx(400)
    assert unwrapped_log(2 * turns)[0].real == pytest.approx(np.log(2))


def test_ease_starts_and_ends_level() -> None:
    """From 0 to 1 without a kick, and no further."""
    assert [ease(p) for p in (-1, 0, 0.5, 1, 3)] == [0, 0, 0.5, 1, 1]
    assert ease(0.01) < 0.001
