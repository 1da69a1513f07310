"""stabilize.face: a made face keeps its place; nobody, lost and found, cuts, motion files."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.pose import Poses
from vidface.errors import InputError
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.stabilize.face import StabilizeFace, _mixed
from vidface.vision.skull import matrix_of

SIZE = (192, 144)
FIVE = np.array([(-0.515, -0.158), (0.515, -0.158), (0.0, 0.485), (-0.406, 0.941), (0.406, 0.941)])
EYES = 40.0


def shaken(count: int) -> list[tuple[complex, complex]]:
    """Scale-and-turn and place of a face that trembles and drifts."""
    rng = np.random.default_rng(4)
    turns = np.exp(rng.normal(0, 0.03, count) + 1j * rng.normal(0, 0.05, count))
    places = 96 + 70j + np.cumsum(rng.normal(0, 1.5, count) + 1j * rng.normal(0, 1.0, count))
    return [(complex(EYES * turn), complex(place)) for turn, place in zip(turns, places, strict=True)]


def picture(skull: tuple[complex, complex] | None) -> NDArray[np.uint8]:
    """A textured square carried along by the skull, on grey."""
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    if skull is None:
        return image
    coarse = np.random.default_rng(1).integers(30, 225, (12, 12)).astype(np.uint8)
    texture = cv2.resize(coarse, (120, 120), interpolation=cv2.INTER_CUBIC)
    a, b = skull[0] / EYES, skull[1]
    corner = b - a * (60 + 60j)
    matrix = np.array([(a.real, -a.imag, corner.real - 0.5), (a.imag, a.real, corner.imag - 0.5)])
    warped = cv2.warpAffine(np.dstack([texture] * 3), matrix, SIZE, flags=cv2.INTER_CUBIC)
    mask = cv2.warpAffine(np.ones_like(texture), matrix, SIZE) > 0
    image[mask] = warped[mask]
    return image


def frame(index: int, skull: tuple[complex, complex] | None) -> Frame:
    """A frame of a clip with 25 frames a second."""
    return replace(frame_from_rgb(picture(skull), index), pts=index, time_base=Fraction(1, 25))


def faces(skull: tuple[complex, complex] | None, track: int = 1) -> Faces:
    """The face's five landmarks, exactly."""
    if skull is None:
        return Faces.none()
    places = skull[0] * (FIVE @ (1, 1j)) + skull[1]
    points = np.stack([places.real, places.imag], -1)
    box = [*(points.min(0) - 15), *(points.max(0) + 15)]
    return Faces.of([box], landmarks=points[None], tracks=[track])


def run(
    node: StabilizeFace, skulls: list[Any], **more: Any
) -> tuple[list[Frame], NodeHarness[StabilizeFace]]:
    """The node's frames for a clip."""
    with NodeHarness(node) as harness:
        frames = [frame(i, skull) for i, skull in enumerate(skulls)]
        return harness.run(frame=frames, faces=[faces(skull) for skull in skulls], **more), harness


def unrest(frames: list[Frame]) -> float:
    """Mean change of brightness in the middle from frame to frame."""
    views = [one.luma()[50:90, 76:116].astype(float) for one in frames]
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(views)]))


def test_lock_holds_the_face_where_it_first_was() -> None:
    """The face's pixels change a tenth as much as in the input, and frame count and times stay."""
    skulls = shaken(20)
    out, _ = run(StabilizeFace(), skulls)
    assert unrest(out) < 0.15 * unrest([frame(i, skull) for i, skull in enumerate(skulls)])
    assert [one.pts for one in out] == list(range(20))
    assert {one.size for one in out} == {SIZE}


def test_strength_0_changes_nothing() -> None:
    """The very same frames come out."""
    skulls = shaken(5)
    out, _ = run(StabilizeFace(strength=0), skulls)
    for number, one in enumerate(out):
        assert np.array_equal(one.luma(), frame(number, skulls[number]).luma())


def test_a_head_that_tilts_keeps_its_place_at_any_strength(tmp_path: Path) -> None:
    """Far from the corner of the picture too; half of the tilt is taken out."""
    path, place = tmp_path / "m.jsonl", 120 + 90j
    skulls = [(EYES * np.exp(1j * np.radians(4.0 * i)), place) for i in range(6)]
    run(StabilizeFace(strength=0.5, settle_s=0.01, save_motion=path), skulls)
    for line in path.read_text().splitlines():
        matrix = np.array(json.loads(line)["matrix"])
        assert matrix @ (place.real, place.imag, 1) == pytest.approx((120, 90, 1), abs=0.5)
    assert np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(-10, abs=0.5)


def test_halfway_to_a_turn_about_a_place_leaves_the_place() -> None:
    place, turn = 1500 + 700j, np.exp(1j * np.radians(20))
    half = _mixed(np.eye(3), matrix_of(turn, place - turn * place), 0.5, place)
    assert half @ (1500, 700, 1) == pytest.approx((1500, 700, 1))
    assert np.degrees(np.arctan2(half[1, 0], half[0, 0])) == pytest.approx(10)


def test_smooth_follows_a_steady_motion_and_takes_off_the_trembling() -> None:
    """A face that glides is left to glide; one that trembles is calmed."""
    glide = [(complex(EYES), 70 + 70j + 2 * i) for i in range(20)]
    out, _ = run(StabilizeFace(mode="smooth"), glide)
    for number in range(20):
        assert np.abs(out[number].luma().astype(int) - frame(number, glide[number]).luma()).mean() < 2.0
    skulls = shaken(20)
    calm, _ = run(StabilizeFace(mode="smooth"), skulls)
    assert unrest(calm) < 0.7 * unrest([frame(i, skull) for i, skull in enumerate(skulls)])


def test_a_crop_has_its_size_on_every_frame_with_the_face_in_the_middle() -> None:
    """Also on frames without a face."""
    skulls: list[Any] = [None, *shaken(6), None]
    out, _ = run(StabilizeFace(size=(96, 96), face_share=0.25, settle_s=0.01), skulls)
    assert {one.size for one in out} == {(96, 96)}
    middle = out[3].luma()[12:76, 16:80].astype(float)
    assert middle.std() > 15


def test_frames_without_a_face_pass_and_are_told() -> None:
    """Nobody there: the same pictures, and a sentence in the report."""
    out, harness = run(StabilizeFace(), [None] * 4)
    assert [one.luma().mean() for one in out] == [frame(0, None).luma().mean()] * 4
    facts = harness.node.facts()
    assert (facts["passed"], facts["stabilised"]) == (4, 0)
    assert facts["notes"] == ["the face was away on 4 of 4 frames"]


def test_lost_and_found_never_jumps() -> None:
    """While the face is away the picture holds, then eases home; on return it eases back."""
    node = StabilizeFace(hold_s=0.2, ease_s=0.4, settle_s=0.01)
    skulls = [(complex(EYES), 96 + 70j + 3 * min(i, 8)) for i in range(30)]
    told = [faces(None if 9 <= i < 20 else skull) for i, skull in enumerate(skulls)]
    with NodeHarness(node) as harness:
        out = harness.run(frame=[frame(i, skull) for i, skull in enumerate(skulls)], faces=told)
    assert len(out) == 30
    steps = np.abs(np.diff([float(np.abs(one.luma().astype(int) - out[7].luma()).mean()) for one in out[8:]]))
    assert steps.max() < 12


def shifts(node: StabilizeFace, people: list[dict[int, float]], path: Path, **more: Any) -> list[float]:
    """Sideways shift of the picture on each frame, 10 a second; people are {track: x of the face}."""
    frames, found = [], []
    for i, here in enumerate(people):
        flat = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        frames.append(frame_from_rgb(flat, i, Fraction(i, 10)))
        places = [faces((complex(EYES), complex(x, 70)), track) for track, x in here.items()]
        rows = [(one.boxes[0], one.landmarks[0], one.tracks[0]) for one in places]
        boxes, landmarks, tracks = zip(*rows, strict=True) if rows else ((), (), ())
        found.append(
            Faces.of(list(boxes), landmarks=list(landmarks), tracks=list(tracks)) if rows else Faces.none()
        )
    with NodeHarness(node.model_copy(update={"save_motion": path})) as harness:
        harness.run(frame=frames, faces=found, **more)
    return [json.loads(line)["matrix"][0][2] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("smooth_s", [0.1, 0.7, 2.0])
def test_another_face_is_followed_after_hold_s_and_without_a_jump(tmp_path: Path, smooth_s: float) -> None:
    """However short the window of smooth is, the picture holds for 3 s, then goes over to the other face."""
    people = [{1: 60.0, 2: 130.0}] * 10 + [{2: 130.0}] * 45
    way = shifts(StabilizeFace(hold_s=3, smooth_s=smooth_s, ease_s=1), people, tmp_path / "m.jsonl")
    assert way[:40] == pytest.approx([0] * 40, abs=0.01)
    assert way[-1] == pytest.approx(-70, abs=0.5)
    assert np.abs(np.diff(way)).max() < 20


def test_hold_s_0_goes_over_without_a_jump_too(tmp_path: Path) -> None:
    people = [{1: 60.0, 2: 130.0}] * 10 + [{2: 130.0}] * 20
    way = shifts(StabilizeFace(hold_s=0, ease_s=1), people, tmp_path / "m.jsonl")
    assert way[-1] == pytest.approx(-70, abs=0.5)
    assert np.abs(np.diff(way)).max() < 20


def test_a_face_that_moved_while_the_picture_held_is_eased_to(tmp_path: Path) -> None:
    """The longer it was away the slower; after one missed frame the picture is there at once again."""
    long = [{1: 60.0}] * 5 + [{}] * 8 + [{1: 100.0}] * 15
    way = shifts(StabilizeFace(hold_s=3, ease_s=0.8), long, tmp_path / "m.jsonl")
    assert way[-1] == pytest.approx(-40, abs=0.5)
    assert np.abs(np.diff(way)).max() < 15
    short = [{1: 60.0}] * 5 + [{}] + [{1: 64.0}] * 5
    way = shifts(StabilizeFace(hold_s=3, ease_s=0.8), short, tmp_path / "s.jsonl")
    assert way[6:] == pytest.approx([-2, -4, -4, -4, -4], abs=0.1)


def test_smooth_takes_no_part_of_its_path_from_the_face_followed_before(tmp_path: Path) -> None:
    """A face at rest stays where it is, though another one was followed elsewhere just before."""
    people = [{1: 60.0, 2: 130.0}] * 6 + [{2: 130.0}] * 30
    node = StabilizeFace(mode="smooth", hold_s=0.3, smooth_s=0.7, look_ahead=4)
    assert shifts(node, people, tmp_path / "m.jsonl") == pytest.approx([0] * 36, abs=0.01)


def test_where_poses_were_left_out_the_landmarks_say_where_the_face_is() -> None:
    """A camera that cannot keep pace turns the pose off: a value without rows."""
    skulls = shaken(6)
    with_none, _ = run(StabilizeFace(), skulls, pose=[Poses.none()] * 6)
    without, _ = run(StabilizeFace(), skulls)
    for one, other in zip(with_none, without, strict=True):
        assert np.array_equal(one.luma(), other.luma())


def test_a_cut_starts_anew() -> None:
    """After a cut the face is held where it is then, not where it was before."""
    before, after = (complex(EYES), 60 + 60j), (complex(EYES), 130 + 80j)
    skulls = [before] * 4 + [after] * 4
    out, _ = run(StabilizeFace(), skulls, segments=[4])
    assert np.array_equal(out[7].luma(), frame(7, after).luma())


def test_the_motion_can_be_saved_and_applied_again(tmp_path: Path) -> None:
    """A second pass without any face gives the same pictures; the file is for the owner only."""
    path = tmp_path / "motion.jsonl"
    skulls = shaken(6)
    first, _ = run(StabilizeFace(save_motion=path), skulls)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().splitlines()) == 6
    with NodeHarness(StabilizeFace(motion=path)) as harness:
        frames = [frame(i, skull) for i, skull in enumerate(skulls)]
        again = harness.run(frame=frames, faces=[Faces.none()] * 6)
    for one, other in zip(first, again, strict=True):
        assert np.abs(one.luma().astype(int) - other.luma()).max() <= 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no lines"),
        ("not json", "is no motion file"),
        ("[" * 100_000, "is no motion file"),
        (json.dumps({"time": "0", "matrix": [[0] * 3] * 3}), "line 1 holds no 3 x 3 matrix"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_motion_file_gets_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    """Empty, no JSON, a matrix without inverse, missing."""
    path = tmp_path / "motion.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=sentence), NodeHarness(StabilizeFace(motion=path)) as harness:
        harness.run(frame=[frame(0, None)], faces=[Faces.none()])
