"""Drivers before a camera that has no end: who is gone is forgotten, and a place is no person."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.reenact._drive import Drivers, Lead, Replay
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import rotations_of

MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)


def at(seconds: float) -> Frame:
    return frame_from_rgb(np.full((96, 128, 3), 90, np.uint8), round(25 * seconds), Fraction(seconds))


def seen(track: int, yaw: float = 0) -> tuple[Faces, Meshes]:
    """One face that is turned by some degrees."""
    mesh = MODEL.mean @ rotations_of([(yaw, 0, 0)])[0].T * 20 + (60, 45, 0)
    return Faces.of([(30, 20, 90, 90)], tracks=[track]), Meshes.of(mesh[None])


def turn(drivers: Drivers, seconds: float, track: int, yaw: float) -> float:
    """How far the driver is from where it began, radians."""
    (motion,) = drivers(at(seconds), *seen(track, yaw), ()).rows
    (began,) = [drivers.reference(seen(track)[0], 0)]
    return float(np.linalg.norm(motion.rotation - began.rotation))


def test_tracks_are_forgotten_two_minutes_after_they_were_seen() -> None:
    """One track after the other for an hour; one that is there all the time stays."""
    drivers = Drivers(MODEL)
    for minute in range(60):
        drivers(at(60 * minute), *seen(1), ())
        drivers(at(60 * minute + 1), *seen(2 + minute), ())
    kept: list[dict[int, Any]] = [drivers._drivers, drivers._gaze, drivers._seen_s]
    assert all(1 in one and len(one) <= 4 for one in kept)


def test_whoever_takes_the_place_of_a_face_without_track_is_another_driver() -> None:
    """The same place is one driver while somebody is there, and a new one after a second without."""
    drivers = Drivers(MODEL)
    assert turn(drivers, 0, -1, 0) < 0.01
    assert turn(drivers, 0.5, -1, 25) > 0.3
    assert turn(drivers, 5, -1, 25) < 0.01


def test_a_track_that_was_away_for_a_while_goes_on() -> None:
    drivers = Drivers(MODEL)
    turn(drivers, 0, 7, 0)
    assert turn(drivers, 60, 7, 25) > 0.3


def test_the_lead_counts_who_takes_over() -> None:
    """Not while somebody is away for less than `hold_s`, nor when the same one comes back."""
    lead, turns = Lead(None, 0.5), []
    for seconds, track in ((0, 1), (0.2, 2), (0.4, 1), (1.0, 1), (1.6, 2), (1.7, 2)):
        lead.row(seen(track)[0], np.array([True]), seconds)
        turns.append(lead.turn)
    assert turns == [1, 1, 1, 1, 2, 2]


def saved(folder: Path, times: list[float]) -> Replay:
    """A file whose one track turns by a tenth and smiles by one a second, as its neutral face does."""
    turn, ones = np.zeros((len(times), 3)), np.ones((1, 2))
    turn[:, 1] = 0.1 * np.array(times)
    np.savez(
        folder / "motion.npz",
        start=0.0,
        time=np.array(times),
        track=np.ones(len(times), int),
        valid=np.ones(len(times), bool),
        rotation=turn,
        shift=0 * turn,
        scale=np.ones(len(times)),
        expression=np.array(times)[:, None] * ones,
        neutral=np.array(times)[:, None] * ones,
        gaze=np.zeros((len(times), 2, 2)),
    )
    return Replay("test", str(folder / "motion.npz"), None)


def test_a_motion_of_few_frames_a_second_serves_every_moment_between_them(tmp_path: Path) -> None:
    """Three a second, asked for at 25: on the way from one to the next; behind the end nothing."""
    replay = saved(tmp_path, [i / 3 for i in range(7)])
    for i in range(51):
        motion = replay.at(i / 25)
        assert motion is not None
        assert motion.rotation[1] == pytest.approx(i / 250, abs=1e-5)
        assert motion.expression == pytest.approx([i / 25] * 2, abs=1e-5)
        assert replay.reference(motion).expression == pytest.approx([i / 25] * 2, abs=1e-5)
    assert replay.at(2.3) is None


def test_a_motion_keeps_its_gaps(tmp_path: Path) -> None:
    """Nobody was there for a second of a motion of 25 frames a second: nobody drives."""
    replay = saved(tmp_path, [i / 25 for i in range(60) if not 20 < i < 45])
    assert all(replay.at(time) is None for time in (1.0, 1.5))
    assert all(replay.at(time) is not None for time in (0.85, 1.75, 2.0))
