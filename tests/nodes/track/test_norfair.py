"""track.norfair keeps the contract of track.faces on norfair's tracker."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

import pytest

from tests.nodes.track._stage import (
    faces_of,
    frames_at,
    going,
    numbers,
    run,
    same,
    seen,
    segment,
    steady,
    tracks_of,
)
from vidface.data import Device, Faces
from vidface.errors import UsageError
from vidface.node import Window
from vidface.nodes.track.norfair import TrackNorfair


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not norfair is on this machine."""
    real = importlib.import_module

    def absent(name: str, package: str | None = None) -> Any:
        if name.partition(".")[0] == "norfair":
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UsageError, match=r'pip install "vidface\[norfair\]"'):
        TrackNorfair().open(Device())


@pytest.fixture(autouse=True)
def needs_norfair(request: pytest.FixtureRequest) -> None:
    if "monkeypatch" not in request.fixturenames:
        pytest.importorskip("norfair")


@pytest.mark.parametrize("every", [1, 3])
def test_two_who_pass_are_two(every: int) -> None:
    """Also where the detector looks at each third frame only; then the rows between are marked."""
    one = going(200, 200, 90, vx=100)
    two = going(700, 420, 90, vx=-100)
    times = steady(3, 24)
    values = run(TrackNorfair(), times, seen(times, [one, two], every=every))
    assert numbers(values) == {1, 2}
    assert len(tracks_of(values, times, one)) == 1
    assert values[12].interpolated.tolist() == [False, False]
    assert values[13].interpolated.tolist() == [every == 3] * 2


def test_numbers_are_those_of_the_stream_not_of_the_process() -> None:
    """norfair counts ids in the process: a second stream begins at 1 again, a reset counts on."""
    node, times = TrackNorfair(), steady(1)
    frames, found = frames_at(times), seen(times, [going(300, 300, 80), going(700, 300, 80)])
    for _ in range(2):
        node.open(Device())
        assert numbers(segment(node, frames[:12], found[:12])) == {1, 2}
        assert numbers(segment(node, frames[12:], found[12:])) == {3, 4}
        node.close()


def test_two_streams_at_once_do_not_mix() -> None:
    """Interleaved calls give what each gives alone."""
    times = steady(1)
    frames = frames_at(times)
    streams = [seen(times, [going(x, 300, 80, vx=50)]) for x in (200, 600)]
    alone = [run(TrackNorfair(look_ahead=0), times, found) for found in streams]
    nodes = [TrackNorfair(look_ahead=0) for _ in streams]
    for node in nodes:
        node.open(Device())
        node.reset()
    mixed: list[list[Faces]] = [[], []]
    for i, frame in enumerate(frames):
        for k, node in enumerate(nodes):
            mixed[k].append(node.process(Window([frame], 0), Window([streams[k][i]], 0)))
    assert same(mixed[0], alone[0])
    assert same(mixed[1], alone[1])


def test_a_hole_is_filled_and_marked() -> None:
    times = steady(2)
    found = seen(times, [going(300, 300, 80, vx=50)])
    found[25] = Faces.none()
    values = run(TrackNorfair(), times, found)
    assert [i for i, value in enumerate(values) if value.interpolated.any()] == [25]
    assert numbers(values) == {1}


def test_a_missed_second_keeps_the_number() -> None:
    times = steady(5)
    path = going(300, 300, 90, vx=20, unseen=(3, 3.9))
    assert numbers(run(TrackNorfair(), times, seen(times, [path]))) == {1}


def test_looks_farther_apart_than_max_gap_are_linked() -> None:
    """A face at rest is one track; norfair lets the first of the looks go. One that is gone is forgotten."""
    times = [Fraction(2 * i) for i in range(12)]
    found = [faces_of([(300, 300, 90)]) if i not in (6, 7) else Faces.none() for i in range(12)]
    values = run(TrackNorfair(look_ahead=0), times, found)
    assert [value.tracks.tolist() for value in values] == [[], [], *[[1]] * 4, [], [], [], *[[2]] * 3]


def test_a_single_false_alarm_is_dropped() -> None:
    times = steady(1)
    found = seen(times, [going(300, 300, 80)])
    found[10] = faces_of([(300, 300, 80), (900, 500, 60)])
    assert numbers(run(TrackNorfair(), times, found)) == {1}


def test_nobody_and_flat_boxes() -> None:
    """Empty frames, frames nobody looked at, and a box without area."""
    times = steady(0.2)
    found = [Faces.none(), Faces.none(looked=False), *[Faces.of([[5, 5, 5, 9]])] * 3]
    values = run(TrackNorfair(), times, found)
    assert [value.looked for value in values] == [True, False, True, True, True]
