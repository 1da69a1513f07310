"""The sample clips are what samples/README.md says: the truth fits every frame of every file."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from numpy.typing import NDArray

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
# name -> (size shown, frames)
CLIPS = {
    "two_people.mp4": ((768, 432), 310),
    "walk_vfr.mkv": ((640, 360), 134),
    "rotated.mp4": ((360, 640), 50),
}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a file holds: timestamps, time base, coded size, rotations and types of its frames."""

    pts: list[int | None]
    time_base: Fraction
    coded: tuple[int, int]
    rotations: set[int]
    kinds: set[int]
    first: NDArray[np.uint8]


def truth_of(name: str) -> list[dict[str, Any]]:
    lines = (SAMPLES / name).with_suffix(".truth.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def decoded() -> dict[str, Decoded]:
    """Every clip decoded once."""
    return {name: _decode(SAMPLES / name) for name in CLIPS}


def _decode(path: Path) -> Decoded:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.time_base is not None
        return Decoded(
            pts=[f.pts for f in frames],
            time_base=stream.time_base,
            coded=(frames[0].width, frames[0].height),
            rotations={f.rotation for f in frames},
            kinds={int(f.pict_type) for f in frames},
            first=np.asarray(frames[0].to_ndarray(format="rgb24"), np.uint8),
        )


def test_all_files_together_stay_small() -> None:
    """The repository carries at most 3 MB of samples, truth and scripts included."""
    assert sum(p.stat().st_size for p in SAMPLES.iterdir() if p.is_file()) <= 3_000_000


@pytest.mark.parametrize("name", CLIPS)
def test_truth_has_one_line_for_each_frame_with_its_timestamp(name: str, decoded: dict[str, Decoded]) -> None:
    """Number, pts and seconds of every line are those of the file's frame, and no frame lacks a line."""
    truth, clip = truth_of(name), decoded[name]
    assert len(truth) == CLIPS[name][1]
    assert [line["frame"] for line in truth] == list(range(len(truth)))
    assert [line["pts"] for line in truth] == clip.pts
    seconds = [float(p * clip.time_base) for p in clip.pts if p is not None]
    assert [line["time"] for line in truth] == [f"{s:.6f}" for s in seconds]


@pytest.mark.parametrize("name", CLIPS)
def test_faces_lie_where_faces_can_lie(name: str) -> None:
    """Boxes touch the frame and have a face's shape, points lie in them in viewer order."""
    (width, height), _ = CLIPS[name]
    faces = [face for line in truth_of(name) for face in line["faces"]]
    assert faces
    for face in faces:
        x1, y1, x2, y2 = face["box"]
        assert x1 < width
        assert x2 > 0
        assert y1 < height
        assert y2 > 0
        assert 24 <= y2 - y1 <= 180
        assert 0.65 < (x2 - x1) / (y2 - y1) < 1.0
        points = np.array(face["landmarks"])
        assert points.shape == (5, 2)
        assert ((points > [x1, y1]) & (points < [x2, y2])).all()
        assert points[0, 0] < points[1, 0]
        assert points[3, 0] < points[4, 0]
        assert points[:2, 1].max() < points[3:, 1].min()
        assert 0.0 <= face["visible"] <= 1.0


@pytest.mark.parametrize("name", CLIPS)
def test_no_person_is_listed_twice_in_a_frame(name: str) -> None:
    """An id names one person, once a frame."""
    for line in truth_of(name):
        assert [f["id"] for f in line["faces"]] == sorted({f["id"] for f in line["faces"]})
        assert all((f["id"], f["name"]) in {(1, "collins"), (2, "hopper")} for f in line["faces"])


def test_two_people_shows_what_a_tracker_must_master() -> None:
    """One cut, small and large faces, roll, a hidden face, and a person who is away for 1.5 to 2 s."""
    truth = truth_of("two_people.mp4")
    assert [line["frame"] for line in truth if line["cut"]] == [195]
    faces = [face for line in truth for face in line["faces"]]
    heights = [f["box"][3] - f["box"][1] for f in faces]
    assert min(heights) < 34
    assert max(heights) > 160
    eyes = np.array([np.subtract(f["landmarks"][1], f["landmarks"][0]) for f in faces])
    roll = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    assert roll.min() < -20
    assert roll.max() > 20
    assert min(f["visible"] for f in faces) < 0.1
    seen = [line["frame"] for line in truth[:195] if any(f["id"] == 1 for f in line["faces"])]
    away = [(b - a - 1) / 25 for a, b in pairwise(seen) if b - a > 1]
    assert len(away) == 1
    assert 1.5 <= away[0] <= 2.0


def test_motion_between_frames_of_a_shot_is_smooth() -> None:
    """No face jumps by more than half its height from one frame to the next within a shot."""
    for a, b in pairwise(truth_of("two_people.mp4")):
        if b["cut"]:
            continue
        before = {f["id"]: np.array(f["box"]) for f in a["faces"]}
        for face in (f for f in b["faces"] if f["id"] in before):
            old = before[face["id"]]
            assert np.abs(np.array(face["box"]) - old).max() < 0.5 * (old[3] - old[1])


def test_the_walk_has_a_variable_rate_a_late_start_and_b_frames(decoded: dict[str, Decoded]) -> None:
    """At least ten different frame durations over a range of five, a start after 0.3 s, and B-frames."""
    clip = decoded["walk_vfr.mkv"]
    times = [float(p * clip.time_base) for p in clip.pts if p is not None]
    gaps = np.round(np.diff(times), 3)
    assert (gaps > 0).all()
    assert len(set(gaps.tolist())) >= 10
    assert gaps.max() / gaps.min() > 5
    assert times[0] > 0.3
    assert PictureType.B in clip.kinds


def test_the_rotated_file_lies_on_its_side_until_turned(decoded: dict[str, Decoded]) -> None:
    """Coded width and height are swapped; turned by the rotation, the grass is below and the sky above."""
    clip = decoded["rotated.mp4"]
    assert clip.rotations == {-90}
    assert clip.coded == (640, 360)
    upright = np.rot90(clip.first, k=-90 // 90).astype(np.float64)
    assert upright.shape == (640, 360, 3)
    sky, grass = upright[:60].mean(axis=(0, 1)), upright[-30:].mean(axis=(0, 1))
    assert sky[2] > sky[1]
    assert grass[1] > grass[2]
    assert sky.sum() > grass.sum()


@pytest.mark.parametrize("name", ["two_people.mp4", "walk_vfr.mkv"])
def test_the_other_files_are_upright(name: str, decoded: dict[str, Decoded]) -> None:
    """They carry no rotation and are coded in the size that is shown."""
    assert decoded[name].rotations == {0}
    assert decoded[name].coded == CLIPS[name][0]


def test_two_people_has_sound_from_beginning_to_end() -> None:
    """An AAC stereo track as long as the picture, neither silent nor clipped."""
    with av.open(str(SAMPLES / "two_people.mp4")) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert stream.layout.name == "stereo"
        sound = np.concatenate([f.to_ndarray() for f in container.decode(stream)], axis=1)
        assert sound.shape[1] / stream.rate == pytest.approx(12.4, abs=0.1)
    peak = np.abs(sound).max()
    assert peak > 0.2
    assert peak < 1.0
    assert (np.abs(sound).max(axis=1) > 0.1).all()


@pytest.mark.parametrize("name", CLIPS)
def test_the_script_still_makes_these_frames_and_this_truth(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every 60th frame drawn anew has the stored truth and looks like the stored frame (PSNR over 30 dB)."""
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(SAMPLES))
    maker, scene = importlib.import_module("make_samples"), importlib.import_module("_scene")
    clip = {c.name: c for c in importlib.import_module("_clips").all_clips()}[name]
    truth = truth_of(name)
    with av.open(str(SAMPLES / name)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 60:
                continue
            shot, seconds = maker.shot_at(clip, clip.encoding.times[number])
            drawn, faces = scene.render(clip.shots[shot], seconds, clip.encoding.size)
            assert faces == truth[number]["faces"]
            stored = np.rot90(frame.to_ndarray(format="rgb24"), k=frame.rotation // 90)
            error = np.mean((stored.astype(np.float64) - drawn) ** 2)
            assert 10 * np.log10(255**2 / error) > 30
