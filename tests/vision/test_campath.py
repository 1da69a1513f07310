"""Planned paths: smooth, inside their room, true to pans, the same live."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vidface.vision.campath import CameraPath, Planner, TimedPath

FPS = 30
T = np.arange(8 * FPS) / FPS


def shaky(speed: float = 0.0) -> np.ndarray[Any, Any]:
    """Two signals: swings of 10, 5 and 2 pixels at 1, 2.3 and 4.1 Hz on a steady pan."""
    swing = [a * np.sin(2 * np.pi * f * T + p) for a, f, p in ((10, 1.0, 0), (5, 2.3, 1), (2, 4.1, 2))]
    one = np.sum(swing, axis=0)
    return np.stack([one + speed * T, np.roll(one, 11)], axis=1)


def planned(path: np.ndarray[Any, Any], ahead: int, room: float) -> np.ndarray[Any, Any]:
    planner = Planner(max(ahead + 1, FPS), FPS, 2)
    return np.array([planner.next(path[i : i + ahead + 1], (room, room)) for i in range(len(path))])


def jerk(path: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt((np.diff(path, n=2, axis=0) ** 2).mean()))


@pytest.mark.parametrize("speed", [0.0, 60.0])
def test_shake_goes_and_a_pan_stays(speed: float) -> None:
    """A twentieth of the shake is left, and the path stays within a swing of the real one."""
    real = shaky(speed)
    smooth = planned(real, FPS, 1e9)
    assert jerk(smooth) < jerk(real) / 20
    assert np.abs(smooth - real).max() < 35


@pytest.mark.parametrize("room", [0.0, 5.0, 12.0])
@pytest.mark.parametrize("ahead", [0, 10, 30])
def test_the_plan_never_leaves_its_room(room: float, ahead: int) -> None:
    real = shaky(30)
    assert np.abs(planned(real, ahead, room) - real).max() <= room + 1e-6


def test_room_that_is_nearly_enough_costs_little_smoothness() -> None:
    real = shaky()
    assert jerk(planned(real, FPS, 14)) < jerk(real) / 8


def test_a_path_that_does_not_move_is_kept_exactly() -> None:
    assert np.allclose(planned(np.full((40, 2), 7.0), 10, 5.0), 7.0, atol=1e-9)


def test_live_takes_most_of_the_shake_out() -> None:
    real = shaky()
    assert jerk(planned(real, 0, 1e9)) < jerk(real) / 8


def test_turn_scale_and_shift_share_the_margin() -> None:
    """Corners never move inwards by more than the margin, with all four moves at their worst."""
    margin, half = (64.0, 36.0), (640.0, 360.0)
    rng = np.random.default_rng(1)
    path = rng.normal(0, (80, 60, 0.1, 0.1), (100, 4))
    camera = CameraPath(30, 30, margin=margin, half=half)
    for i in range(100):
        dx, dy, turn, grow = np.abs(camera.next(path[i : i + 10]))
        assert dx + turn * half[1] + grow * half[0] <= margin[0] + 1e-6
        assert dy + turn * half[0] + grow * half[1] <= margin[1] + 1e-6


def begun() -> CameraPath:
    return CameraPath(30, 30, margin=(24.0, 24.0), half=(320.0, 240.0))


def four(speed: float = 0.0) -> np.ndarray[Any, Any]:
    return np.column_stack([shaky(speed), np.zeros((len(T), 2))])


def test_at_an_even_pace_a_timed_path_is_the_path() -> None:
    path, plain, timed = four(30), begun(), TimedPath(begun, 1 / FPS)
    for i in range(60):
        wanted = plain.next(path[i : i + 20])
        assert timed.next(T[i : i + 20], path[i : i + 20]) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("ahead", [0, 20])
def test_uneven_times_stay_in_the_room_and_a_long_pause_begins_anew(ahead: int) -> None:
    """Frames at a third of the places, in no order of gaps; behind ten seconds' pause it is as at first."""
    kept = np.sort(np.random.default_rng(0).permutation(len(T))[::3])
    path, timed = four(30)[kept], TimedPath(begun, 1 / FPS, 40)
    moves = [
        timed.next(T[kept[i : i + ahead + 1]], path[i : i + ahead + 1], (30, 0, 0, 0))
        for i in range(len(kept))
    ]
    assert np.abs(moves).max() <= 24 + 1e-6
    later = timed.next(T[:20] + 18.0, four()[:20])
    assert later == pytest.approx(TimedPath(begun, 1 / FPS, 40).next(T[:20] + 18.0, four()[:20]))


def test_a_plan_of_less_than_four_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="4 frames"):
        Planner(3, 10, 1)
