"""recognize.relink on made people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nodes.recognize._people import Stream
from vidface.graph.harness import NodeHarness
from vidface.nodes.recognize.relink import RecognizeRelink


def linked(stream: Stream, segments: tuple[int, ...] = (), **fields: Any) -> tuple[list[Any], dict[str, Any]]:
    """Track numbers of each frame, and the facts."""
    with NodeHarness(RecognizeRelink(**fields)) as harness:
        rows = [faces.tracks.tolist() for faces in harness.run(segments=segments, **stream.ports)]
        return rows, harness.node.facts()


GAP: list[dict[int, int]] = [{1: 1, 2: 2}] * 8 + [{2: 2}] * 5 + [{2: 2, 5: 1}] * 8
"""Person 1 leaves and comes back as track 5 while person 2 stays."""


def test_a_person_that_comes_back_gets_the_old_number_from_the_first_frame_on() -> None:
    rows, facts = linked(Stream(GAP))
    assert rows[0] == [1, 2]
    assert all(row == [2, 1] for row in rows[13:])
    assert facts["people"] == 2
    assert facts["links"][0]["track"] == 5
    assert facts["links"][0]["person"] == 1
    assert not facts["switches"]


def test_live_the_number_changes_once_there_are_looks_enough() -> None:
    rows, _ = linked(Stream(GAP), look_ahead=0)
    assert [row[1] for row in rows[13:]] == [3, 3] + [1] * 6


def test_a_new_person_gets_a_new_number() -> None:
    rows, facts = linked(Stream([{1: 1}] * 8 + [{4: 3}] * 8))
    assert rows[-1] == [2]
    assert not facts["links"]


def test_people_in_the_picture_are_never_merged() -> None:
    """Twins side by side stay two."""
    rows, _ = linked(Stream([{1: 1, 2: 1}] * 12))
    assert rows[-1] == [1, 2]


def test_people_are_remembered_over_a_cut() -> None:
    rows, facts = linked(Stream([{1: 1}] * 8 + [{2: 1}] * 8), segments=(8,))
    assert rows[-1] == [1]
    assert len(facts["links"]) == 1


@pytest.mark.parametrize("cut", [True, False])
def test_glimpses_of_a_person_are_no_people(cut: bool) -> None:
    """Tracks of two looks are not remembered once they are over, and are nobody's rivals until then."""
    glimpses: list[dict[int, int]] = [{1: 1}] * 8
    for number in range(2, 12):
        glimpses += [{number: 1}, {number: 1}, {}]
    ends = tuple(range(8, len(glimpses) + 1, 3)) if cut else ()
    stream = Stream([*glimpses, *[{20: 1}] * 8])
    with NodeHarness(RecognizeRelink(look_ahead=0)) as harness:
        rows = [faces.tracks.tolist() for faces in harness.run(segments=ends, **stream.ports)]
        assert rows[-1] == [1]
        assert len(harness.node._people) == (1 if cut else 11)


def test_few_looks_of_each_person_are_enough_to_know_them_again_and_no_more_are_kept() -> None:
    stream = Stream(GAP)
    with NodeHarness(RecognizeRelink(looks=4, look_ahead=0)) as harness:
        rows = [faces.tracks.tolist() for faces in harness.run(**stream.ports)]
        assert rows[-1] == [2, 1]
        assert {len(looks.vectors) for looks in harness.node._people.values()} == {4}


@pytest.mark.parametrize(("split", "last"), [(True, 2), (False, 1)])
def test_a_track_that_changes_person_is_reported(split: bool, last: int) -> None:
    rows, facts = linked(Stream([{1: 1}] * 16 + [{1: 2}] * 24), split=split)
    assert rows[-1] == [last]
    first = facts["switches"][0]
    assert first["track"] == 1
    assert 16 < first["frame"] < 32


def test_rows_without_track_or_look_pass() -> None:
    rows, facts = linked(Stream([{-1: 1, 1: None}] * 4))
    assert rows[-1] == [-1, 1]
    assert facts["people"] == 1


def test_values_do_not_depend_on_the_chunk() -> None:
    results = []
    for chunk in (1, 5, 16):
        with NodeHarness(RecognizeRelink(look_ahead=3), chunk=chunk) as harness:
            results.append([f.tracks.tolist() for f in harness.run(**Stream(GAP).ports)])
    assert results[0] == results[1] == results[2]


def test_only_so_many_people_are_remembered() -> None:
    stream = Stream([{n: n} for n in range(1, 30) for _ in range(5)])
    with NodeHarness(RecognizeRelink(remember=4)) as harness:
        harness.run(**stream.ports)
        assert len(harness.node._people) == 4
        assert harness.node.facts()["people"] == 29


@pytest.mark.parametrize("look_ahead", [0, 4])
def test_a_number_that_went_out_is_never_given_to_somebody_else(look_ahead: int) -> None:
    """A known person comes back, at first under a number of its own; then a stranger comes."""
    unmeasured: list[dict[int, int | None]] = [{2: None}] * 6
    stream = Stream([*[{1: 1}] * 8, *unmeasured, *[{2: 1}] * 8, *[{3: 2}] * 8])
    rows, facts = linked(stream, look_ahead=look_ahead)
    assert rows[8] == [2]
    assert rows[21] == [1]
    assert {row[0] for row in rows[22:]} == {3}
    assert facts["people"] == 2


def test_a_number_that_never_went_out_leaves_no_hole() -> None:
    rows, facts = linked(Stream([{1: 1}] * 8 + [{2: 1}] * 8 + [{3: 2}] * 8))
    assert [row[0] for row in rows] == [1] * 16 + [2] * 8
    assert facts["people"] == 2


@pytest.mark.parametrize("back", [1, 2])
@pytest.mark.parametrize("look_ahead", [0, 24])
def test_two_faces_of_a_frame_never_share_a_number(look_ahead: int, back: int) -> None:
    """Track 1 is away, track 2 is taken for its person, and track 1 comes back, on whatever face."""
    stream = Stream([{1: 1}] * 10 + [{2: 1}] * 6 + [{1: back, 2: 1}] * 10)
    rows, facts = linked(stream, look_ahead=look_ahead)
    assert rows[15] == [1]
    assert all(row[1] == 1 != row[0] for row in rows[16:])
    assert facts["people"] == 2
