"""Recognition before a camera that has no end: what is kept is bounded, and people are forgotten in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.recognize._people import MODEL, Stream, look
from vidface.data import Device, Embeddings, Faces, Frame
from vidface.gallery import Gallery
from vidface.node import Window
from vidface.nodes.recognize import identify as identify_module
from vidface.nodes.recognize.identify import RecognizeIdentify
from vidface.nodes.recognize.relink import RecognizeRelink

FRAME = Stream([{}]).frames[0]
RNG = np.random.default_rng(5)


def at(seconds: float, arrival: float | None = None) -> Frame:
    ms = round(1000 * seconds)
    return replace(FRAME, index=ms, pts=ms, time_base=Fraction(1, 1000), arrival=arrival)


def seen(track: int, person: int) -> tuple[Faces, Embeddings]:
    faces = Faces.of([(10, 10, 70, 90)], tracks=np.array([track], np.int64))
    return faces, Embeddings(look(person, RNG, 0.5)[None], np.full(1, 0.9, np.float32), MODEL)


NOBODY = (Faces.none(), Embeddings.none(32, 0, MODEL))


class Camera:
    """A relink node, fed frame by frame; gives the person's number."""

    def __init__(self, **fields: object) -> None:
        self.node = RecognizeRelink.model_validate({"look_ahead": 0, **fields})
        self.node.open(Device())
        self.node.reset()

    def see(self, frame: Frame, faces: Faces, looks: Embeddings) -> int | None:
        out = self.node.process(frame, Window([faces], 0), Window([looks], 0))
        return int(out.tracks[0]) if len(out) else None

    def visit(self, start_s: float, track: int, person: int) -> int | None:
        """Six looks in a second; the number that the last one has."""
        return [self.see(at(start_s + i / 6), *seen(track, person)) for i in range(6)][-1]


def test_a_person_not_seen_for_so_long_is_forgotten() -> None:
    """Back within the hour: the old number. Back after it: a new one, and no look of before is kept."""
    camera = Camera(forget_after_s=3600)
    first = camera.visit(0, 1, 7)
    assert camera.visit(3000, 2, 7) == first
    camera.see(at(3001), *NOBODY)
    camera.see(at(3000 + 3602), *NOBODY)
    assert camera.node._people == {}
    assert camera.visit(6700, 3, 7) != first
    assert camera.node.facts()["people_forgotten"] == 1


def test_the_time_of_forgetting_survives_a_camera_s_clock_that_leaps_back() -> None:
    """The camera reboots and counts from 0 again: arrivals go on, so the hour still ends."""
    camera = Camera(forget_after_s=3600)
    camera.see(at(90_000, arrival=10.0), *seen(1, 7))
    for minute in range(62):
        camera.see(at(60 * minute, arrival=20.0 + 60 * minute), *NOBODY)
    assert camera.node._people == {}


def test_without_the_field_people_are_remembered() -> None:
    camera = Camera()
    first = camera.visit(0, 1, 7)
    assert camera.visit(10**6, 2, 7) == first


def weeks(tracks: int) -> Iterator[tuple[Frame, Faces, Embeddings]]:
    """A track every five minutes, of ever new people, each seen four times."""
    for number in range(1, tracks + 1):
        for i in range(4):
            yield at(300 * number + i / 4), *seen(number, 3000 + number)


def test_relinking_for_weeks_keeps_a_bounded_number_of_everything() -> None:
    """Six hundred visits: people by `remember`, tracks by two minutes, notes by two hundred."""
    camera = Camera(remember=50)
    for frame, faces, looks in weeks(600):
        camera.see(frame, faces, looks)
    node = camera.node
    assert len(node._people) <= 50
    assert set(node._seen_s) == set(node._people)
    assert len(node._of_track) == 1
    facts = node.facts()
    assert len(facts["links"]) <= 200
    assert facts["people_forgotten"] > 300


def test_notes_are_the_newest_and_the_others_are_counted() -> None:
    """One person who comes three hundred times: two hundred links are listed."""
    camera = Camera()
    for visit in range(301):
        camera.visit(10 * visit, visit + 1, 7)
    facts = camera.node.facts()
    assert len(facts["links"]) == 200
    assert facts["links_not_listed"] == 100
    assert facts["links"][-1]["track"] == 301


def test_who_is_forgotten_for_room_may_still_come_back() -> None:
    """Room for one person, two of them in turn under their old track numbers: no crash, a number each."""
    camera = Camera(remember=1)
    for turn in range(6):
        assert camera.visit(2 * turn, 1 + turn % 2, turn % 2) is not None


def test_identifying_for_weeks_keeps_a_bounded_number_of_everything(
    gallery: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracks go after two minutes; names of tracks are folded into counts; the log has the sum."""
    monkeypatch.setattr(identify_module, "_MOST_FOUND", 100)
    node = RecognizeIdentify(gallery=str(gallery(Ann=1)))
    node.open(Device())
    node.reset()
    for number in range(1, 251):
        for i in range(4):
            node.process(at(300 * number + i / 4), *seen(number, 1))
    assert len(node._tracks) == 1
    assert len(node._found) == 100
    assert node._earlier == {"Ann": 150}


def test_most_looks_of_a_track_go_after_the_time_that_is_asked_for(gallery: Callable[..., Path]) -> None:
    """Also where the camera's own clock leaps back a day in between."""
    node = RecognizeIdentify(gallery=str(gallery(Ann=1)), forget_after_s=10)
    node.open(Device())
    for _ in range(20):
        node.process(at(90_000, arrival=5.0), *seen(1, 1))
    node.process(at(0, arrival=14.0), *NOBODY)
    assert len(node._tracks[1].looks.vectors) == 20
    node.process(at(2, arrival=16.0), *NOBODY)
    assert node._tracks == {}
    assert len(node._resting[1].looks.vectors) == 8


def test_of_tracks_out_of_sight_only_so_many_are_remembered(gallery: Callable[..., Path]) -> None:
    """A street: thousands pass once, and memory stays."""
    node = RecognizeIdentify(gallery=str(gallery(Ann=1)), forget_after_s=10)
    node.open(Device())
    for number in range(2100):
        node.process(at(number), *seen(number, number))
    assert list(node._tracks) == list(range(2090, 2100))
    assert list(node._resting) == list(range(90, 2090))


def test_who_comes_back_after_long_is_known_at_once(gallery: Callable[..., Path]) -> None:
    """Not begun anew, and not taken out of the gallery's log."""
    folder = gallery(Ann=1, Bob=2)
    node = RecognizeIdentify(gallery=str(folder), min_looks=5)
    node.open(Device())
    for step in range(50):
        before = node.process(at(step / 25), *seen(1, 1)).rows[0]
    for step in range(140):
        node.process(at(2 + step), *NOBODY)
    after = node.process(at(150), *seen(1, 1)).rows[0]
    assert (before.state, before.name, before.looks) == ("known", "Ann", 50)
    assert (after.state, after.name, after.looks) == ("known", "Ann", 51)
    node.facts()
    with Gallery.open(folder) as book:
        assert book.audit(1)[0].people == ("Ann",)


def test_vectors_that_are_forgotten_meanwhile_do_not_live_on(gallery: Callable[..., Path]) -> None:
    """Whose pictures say which frames speak for a person: none, once the gallery has forgotten her."""
    folder = gallery(Ann=1)
    node = RecognizeIdentify(gallery=str(folder))
    node.open(Device())
    steps = [(at(i / 25), *seen(1, 1)) for i in range(6)]
    # The better the later: with pictures to compare with, the last frames speak most.
    steps = [
        (frame, faces, replace(looks, recognisability=np.full(1, 0.1 + 0.15 * i, np.float32)))
        for i, (frame, faces, looks) in enumerate(steps)
    ]
    before = [node.process(*step).rows[0] for step in steps][-1]
    with Gallery.open(folder, write=True) as book:
        book.forget("Ann")
    after = node.process(at(1), *NOBODY), node.process(*steps[0]).rows[0]
    assert min(before.frames) >= 80
    assert after[1].score == 0
    assert after[1].frames == (0, 40, 80)
