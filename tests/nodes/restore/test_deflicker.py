"""restore.deflicker: known flicker goes, real light stays, clean clips stay as they are; odd input."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from vidface.data import Frame, Planes
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.nodes.restore.deflicker import RestoreDeflicker

SIZE = (192, 108)
COUNT = 60
FPS = 25
Array = NDArray[np.float64]


def world(seed: int = 0) -> NDArray[np.uint8]:
    """A textured picture a little wider than the frame, neither black nor white."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE[1], SIZE[0] + 80, 3))
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3))
    return np.asarray(np.clip(110 + 30 * soft / soft.std(), 10, 200), np.uint8)


def clip(*, moving: bool = False, form: str = "", count: int = COUNT) -> list[Frame]:
    """A still picture; with `moving` a bright block of its own texture walks through it."""
    still, thing = world()[:, : SIZE[0]], world(3)[:70, :50]
    frames = []
    for i in range(count):
        image = still.copy()
        if moving:
            image[20:90, 2 * i : 2 * i + 50] = np.minimum(thing + 40, 255)[:, : SIZE[0] - 2 * i]
        one = replace(frame_from_rgb(image, i), pts=i, time_base=Fraction(1, FPS))
        if form:
            picture, _ = AvPixels.of(one).upright()
            one = one.with_pixels(AvPixels(picture.reformat(format=form)))
        frames.append(one)
    return frames


def framed_world(seed: int) -> list[Frame]:
    image = world(seed)[:, : SIZE[0]]
    return [replace(frame_from_rgb(image, i), pts=i, time_base=Fraction(1, FPS)) for i in range(20)]


def lit(frame: Frame, gain: Any) -> Frame:
    """The frame in another light: luma times the gain (one, or one a row), above black; and chroma."""

    def paint(planes: Planes) -> None:
        step, rows = 1 << (planes.bits - 8), np.atleast_1d(np.asarray(gain, float))
        luma = (planes.luma - 16.0 * step) * rows[:, None] + 16 * step
        planes.luma[...] = np.clip(np.rint(luma), 0, 256 * step - 1)
        half = rows[:: planes.subsampling[1]] if len(rows) > 1 else rows
        for plane in (planes.u, planes.v):
            plane[...] = np.rint((plane - 128.0 * step) * half[:, None] + 128 * step)

    return frame.painted(paint)


def run(frames: list[Frame], node: RestoreDeflicker | None = None, **more: Any) -> list[Frame]:
    with NodeHarness(node or RestoreDeflicker()) as harness:
        out: list[Frame] = harness.run(frame=frames, **more)
        return out


def stack(frames: list[Frame]) -> Array:
    return np.array([one.planes().luma for one in frames], float) / (1 << (frames[0].planes().bits - 8))


def flicker(frames: list[Frame], like: list[Frame]) -> float:
    """Root mean square change of brightness from frame to frame beyond that of the clean clip, by rows."""
    rows = (stack(frames) - stack(like)).mean(axis=2)
    return float(np.sqrt((np.diff(rows, axis=0) ** 2).mean()))


def psnr(one: Frame, other: Frame) -> float:
    error = np.square(stack([one]) - stack([other])).mean()
    return float(99 if error == 0 else 10 * np.log10(255**2 / error))


def seconds(count: int = COUNT) -> Array:
    return np.arange(count) / FPS


LIGHTS = {
    "lamp": 1 + 0.15 * np.sin(2 * np.pi * 6.3 * seconds()),
    "exposure": 1 + 0.12 * np.sin(2 * np.pi * 1.7 * seconds()),
    "jitter": np.exp(0.06 * np.random.default_rng(0).standard_normal(COUNT)),
}


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize(("kind", "left", "live_left"), [("lamp", 0.1, 0.2), ("jitter", 0.12, 0.2)])
def test_fast_flicker_goes(kind: str, left: float, live_left: float, moving: bool) -> None:
    """Nine tenths of it with look-ahead, four fifths live."""
    clean = clip(moving=moving)
    frames = [lit(one, gain) for one, gain in zip(clean, LIGHTS[kind], strict=True)]
    before = flicker(frames, clean)
    assert flicker(run(frames), clean) < left * before
    assert flicker(run(frames, RestoreDeflicker(look_ahead=0)), clean) < live_left * before


def test_pumping_exposure_goes() -> None:
    clean = clip()
    frames = [lit(one, gain) for one, gain in zip(clean, LIGHTS["exposure"], strict=True)]
    assert flicker(run(frames), clean) < 0.25 * flicker(frames, clean)


def test_bands_that_roll_through_the_picture_go_where_local() -> None:
    """Each row has its own gain, as a rolling shutter sees a lamp; without `local` they stay."""
    clean, rows = clip(), np.arange(SIZE[1]) / SIZE[1]
    frames = [
        lit(one, 1 + 0.12 * np.sin(2 * np.pi * (1.5 * rows + 6.3 * t)))
        for one, t in zip(clean, seconds(), strict=True)
    ]
    before = flicker(frames, clean)
    assert flicker(run(frames), clean) < 0.25 * before
    assert flicker(run(frames, RestoreDeflicker(local=False)), clean) > 0.7 * before


@pytest.mark.parametrize("ahead", [0, 12])
@pytest.mark.parametrize("moving", [False, True])
def test_a_lamp_that_is_switched_on_passes_at_once(ahead: int, moving: bool) -> None:
    """No frame before or after the step is darker or brighter than it was."""
    gains = np.where(seconds() < 1.2, 0.6, 1.0)
    frames = [lit(one, gain) for one, gain in zip(clip(moving=moving), gains, strict=True)]
    out = run(frames, RestoreDeflicker(look_ahead=ahead))
    assert min(psnr(a, b) for a, b in zip(out, frames, strict=True)) > 45


def test_a_lasting_step_passes_and_the_flicker_around_it_goes() -> None:
    clean, step = clip(), np.where(seconds() < 1.2, 0.6, 1.0)
    wanted = [lit(one, gain) for one, gain in zip(clean, step, strict=True)]
    lamp = 1 + 0.08 * np.sin(2 * np.pi * 6.3 * seconds())
    frames = [lit(one, gain) for one, gain in zip(clean, step * lamp, strict=True)]
    assert flicker(run(frames), wanted) < 0.2 * flicker(frames, wanted)


def test_slow_dimming_is_followed() -> None:
    """Light that fades by a third in more than a second is never wrong by more than 3 codes in the mean."""
    gains = np.clip(1.1 - 0.25 * seconds(), 0.65, 1)
    frames = [lit(one, gain) for one, gain in zip(clip(), gains, strict=True)]
    error = (stack(run(frames)) - stack(frames)).mean(axis=(1, 2))
    assert np.abs(error).max() < 3


@pytest.mark.parametrize("length", [6, 12, 25])
def test_a_fade_to_black_stays_one(length: int) -> None:
    """It was held, fell by a third of white in one frame, and grew light again before it went black."""
    gains = np.clip(1 - (np.arange(COUNT) - 30) / length, 0, 1)
    frames = [lit(one, gain) for one, gain in zip(clip(), gains, strict=True)]
    given, made = (stack(some).mean(axis=(1, 2)) for some in (frames, run(frames)))
    assert np.abs(made - given).max() < 8
    assert -np.diff(made).min() < 1.3 * -np.diff(given).min()
    assert np.diff(made).max() < 1


def test_a_single_flash_goes_with_look_ahead() -> None:
    gains = np.where(np.arange(COUNT) == 30, 1.15, 1.0)
    clean = clip()
    frames = [lit(one, gain) for one, gain in zip(clean, gains, strict=True)]
    out = run(frames)
    assert psnr(frames[30], clean[30]) < 30
    assert psnr(out[30], clean[30]) > 38


@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le"])
def test_still_clean_clips_are_passed_on_as_they_are(form: str) -> None:
    frames = clip(form=form)
    assert all(a is b for a, b in zip(run(frames), frames, strict=True))


@pytest.mark.parametrize("ahead", [0, 12])
def test_motion_in_a_clean_clip_is_not_taken_for_flicker(ahead: int) -> None:
    """A block as large as a fifth of the picture, brighter than it, walks through."""
    frames = clip(moving=True)
    out = run(frames, RestoreDeflicker(look_ahead=ahead))
    assert min(psnr(a, b) for a, b in zip(out, frames, strict=True)) > 45


def test_noise_is_not_taken_for_flicker() -> None:
    rng = np.random.default_rng(1)
    frames = []
    for one in clip():
        grainy = np.clip(one.rgb() + rng.normal(0, 8, one.rgb().shape), 0, 255).astype(np.uint8)
        frames.append(one.with_pixels(frame_from_rgb(grainy).pixels))
    assert min(psnr(a, b) for a, b in zip(run(frames), frames, strict=True)) > 50


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p10le", "yuv444p12le"])
def test_depth_and_subsampling_stay_and_colour_comes_back(form: str) -> None:
    """Chroma flickers along with the light, and is brought back with it."""
    clean = clip(form=form)
    frames = [lit(one, gain) for one, gain in zip(clean, LIGHTS["lamp"], strict=True)]
    out = run(frames)
    assert {one.planes().bits for one in out} == {clean[0].planes().bits}
    assert {one.planes().u.shape for one in out} == {clean[0].planes().u.shape}

    def unrest(some: list[Frame]) -> float:
        away = np.array([np.abs(one.planes().u - float(1 << (one.planes().bits - 1))).mean() for one in some])
        return float(np.diff(away).std() / away.mean())

    assert unrest(out) < 0.3 * unrest(frames)


def test_strength_is_a_share() -> None:
    clean = clip()
    frames = [lit(one, gain) for one, gain in zip(clean, LIGHTS["lamp"], strict=True)]
    assert all(a is b for a, b in zip(run(frames, RestoreDeflicker(strength=0)), frames, strict=True))
    half = flicker(run(frames, RestoreDeflicker(strength=0.5)), clean)
    assert half == pytest.approx(0.5 * flicker(frames, clean), rel=0.15)


def test_a_cut_begins_anew() -> None:
    """Behind the cut the output is what it would be if the clip began there."""
    first = [lit(one, gain) for one, gain in zip(clip(), LIGHTS["lamp"], strict=True)]
    second = [lit(one, 0.5 * gain) for one, gain in zip(clip(), LIGHTS["jitter"], strict=True)]
    joined = first[:20] + [replace(one, index=i + 20, pts=i + 20) for i, one in enumerate(second[:20])]
    out = run(joined, segments=[20])
    assert np.array_equal(stack(out[20:]), stack(run(second[:20])))


@pytest.mark.parametrize("ahead", [0, 12])
def test_a_cut_that_nobody_saw_changes_neither_side(ahead: int) -> None:
    """From a bright picture to a dark one of something else, without a reset."""
    first, second = clip(count=20), [lit(one, 0.5) for one in framed_world(8)]
    joined = first + [replace(one, index=i + 20, pts=i + 20) for i, one in enumerate(second)]
    out = run(joined, RestoreDeflicker(look_ahead=ahead))
    assert min(psnr(a, b) for a, b in zip(out, joined, strict=True)) > 45


@pytest.mark.parametrize("chunk", [1, 7])
def test_results_do_not_depend_on_the_chunk(chunk: int) -> None:
    frames = [lit(one, gain) for one, gain in zip(clip(), LIGHTS["lamp"], strict=True)][:30]
    with NodeHarness(RestoreDeflicker(), chunk=chunk) as harness:
        out = harness.run(frame=frames)
    assert np.array_equal(stack(out), stack(run(frames)))


def test_uneven_times_do_no_harm() -> None:
    pts = np.cumsum(np.random.default_rng(3).integers(1, 5, COUNT)).tolist()
    clean = clip()
    lights = 1 + 0.15 * np.sin(2 * np.pi * 6.3 * np.array(pts) / FPS)
    frames = [replace(lit(one, gain), pts=p) for one, gain, p in zip(clean, lights, pts, strict=True)]
    out = run(frames)
    assert [one.pts for one in out] == pts
    assert flicker(out, clean) < 0.3 * flicker(frames, clean)


def test_times_that_stand_still_do_no_harm() -> None:
    frames = [replace(one, pts=0) for one in clip(count=8)]
    assert len(run(frames)) == 8


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17), (5, 300)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_tiny_odd_and_short(size: tuple[int, int], count: int) -> None:
    rng = np.random.default_rng(0)
    frames = [
        replace(frame_from_rgb(rng.integers(0, 255, (size[1], size[0], 3), np.uint8), i), pts=i)
        for i in range(count)
    ]
    assert [one.size for one in run(frames)] == [size] * count


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_pictures_stay(level: int) -> None:
    image = np.full((54, 96, 3), level, np.uint8)
    frames = [replace(frame_from_rgb(image, i), pts=i, time_base=Fraction(1, FPS)) for i in range(20)]
    assert all(a is b for a, b in zip(run(frames), frames, strict=True))


def test_the_report_says_what_was_done() -> None:
    frames = [lit(one, gain) for one, gain in zip(clip(), LIGHTS["lamp"], strict=True)]
    node = RestoreDeflicker()
    with NodeHarness(node) as harness:
        harness.run(frame=frames)
        facts = node.facts()
    assert facts["frames"] == COUNT
    assert facts["changed"] > 50
    assert 0.05 < facts["largest_change"] < 0.3


@pytest.mark.parametrize("bad", [{"strength": 2}, {"smooth_s": 0}, {"look_ahead": -1}, {"settle_s": 0}])
def test_impossible_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestoreDeflicker(**bad)
