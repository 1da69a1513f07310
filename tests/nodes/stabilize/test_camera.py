"""stabilize.camera: a known shake goes, no border shows; nothing to follow, cuts, motion files, odd input."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.errors import InputError
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.nodes.stabilize.camera import StabilizeCamera
from vidface.vision.globalmotion import CameraMotion, as_move, of_move

SIZE = (320, 180)
COUNT = 40
Array = NDArray[np.float64]


def scene(seed: int = 0, more: int = 0) -> NDArray[np.uint8]:
    """A textured world a little larger than the frame, and `more` pixels wider still."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE[1] + 120, SIZE[0] + 120 + more, 3))
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3))
    return np.asarray(np.clip(128 + 40 * soft / soft.std(), 1, 255), np.uint8)


def shake(count: int = COUNT) -> Array:
    """Moves of the camera: swings of several pixels at 1.5 to 6 Hz, at 25 frames a second."""
    t = np.arange(count)[:, None] / 25
    phase = np.random.default_rng(2).uniform(0, 6.28, (3, 4))
    size = np.array([4, 3, 0.006, 0.003])
    return np.asarray(sum(size / n * np.sin(2 * np.pi * 1.5 * n * t + phase[n - 1]) for n in (1, 2, 3)))


def frame(index: int, move: Array, world: NDArray[np.uint8]) -> Frame:
    """What the camera sees of the world."""
    matrix = of_move(move, SIZE) @ np.array([(1, 0, -60), (0, 1, -60), (0, 0, 1.0)])
    matrix[:2, 2] += matrix[:2, :2] @ (0.5, 0.5) - 0.5
    seen = cv2.warpAffine(world, matrix[:2], SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return replace(frame_from_rgb(np.asarray(seen, np.uint8), index), pts=index, time_base=Fraction(1, 25))


def clip(moves: Array) -> list[Frame]:
    world = scene()
    return [frame(i, move, world) for i, move in enumerate(moves)]


def run(node: StabilizeCamera, frames: list[Frame], **more: Any) -> list[Frame]:
    with NodeHarness(node) as harness:
        out: list[Frame] = harness.run(frame=frames, **more)
        return out


def unrest(frames: list[Frame]) -> float:
    """Root mean square change of the camera's speed, pixels a frame."""
    eye = CameraMotion()
    steps = [eye.step(one.luma(), one.size) for one in frames][1:]
    speeds = np.array([as_move(step, SIZE)[:2] for step in steps if step is not None])
    assert len(speeds) > len(frames) / 2
    return float(np.sqrt((np.diff(speeds, axis=0) ** 2).mean()))


def test_a_known_shake_goes_and_times_and_sizes_stay() -> None:
    frames = clip(shake())
    out = run(StabilizeCamera(look_ahead=15), frames)
    assert unrest(out) < 0.2 * unrest(frames)
    assert [one.time for one in out] == [one.time for one in frames]
    assert {one.size for one in out} == {SIZE}


@pytest.mark.parametrize("ahead", [0, 15])
def test_no_border_shows(ahead: int) -> None:
    """The world is never black, the fill is: no pixel of the output is black."""
    big = shake() * (3, 3, 3, 1)
    out = run(StabilizeCamera(look_ahead=ahead, fill="black", max_crop=0.1), clip(big))
    assert min(int(one.luma().min()) for one in out) > 0


def test_without_cropping_the_frame_keeps_its_scale_and_borders_are_filled() -> None:
    frames = clip(shake())
    with NodeHarness(StabilizeCamera(crop="none", look_ahead=15, fill="replicate")) as harness:
        out = harness.run(frame=frames)
    assert unrest(out) < 0.2 * unrest(frames)
    assert min(int(one.luma().min()) for one in out) > 0


def test_strength_0_without_crop_passes_frames_untouched() -> None:
    frames = clip(shake(6))
    out = run(StabilizeCamera(strength=0, crop="none", look_ahead=2), frames)
    assert all(one is two for one, two in zip(out, frames, strict=True))


def test_live_sees_no_frame_ahead_and_still_calms() -> None:
    node = StabilizeCamera(look_ahead=0, max_crop=0.2)
    assert node.reach().ahead == 0
    frames = clip(shake())
    assert unrest(run(node, frames)) < 0.5 * unrest(frames)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_results_do_not_depend_on_the_chunk(chunk: int) -> None:
    frames = clip(shake(16))
    with NodeHarness(StabilizeCamera(look_ahead=5), chunk=chunk) as harness:
        out = harness.run(frame=frames)
    wanted = run(StabilizeCamera(look_ahead=5), frames)
    assert all(np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(out, wanted, strict=True))


def test_a_plain_stretch_lets_the_camera_roll_on_and_is_told() -> None:
    frames = clip(shake(24))
    grey = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    for i in range(8, 13):
        frames[i] = frames[i].with_pixels(frame_from_rgb(grey).pixels)
    node = StabilizeCamera(look_ahead=6)
    with NodeHarness(node) as harness:
        out = harness.run(frame=frames)
        facts = node.facts()
    assert len(out) == 24
    assert facts["blind"] == 6
    assert "6 of 24 frames" in facts["notes"][0]


def test_a_cut_begins_anew() -> None:
    """Behind the cut the output is what it would be if the clip began there."""
    first, second = clip(shake(12)), clip(shake(30)[18:])
    joined = first + [replace(one, index=i + 12, pts=i + 12) for i, one in enumerate(second)]
    out = run(StabilizeCamera(look_ahead=4), joined, segments=[12])
    alone = run(StabilizeCamera(look_ahead=4), second)
    assert all(np.array_equal(a.rgb(), b.rgb()) for a, b in zip(out[12:], alone, strict=True))


def test_faces_are_not_taken_for_the_background() -> None:
    """A face over half of the picture swings about; the background is still, and stays so."""
    world, face = clip(np.zeros((20, 4)))[0].rgb(), scene(5)
    frames = []
    for i in range(20):
        image, shift = world.copy(), round(8 * np.sin(i))
        image[10:170, 60:260] = np.roll(face, shift, axis=1)[10:170, 60:260]
        frames.append(frame_from_rgb(image, i, Fraction(i, 25)))
    boxes = [Faces.of([[90, 40, 230, 140]])] * 20
    node = StabilizeCamera(look_ahead=5, crop="none")
    out = run(node, frames, faces=boxes)
    corners = [one.luma()[:, :40].astype(int) for one in out]
    assert max(np.abs(one - corners[0]).mean() for one in corners) < 1


def test_motion_is_written_and_applied_again(tmp_path: Path) -> None:
    """The second run, without look-ahead and without measuring, gives the same pictures."""
    frames = clip(shake(12))
    first = run(StabilizeCamera(look_ahead=5, save_motion=tmp_path / "m.jsonl"), frames)
    node = StabilizeCamera(motion=tmp_path / "m.jsonl")
    assert node.reach().ahead == 0
    second = run(node, frames)
    for one, two in zip(first, second, strict=True):
        assert np.abs(one.luma().astype(int) - two.luma()).max() <= 1


def test_a_file_that_is_no_motion_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello\n")
    with pytest.raises(InputError, match="no motion file"):
        run(StabilizeCamera(motion=tmp_path / "x"), clip(shake(2)))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_clips(count: int) -> None:
    assert len(run(StabilizeCamera(), clip(shake(count)))) == count


@pytest.mark.parametrize("size", [(7, 5), (33, 17)])
def test_tiny_and_odd_pictures_come_out_as_large_as_they_were(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    frames = [frame_from_rgb(image, i, Fraction(i, 25)) for i in range(5)]
    assert {one.size for one in run(StabilizeCamera(look_ahead=2), frames)} == {size}


def test_ten_bits_stay_ten_bits() -> None:
    frames = []
    for one in clip(shake(6)):
        picture, _ = AvPixels.of(one).upright()
        frames.append(one.with_pixels(AvPixels(picture.reformat(format="yuv420p10le"))))
    assert {one.planes().bits for one in run(StabilizeCamera(look_ahead=2), frames)} == {10}


def pan(count: int) -> list[Frame]:
    """A camera that pans by 3 pixels a frame."""
    world = scene(more=3 * count)
    return [frame(i, np.array([-3.0 * i, 0, 0, 0]), world) for i in range(count)]


def speeds(frames: list[Frame], path: Path, **more: Any) -> Array:
    """How fast the output of a pan pans, pixels in 1/25 s."""
    run(StabilizeCamera(save_motion=path, **more), frames)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    clock = np.array([25 * float(Fraction(line["time"])) for line in lines])
    matrices = [np.array(line["matrix"]) for line in lines]
    middles = [(160 - 3 * at, 90, 1) for at in clock]
    zoom = 1 / (1 - more.get("max_crop", 0.1))
    ways = [(matrix @ middle)[0] / zoom for matrix, middle in zip(matrices, middles, strict=True)]
    return np.asarray(np.diff(ways) / np.diff(clock))


@pytest.mark.parametrize("late", [5, 15])
def test_a_pause_does_not_change_how_the_rest_is_smoothed(late: int) -> None:
    """Half a second without frames, also just where the first plan ends."""
    frames = clip(shake())
    frames = [one if i < late else replace(one, pts=one.pts + 12) for i, one in enumerate(frames)]
    out = run(StabilizeCamera(look_ahead=15), frames)
    assert unrest(out) < 0.2 * unrest(frames)
    assert [one.time for one in out] == [one.time for one in frames]


def test_a_pan_with_frames_dropped_keeps_its_pace(tmp_path: Path) -> None:
    """Every sixth frame is missing; what is left goes on as fast in time, not from frame to frame."""
    frames = [one for one in pan(70) if one.index % 6 != 5]
    frames = [replace(one, index=i) for i, one in enumerate(frames)]
    found = speeds(frames, tmp_path / "m.jsonl", smooth_s=0.4, look_ahead=15, max_crop=0.2)
    assert found[20:-15] == pytest.approx(-3, rel=0.05)


@pytest.mark.parametrize("smooth_s", [0.4, 1.0])
def test_a_pan_is_not_braked_where_the_shot_ends(tmp_path: Path, smooth_s: float) -> None:
    found = speeds(pan(100), tmp_path / "m.jsonl", smooth_s=smooth_s)
    assert found[-10:] == pytest.approx(-3, rel=0.2)


def test_uneven_times_are_kept() -> None:
    pts = np.cumsum(np.random.default_rng(3).integers(1, 5, 12)).tolist()
    frames = [replace(one, pts=p) for one, p in zip(clip(shake(12)), pts, strict=True)]
    assert [one.pts for one in run(StabilizeCamera(look_ahead=4), frames)] == pts
