"""Drivers before a camera that has no end: who is gone is forgotten, and a place is no person."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.reenact._drive import Drivers, Lead
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
