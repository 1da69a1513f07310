"""Unknown people over runs: who is grouped with whom, what is asked, what is remembered, broken folders."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.gallery.people import MODEL, D, direction, filled, vector
from tests.gallery.runfolders import TEMPLATE, add_shot, made_run
from vidface.errors import InputError, OutputError, UsageError
from vidface.gallery import Gallery, Look
from vidface.gallery.answers import FILE, Answers, read_answers, write_answers
from vidface.gallery.runs import Track, read_run, read_runs
from vidface.gallery.unknowns import Unknowns, group_unknowns, looks_of, overlapping, star

TIMES = ((0.0, 2.0),)
LATER = ((10.0, 12.0),)


def who(found: Unknowns) -> list[set[str]]:
    """The groups as sets of `folder#track`."""
    return [{f"{track.run.name}#{track.number}" for track in group.tracks} for group in found.groups]


def two_runs(folder: Path) -> list[Path]:
    """Person 11 in both, 12 in the first twice, 13 in the second; 14 is known there."""
    one = made_run(folder / "one", {1: (11, TIMES), 2: (12, TIMES), 5: (12, LATER)})
    two = made_run(
        folder / "two",
        {1: (13, TIMES), 2: (11, LATER), 3: (14, LATER)},
        views=1,
        states={3: ("known", "Dan"), 2: ("undecided", "")},
    )
    return [one, two]


def test_one_person_over_two_runs_is_one_group(tmp_path: Path) -> None:
    """Known tracks are left out, undecided ones are in; proposed groups come first."""
    found = group_unknowns(read_runs(two_runs(tmp_path)))
    assert who(found) == [{"one#1", "two#2"}, {"one#2", "one#5"}, {"two#1"}] or who(found) == [
        {"one#2", "one#5"},
        {"one#1", "two#2"},
        {"two#1"},
    ]
    assert [group.number for group in found.groups] == [1, 2, 3]
    assert [group.proposed for group in found.groups] == [True, True, False]
    assert (found.known, found.poor, found.enrolled) == (1, 0, 0)
    assert found.model == MODEL
    first = found.groups[0]
    assert np.linalg.norm(first.vector) == pytest.approx(1, abs=1e-4)
    assert first.tracks[0].evidence >= first.tracks[1].evidence


@pytest.mark.parametrize(
    ("count", "cosine", "proposed"), [(2, 0.6, False), (2, 0.75, True), (3, 0.65, True), (5, 0.55, True)]
)
def test_what_is_proposed_hangs_on_size(tmp_path: Path, count: int, cosine: float, proposed: bool) -> None:
    """Two tracks must be more alike than five: among many strangers some two look alike."""
    rng = np.random.default_rng(count)
    axes = np.linalg.qr(rng.normal(size=(len(direction(1)), count + 1)))[0].T
    rows = np.sqrt(cosine) * axes[0] + np.sqrt(1 - cosine) * axes[1:]
    tracks = {i + 1: (11, ((20.0 * i, 20.0 * i + 5),)) for i in range(count)}
    run = made_run(tmp_path / "one", tracks, vector=rows.astype(np.float32))
    (group,) = group_unknowns(read_runs([run])).groups
    assert group.cohesion == pytest.approx(cosine, abs=1e-3)
    assert group.proposed is proposed


def test_numbers_do_not_depend_on_the_order_of_runs(tmp_path: Path) -> None:
    """A group keeps its number however the runs are given, also when one is given twice."""
    runs = two_runs(tmp_path)
    first = group_unknowns(read_runs(runs))
    again = group_unknowns(read_runs([runs[1], runs[0], runs[1] / "people.npz", runs[0] / ".." / "one"]))
    assert who(first) == who(again)


def test_tracks_seen_together_are_two_people(tmp_path: Path) -> None:
    """Twins side by side stay two groups; one after the other in one run they would be one."""
    together = made_run(tmp_path / "a", {1: (11, ((0, 5),)), 2: (11, ((4, 9),))})
    assert len(group_unknowns(read_runs([together])).groups) == 2
    after = made_run(tmp_path / "b", {1: (11, ((0, 5),)), 2: (11, ((5, 9),))})
    assert len(group_unknowns(read_runs([after])).groups) == 1


def test_overlap_is_of_spans_not_of_whole_tracks(tmp_path: Path) -> None:
    """Relinked tracks have gaps: somebody seen in the gap is not held apart; a moment of one frame is."""
    folder = made_run(
        tmp_path / "a", {1: (11, ((0, 2), (20, 22))), 2: (12, ((10, 12),)), 3: (13, ((21, 21),))}
    )
    assert overlapping(read_run(folder).tracks) == [(0, 2)]


def test_poor_tracks_are_left_out(tmp_path: Path) -> None:
    """Too little evidence, or never measured; counted."""
    rows = np.stack([vector(11), vector(12), np.zeros(D, np.float32)])
    folder = made_run(
        tmp_path / "a",
        {1: (11, TIMES), 2: (12, TIMES), 3: (13, TIMES)},
        evidence=np.array([1.0, 0.1, 0.0]),
        vector=rows,
    )
    found = group_unknowns(read_runs([folder]))
    assert (who(found), found.poor) == ([{"a#1"}], 2)


def test_a_gallery_says_who_they_are_like_and_who_is_in_it_by_now(tmp_path: Path) -> None:
    """Enrolled tracks are left out; others show the nearest person."""
    runs = read_runs(two_runs(tmp_path))
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Ann", [Look(runs[0].tracks[0].vector)])
        found = group_unknowns(runs, reference=gallery.reference())
    assert found.enrolled == 1
    like = {
        name: group.nearest for group, names in zip(found.groups, who(found), strict=True) for name in names
    }
    assert like["two#2"] is not None
    assert like["two#2"].name == "Ann"
    assert like["two#2"].score > 0.7


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    """Two runs of two models, and a gallery of another one."""
    one, two = two_runs(tmp_path)
    with Gallery.create(tmp_path / "g", fingerprint="other@1", dimension=D) as gallery:
        reference = gallery.reference()
    with pytest.raises(UsageError, match="gallery holds vectors of other@1, but these runs"):
        group_unknowns(read_runs([one]), reference=reference)
    made_run(two, {1: (13, TIMES)}, model="other@1")
    with pytest.raises(UsageError, match="vectors of two embedders cannot be compared"):
        read_runs([one, two])


def test_doubtful_pairs_are_asked_and_answers_are_kept_to(tmp_path: Path) -> None:
    """A look halfway between: the question names it; either answer is followed and ends the question."""
    rows = np.stack([direction(1), _between(direction(1), direction(2), 0.4)]).astype(np.float32)
    folder = made_run(tmp_path / "a", {1: (1, TIMES), 2: (2, LATER)}, vector=rows)
    runs = read_runs([folder])
    found = group_unknowns(runs)
    assert len(found.groups) == 2
    (ask,) = found.asks
    assert {ask.left, ask.right} == {1, 2}
    assert ask.similarity == pytest.approx(0.4, abs=1e-3)
    pair = (ask.left_track.key, ask.right_track.key)
    same = group_unknowns(runs, answers=Answers().add([pair], same=True))
    assert (len(same.groups), same.asks) == (1, ())
    other = group_unknowns(runs, answers=Answers().add([pair], same=False))
    assert (len(other.groups), other.asks) == (2, ())


def test_whoever_looked_knows_better_than_the_clock(tmp_path: Path) -> None:
    """A face and its mirror image are seen at the same time; an answer makes them one."""
    runs = read_runs([made_run(tmp_path / "a", {1: (11, TIMES), 2: (11, TIMES)})])
    answers = Answers().add(star(runs[0].tracks), same=True)
    assert len(group_unknowns(runs, answers=answers).groups) == 1


def test_later_answers_count(tmp_path: Path) -> None:
    """The same pair again, and a way round: A is B, B is C, then A is not C."""
    runs = read_runs([made_run(tmp_path / "a", {1: (11, TIMES), 2: (12, LATER), 3: (13, ((30, 31),))})])
    a, b, c = (track.key for track in runs[0].tracks)
    changed = Answers().add([(a, b)], same=True).add([(b, a)], same=False)
    assert len(changed) == 1
    assert len(group_unknowns(runs, answers=changed).groups) == 3
    round_about = Answers().add([(a, b), (b, c)], same=True).add([(a, c)], same=False)
    found = group_unknowns(runs, answers=round_about)
    assert found.dropped == 1
    assert {frozenset(names) for names in who(found)} == {frozenset({"a#1"}), frozenset({"a#2", "a#3"})}
    back = Answers().add([(a, c)], same=False).add([(a, b), (b, c)], same=True)
    assert len(group_unknowns(runs, answers=back).groups) == 1


def test_answers_of_other_tracks_do_no_harm(tmp_path: Path) -> None:
    """Tracks that are not in these runs."""
    runs = read_runs([made_run(tmp_path / "a", {1: (11, TIMES)})])
    answers = Answers().add([("x", "y"), (runs[0].tracks[0].key, "y")], same=True)
    assert len(group_unknowns(runs, answers=answers).groups) == 1


def test_a_repeated_run_keeps_its_answers(tmp_path: Path) -> None:
    """The same vectors in another folder: the key is of the vector, not of the place."""
    one = read_run(made_run(tmp_path / "a", {1: (11, TIMES), 2: (12, LATER)}))
    two = read_run(made_run(tmp_path / "b", {1: (11, TIMES), 2: (12, LATER)}))
    answers = Answers().add(star(one.tracks), same=True)
    assert len(group_unknowns([two], answers=answers).groups) == 1
    assert len(group_unknowns([one, two], answers=answers).groups) == 1


def test_answers_are_private_and_survive(tmp_path: Path) -> None:
    """Read back as written; 0600; nothing of a name or a path in it; a track's answers can be taken out."""
    answers = Answers().add([("b", "a"), ("c", "d"), ("e", "e")], same=True).add([("a", "c")], same=False)
    write_answers(tmp_path, answers)
    assert read_answers(tmp_path) == answers
    assert answers.pairs == (("a", "b", True), ("c", "d", True), ("a", "c", False))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert answers.without(["a"]).pairs == (("c", "d", True),)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert read_answers(tmp_path / "nowhere") == Answers()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 9_000,
        '{"version": 2, "answers": []}',
        '{"version": 1, "answers": [1]}',
        '{"version": 1, "answers": [{"tracks": ["a"], "same": true}]}',
        '{"version": 1, "answers": [{"tracks": ["a", "b"], "same": 1}]}',
    ],
)
def test_damaged_answers_are_told(tmp_path: Path, text: str) -> None:
    """One sentence that says what to do."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=r"answers\.json cannot be read .* delete it to begin anew"):
        read_answers(tmp_path)


def test_answers_on_a_full_disk(tmp_path: Path) -> None:
    """What was there before stays."""
    write_answers(tmp_path, Answers().add([("a", "b")], same=True))
    (tmp_path / f"{FILE}.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"answers\.json could not be written"):
        write_answers(tmp_path, Answers())
    assert len(read_answers(tmp_path)) == 1


@pytest.mark.parametrize(("crop", "marks"), [("box", True), ("arcface112", False)])
def test_looks_come_with_an_aligned_picture(tmp_path: Path, crop: str, marks: bool) -> None:
    """From a shot cut out by its box and turned by the landmarks, or aligned already."""
    folder = made_run(tmp_path / "a", {4: (11, TIMES)})
    add_shot(folder, 4, crop, marks=marks)
    (look,) = looks_of(read_run(folder).tracks)
    assert look.source == f"{folder.resolve()}#4"
    assert look.quality == pytest.approx(0.7)
    assert look.picture is not None
    image = cv2.imdecode(np.frombuffer(look.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.shape == (112, 112)
    assert [int(image[int(y), int(x)]) < 60 for x, y in TEMPLATE] == [True] * 5
    dark = np.argwhere(image[25:105, 25:90] < 100) + 25  # without the corners outside of the shot
    assert np.abs(dark[:, ::-1].mean(axis=0) + 0.5 - TEMPLATE.mean(axis=0)).max() < 1


@pytest.mark.parametrize(("crop", "marks"), [("box", False), ("", True), ("somehow", True)])
def test_no_picture_rather_than_a_crooked_one(tmp_path: Path, crop: str, marks: bool) -> None:
    """Without landmarks, or where the run does not say how it was cut out: re-embedding would go wrong."""
    folder = made_run(tmp_path / "a", {4: (11, TIMES)})
    add_shot(folder, 4, marks=marks)
    index = folder / "shots" / "index.jsonl"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"crop": crop}) + "\n")
    (look,) = looks_of(read_run(folder).tracks)
    assert look.picture is None


def test_a_damaged_shot_is_told(tmp_path: Path) -> None:
    """Its file is named."""
    folder = made_run(tmp_path / "a", {4: (11, TIMES)})
    add_shot(folder, 4).write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"track_0004\.png is no picture"):
        looks_of(read_run(folder).tracks)


def test_the_best_of_several_shots_counts_and_none_outside(tmp_path: Path) -> None:
    """A file outside of the run, a missing one and an odd line are passed over."""
    folder = made_run(tmp_path / "a", {4: (11, TIMES)})
    add_shot(folder, 4, quality=0.2)
    (tmp_path / "secret.png").write_bytes(b"x")
    rows: list[Any] = [
        {"track": 4, "file": "../../secret.png", "frame": 1, "quality": 0.9, "box": [1, 2, 3, 4]},
        {"track": 4, "file": "gone.png", "frame": 1, "quality": 0.8, "box": [1, 2, 3, 4]},
        {"track": 4},
    ]
    with (folder / "shots" / "index.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    shot = read_run(folder).tracks[0].shot
    assert shot is not None
    assert shot.path.name == "track_0004.png"


def test_decisions_come_from_tracks_jsonl_where_the_file_has_none(tmp_path: Path) -> None:
    """Identity was wired to jsonl only; a line that was cut off by a kill is passed over."""
    folder = made_run(tmp_path / "a", {1: (11, TIMES), 2: (12, TIMES)}, states={1: ("", ""), 2: ("", "")})
    row = {"track": 1, "identity": {"state": "known", "name": "Ann"}}
    (folder / "tracks.jsonl").write_text(json.dumps(row) + '\n{"track": 2, "iden')
    one, two = read_run(folder).tracks
    assert (one.state, one.name, two.state) == ("known", "Ann", "")
    assert group_unknowns(read_runs([folder])).known == 1


def test_a_run_without_people(tmp_path: Path) -> None:
    """No groups, no questions; another model's empty run beside it is fine."""
    runs = read_runs([made_run(tmp_path / "a", {}, model=""), made_run(tmp_path / "b", {1: (11, TIMES)})])
    assert len(group_unknowns(runs).groups) == 1
    assert group_unknowns(runs[:1]).groups == ()


BROKEN: dict[str, dict[str, Any]] = {
    "has no array vector": {"vector": None},
    "vectors are not of unit length": {"vector": np.full((1, D), 3, np.float32)},
    "wanted n x d float32": {"vector": np.zeros((1, D))},
    "looks has": {"looks": np.zeros(4, np.int64)},
    "evidence has": {"evidence": np.array(["x"])},
    "cannot be read": {"name": np.array([None])},
    "states that are none": {"state": np.array(["perhaps"])},
    "span_last has": {"span_last": np.zeros(3)},
}


@pytest.mark.parametrize("told", BROKEN)
def test_damaged_embeddings_are_told(tmp_path: Path, told: str) -> None:
    """Missing, odd or foreign arrays: the file and the fault are named, nothing is unpickled."""
    folder = made_run(tmp_path / "a", {1: (11, TIMES)}, **BROKEN[told])
    with pytest.raises(InputError, match=told):
        read_run(folder / "people.npz")


def test_a_track_must_stand_there_once(tmp_path: Path) -> None:
    """Two rows of one number."""
    folder = made_run(tmp_path / "a", {1: (11, TIMES), 2: (12, TIMES)}, track=np.array([1, 1]))
    with pytest.raises(InputError, match="a track stands there twice"):
        read_run(folder)


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    """Nothing there, no embeddings, a cut-off file, two files of embeddings."""
    with pytest.raises(InputError, match=r"is no folder of a run: there is no run\.json"):
        read_run(tmp_path)
    folder = made_run(tmp_path / "a", {1: (11, TIMES)})
    data = (folder / "people.npz").read_bytes()
    (folder / "people.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"people\.npz cannot be read"):
        read_run(folder)
    (folder / "people.npz").unlink()
    np.savez(folder / "meshes.npz", points=np.zeros(3))
    with pytest.raises(UsageError, match="has no embeddings of tracks: give the graph an output"):
        read_run(folder)
    (folder / "run.json").write_text('{"status": "running"}')
    with pytest.raises(UsageError, match="the run has not ended"):
        read_run(folder)
    for text in ("[", "[" * 100_000):
        (folder / "run.json").write_text(text)
        with pytest.raises(InputError, match=r"run\.json cannot be read"):
            read_run(folder)
    (folder / "run.json").write_text("{}")
    for name in ("a", "b"):
        (folder / f"{name}.npz").write_bytes(data)
    with pytest.raises(UsageError, match=r"several files of embeddings \(a\.npz, b\.npz\)"):
        read_run(folder)
    assert len(read_run(folder / "b.npz").tracks) == 1


def test_an_empty_gallery_changes_nothing(tmp_path: Path) -> None:
    """Nobody enrolled: no nearest person."""
    with Gallery.open(filled(tmp_path / "g", ())) as gallery:
        found = group_unknowns(read_runs(two_runs(tmp_path)), reference=gallery.reference())
    assert {group.nearest for group in found.groups} == {None}


def test_a_wrong_number_is_told(tmp_path: Path) -> None:
    """With the numbers there are."""
    found = group_unknowns(read_runs(two_runs(tmp_path)))
    with pytest.raises(UsageError, match="there is no group 9: the groups are 1 to 3"):
        found.group(9)


def _between(one: Any, two: Any, cosine: float) -> Any:
    """A direction in their plane with this cosine to the first."""
    rest = two - one * float(one @ two)
    return cosine * one + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)


def test_keys_are_of_the_vector(tmp_path: Path) -> None:
    """Two tracks of one person have two keys; 24 hex digits."""
    tracks: tuple[Track, ...] = read_run(two_runs(tmp_path)[0]).tracks
    assert len({track.key for track in tracks}) == 3
    assert all(len(track.key) == 24 for track in tracks)
