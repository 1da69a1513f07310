"""anonymize.faces: no frame of a face leaks, whoever is in doubt is hidden, and all else stays."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from vidface.data import Faces, Frame
from vidface.data.identity import Identities, Identity
from vidface.data.mesh import Meshes
from vidface.errors import FrameError, NodeError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.anonymize._trails import Trail, ahead_of, spots
from vidface.nodes.anonymize.faces import AnonymizedFaces, AnonymizeFaces
from vidface.nodes.track.faces import TrackFaces

WIDE, HIGH, SIDE = 320, 180, 40
ANN = Identity("known", "Ann Lee", 0.8)
BOB = Identity("known", "Bob", 0.8)
UNKNOWN = Identity("unknown")
NOBODY_YET = Identity()


def box_at(index: int, *, start: float = 40.0, speed: float = 3.0, top: float = 60.0) -> NDArray[np.float32]:
    left = start + speed * index
    return np.array([left, top, left + SIDE, top + SIDE * 1.2], np.float32)


def clip(count: int) -> list[Frame]:
    """Noise, another on every frame: any sample that was changed shows."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(30, 220, (count, HIGH, WIDE, 3)).astype(np.uint8)
    return [frame_from_rgb(one, i, time=Fraction(i, 25)) for i, one in enumerate(pictures)]


def rows(*found: tuple[int, NDArray[np.float32]]) -> Faces:
    if not found:
        return Faces.none()
    return Faces.of([box for _, box in found], tracks=np.array([track for track, _ in found], np.int64))


def changed(before: Frame, after: Frame, box: NDArray[np.float32]) -> float:
    """Share of the samples in the oval of a face that are not what they were."""
    x1, y1, x2, y2 = box.tolist()
    y, x = np.mgrid[0:HIGH, 0:WIDE] + 0.5
    oval = ((x - (x1 + x2) / 2) / ((x2 - x1) / 2)) ** 2 + ((y - (y1 + y2) / 2) / ((y2 - y1) / 2)) ** 2 <= 1
    assert oval.any()
    return float((before.planes().luma != after.planes().luma)[oval].mean())


def run(node: AnonymizeFaces, frames: list[Frame], faces: list[Faces], **more: Any) -> list[AnonymizedFaces]:
    segments = more.pop("segments", ())
    with NodeHarness(node) as harness:
        found = harness.run(segments=segments, frame=frames, faces=faces, **more)
    return [AnonymizedFaces(*one) for one in found]


@pytest.mark.parametrize("mode", ["blur", "pixelate", "solid", "mask"])
def test_no_frame_leaks_where_the_detector_missed_the_face(mode: Any) -> None:
    """There from frame 0 to 50 and moving all the time; found only on 9 to 20, 33 and 34, and 41."""
    frames = clip(51)
    found = [rows((1, box_at(i))) if i in (*range(9, 21), 33, 34, 41) else rows() for i in range(51)]
    node = AnonymizeFaces(mode=mode)
    for index, one in enumerate(run(node, frames, found)):
        assert changed(frames[index], one.frame, box_at(index)) > 0.9, index
    facts = node.facts()
    assert facts["covered_frames"] == 51
    assert facts["tracks_hidden"] == 1
    assert facts["covers"] == {"seen": 15, "filled": 0, "between": 18, "held": 9, "early": 9}
    assert "9 before a face's first frame, 18 in gaps, 9 after its last" in facts["notes"][0]


def test_the_hold_ends() -> None:
    frames = clip(40)
    found = [rows((1, box_at(i))) if i < 3 else rows() for i in range(40)]
    result = run(AnonymizeFaces(hold_s=0.4), frames, found)
    assert [len(one.covers) for one in result] == [1] * 13 + [0] * 27
    assert result[20].frame is frames[20]


def test_a_gap_as_long_as_the_tracker_waits_is_covered_throughout() -> None:
    """At 60 a second the frames ahead see a fifth of a second: what lies between is for the hold to cover."""
    assert AnonymizeFaces().hold_s >= TrackFaces().max_gap_s
    gap = range(60, 60 + 84)
    found = [rows() if i in gap else rows((1, box_at(0))) for i in range(160)]
    trails: dict[int, Trail] = {}
    for i, here in enumerate(found):
        if len(here):
            trails.setdefault(1, Trail()).add(i / 60, here.boxes[0].astype(np.float64))
        ahead = range(i + 1, min(len(found), i + 1 + AnonymizeFaces().look_ahead))
        coming = ahead_of([j / 60 for j in ahead], [found[j] for j in ahead])
        hold_s, steady_s = AnonymizeFaces().hold_s, AnonymizeFaces().steady_s
        assert list(spots(i / 60, here, trails, coming, hold_s=hold_s, steady_s=steady_s)), i


def test_live_there_is_nothing_ahead_but_gaps_are_held() -> None:
    frames = clip(20)
    found = [rows((1, box_at(i))) if i in (5, 6, 7, 15) else rows() for i in range(20)]
    result = run(AnonymizeFaces(look_ahead=0), frames, found)
    assert [len(one.covers) for one in result] == [0] * 5 + [1] * 15
    assert all(changed(frames[i], result[i].frame, box_at(i)) > 0.9 for i in range(5, 20))


def test_nothing_is_carried_over_a_cut() -> None:
    frames = clip(30)
    found = [rows((1, box_at(0))) if i < 15 else rows() for i in range(20)]
    found += [rows((2, box_at(0, start=200))) for _ in range(10)]
    result = run(AnonymizeFaces(), frames, found, segments=(15, 20))
    assert all(one.covers.tracks.tolist() == [1] for one in result[:15])
    assert all(result[i].frame is frames[i] for i in range(15, 20))
    assert all(one.covers.tracks.tolist() == [2] for one in result[20:])


def test_two_faces_and_one_at_the_border_and_all_else_is_as_it_was() -> None:
    frames = clip(3)
    one, two = box_at(0), np.array([300, 150, 350, 210], np.float32)
    for frame, result in zip(
        frames, run(AnonymizeFaces(), frames, [rows((1, one), (2, two))] * 3), strict=True
    ):
        assert changed(frame, result.frame, one) > 0.9
        assert changed(frame, result.frame, two) > 0.9
        away = np.ones((HIGH, WIDE), bool)
        for x1, y1, x2, y2 in result.covers.boxes.tolist():
            away[max(0, int(y1) - 9) : int(y2) + 9, max(0, int(x1) - 9) : int(x2) + 9] = False
        assert away.mean() > 0.5
        before, after = frame.planes(), result.frame.planes()
        assert np.array_equal(before.luma[away], after.luma[away])


def test_a_cover_is_never_smaller_than_the_tracked_box() -> None:
    """A box that jumps is covered where it is, whatever the smoothing says."""
    frames = clip(9)
    boxes = [box_at(0) if i != 4 else box_at(0, top=110) for i in range(9)]
    result = run(AnonymizeFaces(steady_s=0.2), frames, [rows((1, box)) for box in boxes])
    for box, one in zip(boxes, result, strict=True):
        cover = one.covers.boxes[0]
        assert (cover[:2] < box[:2]).all()
        assert (cover[2:] > box[2:]).all()


def named(*who: Identity) -> list[Identities]:
    return [Identities((one,)) for one in who]


def shown(node: AnonymizeFaces, who: list[Identities]) -> list[bool]:
    """On which frames a face that is always there is left visible."""
    frames = clip(len(who))
    result = run(node, frames, [rows((1, box_at(0)))] * len(who), identity=who)
    hidden = [one.report.column("hidden")[0] for one in result]
    assert all(
        (one.frame is frame) == (value == 0) for one, frame, value in zip(result, frames, hidden, strict=True)
    )
    return [value == 0 for value in hidden]


def test_who_is_undecided_is_hidden() -> None:
    who = named(*[NOBODY_YET] * 4, *[ANN] * 4, UNKNOWN, *[ANN] * 3)
    visible = [False] * 4 + [True] * 2 + [False] * 3 + [True] * 3
    assert shown(AnonymizeFaces(keep=("ann  lee",), look_ahead=2), who) == visible


def test_keep_hides_other_people_and_the_unknown() -> None:
    node = AnonymizeFaces(keep=("Ann Lee", "Cleo"), look_ahead=0)
    assert shown(node, named(ANN, BOB, UNKNOWN)) == [True, False, False]
    assert any("nobody was recognised as 'Cleo'" in note for note in node.facts()["notes"])


def test_only_hides_those_named_and_the_undecided() -> None:
    node = AnonymizeFaces(only=("Bob",), look_ahead=0)
    who = named(NOBODY_YET, UNKNOWN, ANN, BOB, ANN, UNKNOWN)
    assert shown(node, who) == [False, True, True, False, False, False]
    assert any("visible on 2 frames before they were recognised" in note for note in node.facts()["notes"])


def test_a_name_is_the_same_however_its_accents_are_coded() -> None:
    """Composed as a gallery keeps it, or apart as some systems type it: `only` hides, `keep` shows."""
    composed, apart = unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José")
    assert composed != apart
    who = named(replace(BOB, name=composed))
    for name in (composed, apart):
        node = AnonymizeFaces(only=(name,), look_ahead=0)
        assert shown(node, who) == [False]
        assert not any("nobody was recognised" in note for note in node.facts()["notes"])
        assert shown(AnonymizeFaces(keep=(name,), look_ahead=0), who) == [True]


def test_no_identities_at_all_is_doubt() -> None:
    assert shown_without(AnonymizeFaces(keep=("Ann Lee",))) == 1
    assert shown_without(AnonymizeFaces(only=("Ann Lee",))) == 1


def shown_without(node: AnonymizeFaces) -> float:
    found = run(node, clip(1), [rows((1, box_at(0)))], identity=[Identities.none()])
    return float(found[0].report.column("hidden")[0])


def test_a_gap_of_a_kept_face_stays_open_and_its_beginning_is_hidden() -> None:
    frames = clip(12)
    there = (4, 5, 6, 9, 10, 11)
    found = [rows((1, box_at(0))) if i in there else rows() for i in range(12)]
    who = [
        Identities((ANN if i > 4 else NOBODY_YET,)) if i in there else Identities.none() for i in range(12)
    ]
    result = run(AnonymizeFaces(keep=("Ann Lee",), look_ahead=4), frames, found, identity=who)
    covered = [one.frame is not frame for one, frame in zip(result, frames, strict=True)]
    assert covered == [True] * 5 + [False] * 7


def test_a_hidden_face_before_a_kept_one_is_hidden_whole() -> None:
    """Where both overlap, the cover lies on top."""
    near, far = box_at(0), box_at(0, start=60)
    frames = clip(1)
    result = run(
        AnonymizeFaces(keep=("Ann Lee",)),
        frames,
        [rows((1, near), (2, far))],
        identity=[Identities((BOB, ANN))],
    )[0]
    assert changed(frames[0], result.frame, near) > 0.9
    assert result.report.column("hidden").tolist() == [1, 0]
    assert np.array_equal(result.covers.boxes[1], far)


def test_a_mesh_that_reaches_out_of_the_oval_is_covered_too() -> None:
    frames = clip(1)
    rng = np.random.default_rng(0)
    points = rng.uniform((100, 55, 0), (125, 110, 1), (1, 478, 3)).astype(np.float32)
    known = Meshes.of(points)
    ring = np.array([104, 60, 122, 105], np.float32)
    found = [rows((1, box_at(0)))]
    with_mesh = run(AnonymizeFaces(mode="mask"), frames, found, mesh=[known])[0]
    without = run(AnonymizeFaces(mode="mask"), frames, found)[0]
    assert changed(frames[0], with_mesh.frame, ring) > changed(frames[0], without.frame, ring) + 0.2


def test_covers_say_where_they_lie_and_no_landmarks() -> None:
    frames = clip(3)
    faces = Faces.of([box_at(0)], tracks=np.array([7]), landmarks=np.ones((1, 5, 2), np.float32))
    first, _, last = run(AnonymizeFaces(), frames, [Faces.none(), faces, faces])
    assert np.isnan(last.covers.landmarks).all()
    assert last.covers.tracks.tolist() == [7]
    assert first.covers.interpolated.tolist() == [True]
    assert last.covers.interpolated.tolist() == [False]
    assert first.report.column("unseen_s").tolist() == pytest.approx([0.04])


def test_faces_without_tracks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"put a track\.faces before it"):
        run(AnonymizeFaces(), clip(1), [Faces.of([box_at(0)])])


def test_names_want_identities() -> None:
    with pytest.raises(UsageError, match=r"wire recognize\.identify"):
        run(AnonymizeFaces(keep=("Ann Lee",)), clip(1), [rows()])


@pytest.mark.parametrize(
    "wrong", [{"keep": ("a",), "only": ("b",)}, {"colour": (0, 0, 256)}, {"cells": 7}, {"grow": 0.9}]
)
def test_fields_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnonymizeFaces(**wrong)


class Broken:
    """Pixels that cannot be had."""

    size = (WIDE, HIGH)

    def painted(self, paint: Any) -> Any:
        raise FrameError("the picture is damaged")


def test_a_frame_that_cannot_be_covered_ends_the_run_whatever_on_error_says() -> None:
    """on_error: skip would pass the frame on as it came, with the face on it."""
    frame = clip(1)[0].with_pixels(Broken())  # type: ignore[arg-type]
    with (
        NodeHarness(AnonymizeFaces(), on_error="skip") as harness,
        pytest.raises(NodeError, match="cannot be covered"),
    ):
        harness.run(frame=[frame], faces=[rows((1, box_at(0)))])


def test_old_tracks_are_forgotten() -> None:
    pixels = clip(1)[0].pixels
    frames = [Frame(i, i * 60, Fraction(1), pixels) for i in range(6)]
    node = AnonymizeFaces()
    run(node, frames, [rows((i + 1, box_at(0))) for i in range(6)])
    assert len(node._trails) <= 3


def test_every_face_found_is_covered_also_where_two_have_one_number() -> None:
    """A number given twice is an error of what numbers them, and must open no face."""
    frames = clip(8)
    one, two = box_at(0), box_at(0, start=240)
    found = [rows((1, one))] * 4 + [rows((1, one), (1, two))] * 4
    for node in (AnonymizeFaces(), AnonymizeFaces(look_ahead=0, steady_s=0)):
        result = run(node, frames, found)
        for frame, given in zip(frames[4:], result[4:], strict=True):
            assert changed(frame, given.frame, one) > 0.9
            assert changed(frame, given.frame, two) > 0.9
            assert given.covers.tracks.tolist() == [1, 1]
