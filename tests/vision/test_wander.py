"""Wander: a steady face hardly wanders, one that changes person does."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.personlook import Sample
from vidface.vision.wander import wander

D = 32


def samples(seconds: float, *, second: float = 0.0, noise: float = 0.3, turn: float = 2.0) -> list[Sample]:
    """25 a second; in every other second `second` of another person is mixed in."""
    rng = np.random.default_rng(1)
    one, other = np.eye(D)[:2]
    found = []
    for index in range(round(seconds * 25)):
        mixed = one + (second * other if (index // 25) % 2 else 0) + rng.normal(0, noise / np.sqrt(D), D)
        vector = (mixed / np.linalg.norm(mixed)).astype(np.float32)
        angles = (turn * float(np.sin(index / 10)), 0.0, 0.0)
        found.append(Sample(index / 25, index, vector, 0.9, angles=angles, eyes_px=40.0))
    return found


def test_a_change_of_identity_wanders_more() -> None:
    steady, changing = wander(samples(5)), wander(samples(5, second=1.0))
    assert steady is not None
    assert changing is not None
    assert steady.degrees < 8
    assert changing.degrees > steady.degrees + 10
    assert changing.worst >= changing.degrees
    assert 0 < changing.worst_time < 5
    assert (steady.bins, steady.samples) == (10, 125)


def test_noise_of_single_frames_hardly_counts() -> None:
    """Frames that are 45 degrees off each on their own leave a few degrees in half a second's mean."""
    found = wander(samples(5, noise=1.0))
    assert found is not None
    assert found.degrees < 18


def test_too_little_says_nothing() -> None:
    """Too short; too few frames of each half second; nothing embedded."""
    assert wander(samples(0.9)) is None
    assert wander(samples(5)[::13]) is None
    assert wander([]) is None
    assert wander([Sample(n / 25, n) for n in range(100)]) is None


def test_terms_tell_of_turns_and_blur() -> None:
    still, turning = wander(samples(5, turn=0.0)), wander(samples(5, turn=20.0))
    assert still is not None
    assert turning is not None
    assert still.terms[:2] == pytest.approx([1, 0.1], abs=1e-6)
    assert still.terms[2] == 0
    assert turning.terms[2] > 2
