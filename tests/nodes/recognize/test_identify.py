"""recognize.identify on made people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.recognize._people import Stream
from vidface.data import Embeddings
from vidface.data.identity import Identity
from vidface.data.measures import Measure, Measures
from vidface.errors import UsageError
from vidface.gallery import Gallery
from vidface.graph.harness import NodeHarness
from vidface.nodes.recognize.identify import RecognizeIdentify


def decided(stream: Stream, **fields: object) -> list[list[Identity]]:
    with NodeHarness(RecognizeIdentify(**fields)) as harness:
        return [list(one) for one in harness.run(**stream.ports)]


def test_known_unknown_and_undecided(gallery: Callable[..., Path]) -> None:
    """Ann is enrolled, the other is not; nobody is decided before the third look."""
    rows = decided(Stream([{1: 1, 2: 7}] * 5), gallery=str(gallery(Ann=1, Bob=2)))
    assert [one.state for one in rows[1]] == ["undecided", "undecided"]
    ann, other = rows[4]
    assert (ann.state, ann.name, ann.looks) == ("known", "Ann", 5)
    assert ann.score > 0.8
    assert ann.margin > 0.3
    assert (other.state, other.name) == ("unknown", None)
    assert other.nearest in ("Ann", "Bob")
    assert set(ann.frames) <= set(range(5))
    assert len(ann.frames) == 3


def test_two_names_that_score_alike_stay_undecided(gallery: Callable[..., Path]) -> None:
    """The same person enrolled twice: there is no lead to decide by."""
    rows = decided(Stream([{1: 1}] * 6), gallery=str(gallery(Ann=1, Anna=1)))
    assert rows[-1][0].state == "undecided"
    assert abs(rows[-1][0].margin) < 0.05


def test_looks_that_say_nothing_leave_it_open(gallery: Callable[..., Path]) -> None:
    """Unrecognisable looks are no evidence that somebody is unknown; rows without a look change nothing."""
    folder = str(gallery(Ann=1))
    assert decided(Stream([{1: 7}] * 8, sure=0.01), gallery=folder)[-1][0] == Identity()
    assert decided(Stream([{1: 7}] * 8, sure=0.05), gallery=folder)[-1][0].state == "undecided"
    assert decided(Stream([{1: None}] * 4), gallery=folder)[-1][0] == Identity()


def test_a_few_foreign_looks_do_not_change_the_name(gallery: Callable[..., Path]) -> None:
    people = [1, 1, 1, 2, 1, 1, 1, 2, 1, 1]
    rows = decided(Stream([{1: who} for who in people]), gallery=str(gallery(Ann=1, Bob=2)))
    assert {row[0].name for row in rows[2:]} == {"Ann"}


def test_the_decision_changes_as_the_track_grows(gallery: Callable[..., Path]) -> None:
    """Blurred looks first, clear ones later."""
    folder = str(gallery(threshold=0.6, Ann=1))
    early, late = Stream([{1: 1}] * 4, noise=3.0), Stream([{1: 1}] * 30, noise=0.3)
    ports = {name: [*values, *late.ports[name]] for name, values in early.ports.items()}
    with NodeHarness(RecognizeIdentify(gallery=folder)) as harness:
        rows = harness.run(**ports)
    assert rows[3].rows[0].state == "unknown"
    assert rows[-1].rows[0].name == "Ann"


def test_a_known_track_keeps_its_name_by_the_slack_and_gets_none_by_it(gallery: Callable[..., Path]) -> None:
    """Clear looks, then blurred ones: below the threshold the name holds as far as the slack goes."""
    folder = str(gallery(Ann=1))

    def looks(threshold: float, slack: float, clear: int = 3) -> list[Identity]:
        first, rest = Stream([{1: 1}] * clear, noise=0.2), Stream([{1: 1}] * 12, noise=1.5)
        ports = {name: [*values, *rest.ports[name]] for name, values in first.ports.items()}
        with NodeHarness(RecognizeIdentify(gallery=folder, threshold=threshold, slack=slack)) as harness:
            return [one.rows[0] for one in harness.run(**ports)]

    scores = [one.score for one in looks(0, 0)]
    low = min(scores)
    bar = low + 0.01
    assert scores[2] > bar
    assert {one.name for one in looks(bar, 0.02)[2:]} == {"Ann"}
    lost = looks(bar, 0.005)
    assert lost[2].name == "Ann"
    assert lost[scores.index(low)].state == "unknown"
    never = max(one.score for one in looks(0, 0, clear=0)[2:]) + 0.005
    assert {one.name for one in looks(never, 0.02, clear=0)} == {None}


def test_measures_without_a_quality_are_refused_by_name() -> None:
    """Those of mesh.measures, say: the user's graph is at fault, and no node has a bug."""
    kinds = (Measure("smile", "ratio", "How much it smiles."),)
    stream = Stream([{1: 1}])
    with (
        NodeHarness(RecognizeIdentify()) as harness,
        pytest.raises(UsageError, match=r"the port quality needs .* 'quality', but gets smile: wire it to"),
    ):
        harness.run(**stream.ports, quality=[Measures.none(kinds, 1)])


def test_a_face_without_a_track_is_decided_from_one_look(gallery: Callable[..., Path]) -> None:
    rows = decided(Stream([{-1: 1}] * 2), gallery=str(gallery(Ann=1)))
    assert [row[0].name for row in rows] == ["Ann", "Ann"]
    assert rows[1][0].looks == 1


@pytest.mark.parametrize(("sure", "state"), [(0.9, "unknown"), (0.3, "unknown"), (0.2, "undecided")])
def test_a_stranger_without_a_track_is_unknown_where_the_look_says_something(
    gallery: Callable[..., Path], sure: float, state: str
) -> None:
    """One look is never a perfect one, which is what a track is asked for."""
    rows = decided(Stream([{-1: 7}], sure=sure), gallery=str(gallery(Ann=1)))
    assert rows[0][0].state == state


def test_looks_are_kept_over_a_cut(gallery: Callable[..., Path]) -> None:
    stream = Stream([{1: 1}] * 6)
    with NodeHarness(RecognizeIdentify(gallery=str(gallery(Ann=1)))) as harness:
        rows = harness.run(segments=[3], **stream.ports)
    assert [one.rows[0].looks for one in rows] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("where", ["", "empty"])
def test_nobody_is_known_without_people_and_the_run_says_so(gallery: Callable[..., Path], where: str) -> None:
    folder = str(gallery()) if where else ""
    with NodeHarness(RecognizeIdentify(gallery=folder)) as harness:
        rows = harness.run(**Stream([{1: 1}] * 4).ports)
        facts = harness.node.facts()
    assert rows[-1].rows[0].state == "unknown"
    assert np.isnan(rows[-1].rows[0].score)
    assert "nobody can be known" in facts["notes"][0]


@pytest.mark.parametrize(("model", "threshold"), [("sface_2021dec@1", 0.363), ("made@1", 0.4), ("", 0.4)])
def test_without_a_gallery_the_threshold_is_the_embedder_s(model: str, threshold: float) -> None:
    stream = Stream([{1: 1}] * 3)
    stream.embeddings = [Embeddings(one.vectors, one.recognisability, model) for one in stream.embeddings]
    for own, wanted in ((None, threshold), (0.7, 0.7)):
        with NodeHarness(RecognizeIdentify(threshold=own)) as harness:
            harness.run(**stream.ports)
            assert harness.node.facts()["threshold"] == wanted


def test_the_gallery_s_log_tells_of_the_search_and_who_was_found(gallery: Callable[..., Path]) -> None:
    folder = gallery(Ann=1, Bob=2)
    with NodeHarness(RecognizeIdentify(gallery=str(folder))) as harness:
        harness.run(**Stream([{1: 1}] * 4).ports)
        harness.node.facts()
    with Gallery.open(folder) as book:
        rows = [row for row in book.audit(10) if row.action == "identify"]
    assert [row.detail for row in rows] == [
        {"clip": "harness", "tracks known": 1},
        {"clip": "harness", "begins": True},
    ]
    assert rows[0].people == ("Ann",)


def test_a_log_that_cannot_be_written_in_the_end_is_a_note(gallery: Callable[..., Path]) -> None:
    """Not a failure: all frames are done by then, and the search itself is in the log."""
    folder = gallery(Ann=1)
    with NodeHarness(RecognizeIdentify(gallery=str(folder))) as harness:
        harness.run(**Stream([{1: 1}] * 4).ports)
        folder.rename(folder.with_name("moved"))
        facts = harness.node.facts()
    assert "not who was found" in facts["notes"][0]


def test_a_gallery_of_another_embedder_is_refused(gallery: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="re-embed"):
        decided(Stream([{1: 1}]), gallery=str(gallery(model="other@111111111111", Ann=1)))


def test_a_gallery_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        decided(Stream([{1: 1}]), gallery=str(tmp_path / "nowhere"))


def test_values_do_not_depend_on_the_chunk(gallery: Callable[..., Path]) -> None:
    folder, stream = str(gallery(Ann=1, Bob=2)), Stream([{1: 1, 2: 2, 3: 9}] * 9)
    results = []
    for chunk in (1, 4, 9):
        with NodeHarness(RecognizeIdentify(gallery=folder), chunk=chunk) as harness:
            results.append([[one.row() for one in value.rows] for value in harness.run(**stream.ports)])
    assert results[0] == results[1] == results[2]
