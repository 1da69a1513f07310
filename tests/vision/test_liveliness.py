"""Blinks and sway: as often, as long and as large as they should be, and the same every time."""

from __future__ import annotations

import numpy as np

from vidface.vision.liveliness import Blinks, wander


def blinks(seed: int, seconds: float, loudness: float = 0.0) -> np.ndarray:
    lids = Blinks((seed, 1, 0), 0.0)
    return np.array([lids(n / 50, loudness) for n in range(round(seconds * 50))])


def begins(closure: np.ndarray) -> np.ndarray:
    return np.flatnonzero((closure[1:] > 0) & (closure[:-1] == 0))


def test_blinks_come_some_17_times_a_minute_and_last_a_third_of_a_second() -> None:
    closure = blinks(0, 600)
    count = len(begins(closure))
    assert 130 < count < 210
    assert 0.25 < (closure > 0).sum() / 50 / count < 0.4
    assert closure.max() == 1
    assert closure.min() == 0


def test_lids_move_without_a_leap() -> None:
    lids = Blinks((0, 1, 0), 0.0)
    assert np.abs(np.diff([lids(n / 500, 0.0) for n in range(10_000)])).max() < 0.05


def test_the_same_seed_blinks_alike_and_another_does_not() -> None:
    assert np.array_equal(blinks(3, 20), blinks(3, 20))
    assert not np.array_equal(blinks(3, 20), blinks(4, 20))


def test_a_blink_waits_for_a_pause_but_not_for_ever() -> None:
    """A voice that pauses once a second is blinked in its pauses; one that never pauses is blinked too."""
    lids = Blinks((0, 1, 0), 0.0)
    times = np.arange(60 * 50) / 50
    loud = np.where(times % 1.0 < 0.8, 1.0, 0.0)
    closure = np.array([lids(float(t), float(v)) for t, v in zip(times, loud, strict=True)])
    assert (loud[begins(closure) + 1] == 0).mean() > 0.7
    assert len(begins(blinks(0, 60, loudness=1.0))) > 10


def test_wandering_is_smooth_bounded_and_the_same_every_time() -> None:
    path = np.array([wander(5, 3, n / 25) for n in range(-500, 2500)])
    assert np.abs(path.mean(0)).max() < 0.5
    assert 0.7 < path.std() < 1.4
    assert np.abs(np.diff(path, axis=0)).max() < 0.25
    assert np.abs(np.corrcoef(path.T) - np.eye(3)).max() < 0.5
    assert np.array_equal(wander(5, 3, 7.7), wander(5, 3, 7.7))
    assert not np.array_equal(wander(5, 3, 7.7), wander(6, 3, 7.7))
