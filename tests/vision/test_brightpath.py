"""The path of brightness: what goes to and fro is taken out, what stays stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.brightpath import BrightnessPath
from vidface.vision.flicker import COLUMNS, KNOTS, ROWS, Shift

FPS = 25


def smoothed(levels: NDArray[np.float64], *, ahead: int = 15, fps: float = FPS) -> NDArray[np.float64]:
    """Levels of all grey alike, brought onto the smooth path frame by frame as they come."""
    path = BrightnessPath(0.5, 0.3)
    steps = np.diff(levels, prepend=levels[0])
    out, known = [], 0
    for i in range(len(levels)):
        while known <= min(i + ahead, len(levels) - 1):
            path.add(known / fps, Shift(np.full(KNOTS, steps[known]), np.zeros((ROWS, COLUMNS))))
            known += 1
        path.forget(i / fps)
        out.append(levels[i] + path.way_back(i / fps).curve[KNOTS - 1])
    return np.array(out)


def times(count: int = 100) -> NDArray[np.float64]:
    return np.arange(count) / FPS


@pytest.mark.parametrize(("hertz", "left"), [(1.5, 0.15), (3, 0.08), (6.3, 0.05), (11, 0.05)])
def test_sines_are_taken_out(hertz: float, left: float) -> None:
    """Away from the ends what is left of a swing of 0.1 is a small share; no sine is taken for a step."""
    out = smoothed(0.1 * np.sin(2 * np.pi * hertz * times()))
    assert np.abs(out[30:-30]).max() < left * 0.1 + 0.003


@pytest.mark.parametrize("hertz", [0.6, 0.8, 1.0, 1.3, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("size", [0.06, 0.2])
def test_no_sine_jumps(hertz: float, size: float) -> None:
    """A swing is never cut into steps: the output nowhere changes faster than the input."""
    levels = size * np.sin(2 * np.pi * hertz * times(150))
    fastest = np.abs(np.diff(levels)).max()
    assert np.abs(np.diff(smoothed(levels))).max() < 1.05 * fastest + 0.002


@pytest.mark.parametrize("ahead", [0, 4, 15])
@pytest.mark.parametrize("over", [1, 2])
def test_a_lasting_step_is_left_as_it_is(ahead: int, over: int) -> None:
    """Whether it happens at once or takes two frames."""
    levels = np.clip((np.arange(100) - 50) / over, 0, 1) * 0.3
    assert np.abs(smoothed(levels, ahead=ahead) - levels).max() < 0.01


def test_a_flash_seen_ahead_is_taken_out_and_a_live_one_leaves_no_trace() -> None:
    levels = np.where(np.arange(100) == 50, 0.2, 0.0)
    assert np.abs(smoothed(levels)[50]) < 0.05
    live = smoothed(levels, ahead=0)
    assert np.abs(live[51:] - live[:49].mean()).max() < 0.02


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_a_flash_does_not_draw_its_surroundings_to_itself(frames: int) -> None:
    """Seen ahead it is gone; live it stays. Beside it nothing changes, jumps or decays."""
    levels = np.zeros(100)
    levels[50 : 50 + frames] = 0.25
    code, flash = 1 / 255, slice(50, 50 + frames)
    out = smoothed(levels, ahead=12)
    assert np.abs(np.delete(out - levels, np.arange(100)[flash])).max() <= code
    assert np.abs(np.diff(out)).max() <= 2 * code
    live = smoothed(levels, ahead=0)
    assert np.abs(live - levels).max() <= code


def test_a_flash_over_flicker_leaves_the_flicker_calm() -> None:
    """The swings beside it are taken out as they are without it."""
    swings = 0.02 * np.sin(2 * np.pi * 4 * times())
    out = smoothed(swings + np.where(np.arange(100) // 3 == 17, 0.3, 0.0), ahead=12)
    assert np.abs(out[30:-30] - smoothed(swings, ahead=12)[30:-30]).max() < 0.006


def test_where_the_window_holds_nothing_but_a_flash_it_stays() -> None:
    """A window of a frame knows no other level."""
    path = BrightnessPath(0.01, 0.3)
    for i, level in enumerate(np.diff(np.where(np.arange(80) // 4 == 12, 0.2, 0.0), prepend=0.0)):
        path.add(i / FPS, Shift(np.full(KNOTS, level), np.zeros((ROWS, COLUMNS))))
    assert np.abs(path.way_back(50 / FPS).numbers).max() < 0.01


def test_a_square_wave_is_flicker_live_too_once_it_is_known() -> None:
    levels = np.where(np.arange(150) // 3 % 2, 0.1, 0.0)
    out = smoothed(levels, ahead=0)
    assert np.ptp(out[60:]) < 0.35 * 0.1


def test_a_slow_ramp_is_followed_without_lag() -> None:
    levels = 0.1 * times()
    out = smoothed(levels)
    assert np.abs(out[40:-40] - levels[40:-40]).max() < 0.003


def test_memory_is_bounded() -> None:
    """After many frames no more are kept than the window reaches."""
    path = BrightnessPath(0.5, 0.3)
    for i in range(1000):
        path.add(i / FPS, Shift.none())
        path.forget(i / FPS)
    assert len(path._path) < 100


def test_no_frame_is_changed_beyond_all_measure() -> None:
    levels = np.where(np.arange(100) // 2 % 2, 3.0, 0.0)
    out = smoothed(levels)
    assert np.abs(out - levels).max() <= 0.5


@pytest.mark.parametrize("fps", [1, 5, 10, 60, 240])
def test_any_frame_rate(fps: float) -> None:
    out = smoothed(np.where(np.arange(120) % 2, 0.05, 0.0), fps=fps)
    assert np.isfinite(out).all()
