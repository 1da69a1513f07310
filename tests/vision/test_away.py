"""Who was there on the frame before is not away; others are forgotten after a while."""

from __future__ import annotations

from dataclasses import dataclass

from vidface.vision.away import Away


@dataclass
class Face:
    seen: float


def test_the_frame_before_is_not_away_however_long_ago() -> None:
    away, faces = Away(0.0), {1: Face(0.0)}
    for time in (0.0, 10.0, 20.0):
        faces = away.without(faces, time)
        assert set(faces) == {1}
        faces[1].seen = time


def test_who_was_missed_is_forgotten_after_a_while() -> None:
    away, faces = Away(0.5), {1: Face(0.0), 2: Face(0.0)}
    for time, left in ((0.0, {1, 2}), (0.2, {1, 2}), (0.4, {1, 2}), (0.6, {2})):
        faces = away.without(faces, time)
        assert set(faces) == left
        faces[2].seen = time
