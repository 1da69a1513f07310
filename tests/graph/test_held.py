"""`on_error: hold`: what was measured on faces is held for the same faces, and for no others."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.toys import ListSource, engine_of, frames, plan_of
from vidface.data import Faces, Frame
from vidface.data.measures import Measure, Measures
from vidface.errors import FrameError
from vidface.node import Node

KINDS = (Measure("shade", "ratio", "The frame's number."),)


class Crowd(Node):
    """People by their track numbers, frame by frame."""

    who: tuple[tuple[int, ...], ...]

    def process(self, frame: Frame) -> Faces:
        tracks = self.who[frame.index]
        return Faces.of([(i, 0, i + 9, 9) for i in range(len(tracks))], tracks=tracks)


class Shade(Node):
    """Measures faces with the frame's number, but some frames not."""

    bad: frozenset[int]

    def process(self, frame: Frame, faces: Faces) -> Measures:
        if frame.index in self.bad:
            raise FrameError("too dark")
        return Measures(KINDS, np.full((len(faces), 1), frame.index))


class Refine(Node):
    """Faces as they came, but some frames not."""

    keeps_rows = True
    bad: frozenset[int]

    def process(self, faces: Faces, frame: Frame) -> Faces:
        if frame.index in self.bad:
            raise FrameError("too dark")
        return faces


def shades(who: tuple[tuple[int, ...], ...], bad: set[int], on_error: str = "hold") -> list[list[float]]:
    """What is said of the faces of each frame."""
    plan = plan_of(
        [
            ("crowd", Crowd(who=who), {"frame": "source"}),
            ("shade", Shade(bad=frozenset(bad)), {"frame": "source", "faces": "crowd"}),
        ],
        on_error=on_error,
    )
    engine = engine_of(plan, ListSource(frames(len(who))))
    given = [tick["shade"] for tick in engine.ticks()]
    assert all(value.kinds == KINDS for value in given[min(set(range(len(who))) - bad) :])
    return [value.values[:, 0].tolist() for value in given]


def test_the_same_people_keep_what_was_measured() -> None:
    assert shades(((1, 2), (1, 2), (1, 2)), {1, 2}) == [[0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("now", [(2, 1), (1, 3), (1,), (1, 2, 3), ()])
def test_other_people_get_nothing_of_it(now: tuple[int, ...]) -> None:
    """As many rows are no proof: it told of one person what was measured on another."""
    assert shades(((1, 2), now), {1}) == [[0, 0], []]


def test_people_who_come_back_get_their_own_again() -> None:
    assert shades(((1, 2), (3,), (1, 2)), {1, 2}) == [[0, 0], [], [0, 0]]


def test_without_a_tracker_nobody_is_known_again() -> None:
    assert shades(((-1,), (-1,)), {1}) == [[0], []]


def test_faces_that_keep_the_rows_of_others_are_held_for_the_same_only() -> None:
    refine = Refine(bad=frozenset({1, 2}))
    plan = plan_of(
        [
            ("crowd", Crowd(who=((1, 2), (1, 2), (3,))), {"frame": "source"}),
            ("refine", refine, {"faces": "crowd", "frame": "source"}),
        ],
        on_error="hold",
    )
    given = [tick["refine"].tracks.tolist() for tick in engine_of(plan, ListSource(frames(3))).ticks()]
    assert given == [[1, 2], [1, 2], []]
