"""The manner of moving: pairs that go together are seen, and the frame rate does not matter."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vision.madeprior import made_prior
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.vision import manner
from vidface.vision.facegeometry import SIZE as SHAPE
from vidface.vision.mannerscore import Manner, left_out
from vidface.vision.personprior import PersonPrior


def moving(fps: float, seconds: float, mix: int, *, noise: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Times and signals of a face whose habits (which signals go together) follow from `mix`."""
    times = np.arange(round(seconds * fps) + 1) / fps
    rng = np.random.default_rng(noise)
    phase = rng.uniform(0, 6.28, 4)
    speed = np.array([0.7, 1.1, 1.6, 2.3])
    drivers = np.sin(2 * np.pi * speed * times[:, None] + phase)
    habits = np.random.default_rng(mix).normal(size=(4, manner.SIGNALS))
    return times, (drivers @ habits * 5).astype(np.float32)


def test_what_goes_together_has_a_high_number() -> None:
    """Yaw and roll in step, pitch against them."""
    rows = np.zeros((manner.WINDOW, manner.SIGNALS))
    wave = np.sin(np.arange(manner.WINDOW) / 5)
    rows[:, 0], rows[:, 1], rows[:, 2] = wave, -wave, 2 * wave
    pairs = manner.signature(rows)
    assert pairs.shape == (manner.SIZE,)
    assert pairs[0] < -2
    assert pairs[1] > 2
    assert pairs[5] == 0, "a signal that stands still goes with nothing"


@pytest.mark.parametrize("fps", [15, 24, 30, 50, 60])
def test_the_frame_rate_does_not_matter(fps: int) -> None:
    expected = manner.windows_of(*moving(25, 6, 1))[0]
    found = manner.windows_of(*moving(fps, 6, 1))[0]
    assert len(found) == len(expected) == 3
    for one, other in zip(found, expected, strict=True):
        assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.97


def test_short_clips_and_holes_give_no_window() -> None:
    """2.9 s are too short; half a second of a hidden face is bridged, a second is not."""
    assert len(manner.windows_of(*moving(25, 2.9, 1))[0]) == 0
    assert len(manner.windows_of(np.zeros(0), np.zeros((0, manner.SIGNALS)))[0]) == 0
    times, rows = moving(25, 3, 1)
    rows[30:40] = np.nan
    assert len(manner.windows_of(times, rows)[0]) == 1
    rows[30:60] = np.nan
    assert len(manner.windows_of(times, rows)[0]) == 0


def test_windows_of_one_recording_are_not_held_against_those_they_overlap() -> None:
    windows = np.eye(4)
    assert left_out(windows[:2], np.zeros(2, np.int64), np.array([3.0, 4.5])).size == 0
    assert left_out(windows[:2], np.zeros(2, np.int64), np.array([3.0, 6.0])).tolist() == [0, 0]
    assert left_out(windows[:2], np.array([0, 1]), np.array([3.0, 3.0])).tolist() == [0, 0]


def test_another_manner_scores_high() -> None:
    """References of one habit: the same habit at another moment is near 0 or below, another one far above."""
    prior = made_prior(8)
    person = references(prior, mix=3)
    test = Manner(person, prior)
    own = test(manner.windows_of(*moving(30, 9, 3, noise=99))[0])
    other = test(manner.windows_of(*moving(30, 9, 4, noise=99))[0])
    assert own.score < 1.0
    assert other.score > own.score + 2
    assert other.details["references"] == len(person.windows)


def references(prior: PersonPrior, mix: int) -> PersonReferences:
    """Three recordings of one habit."""
    found = [manner.windows_of(*moving(25, 9, mix, noise=seed)) for seed in range(3)]
    vector = np.eye(8, dtype=np.float32)[:1]
    return PersonReferences(
        *("", "e", "m"),
        sources=tuple(ReferenceSource(str(n), "", clip=True) for n in range(3)),
        source=np.zeros(1, np.int64), vectors=vector, inner=0 * vector, outer=0 * vector,
        recognisability=np.ones(1, np.float32), shapes=np.full((1, SHAPE), np.nan),
        angles=np.zeros((1, 2), np.float32), eyes_px=np.ones(1, np.float32),
        windows=np.concatenate([windows for windows, _ in found]),
        window_source=np.repeat(np.arange(3), [len(windows) for windows, _ in found]),
        window_end=np.concatenate([ends for _, ends in found]),
    )  # fmt: skip
