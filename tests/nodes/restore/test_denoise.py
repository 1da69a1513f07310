"""restore.denoise: noise goes, still and panning; nothing is left behind moving things; clean clips stay."""

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
from vidface.nodes.restore.denoise import RestoreDenoise

SIZE = (320, 180)
COUNT = 14
WARM = 6
"""Frames until the average is long."""


def world(seed: int = 0) -> NDArray[np.uint8]:
    """Soft texture with hard-edged shapes, larger than the frame."""
    rng = np.random.default_rng(seed)
    soft = np.asarray(cv2.GaussianBlur(rng.normal(0, 1, (SIZE[1] + 80, SIZE[0] + 80, 3)), (0, 0), 4))
    image = np.asarray(np.clip(120 + 25 * soft / soft.std(), 30, 220), np.uint8)
    for _ in range(25):
        x, y, side = (int(v) for v in rng.integers(10, 240, 3))
        colour = rng.integers(50, 200, 3).tolist()
        cv2.rectangle(image, (x, y), (x + side // 4, y + side // 5), colour, -1, cv2.LINE_AA)
    return image


def framed(images: list[Any], form: str = "") -> list[Frame]:
    frames = []
    for i, image in enumerate(images):
        one = replace(frame_from_rgb(np.asarray(image, np.uint8), i), pts=i, time_base=Fraction(1, 25))
        if form:
            picture, _ = AvPixels.of(one).upright()
            one = one.with_pixels(AvPixels(picture.reformat(format=form)))
        frames.append(one)
    return frames


def view(step: tuple[float, float] = (0, 0), *, count: int = COUNT, form: str = "") -> list[Frame]:
    """What a camera sees that moves by `step` pixels a frame."""
    image = world()
    return framed(
        [
            cv2.warpAffine(
                image,
                np.array([(1.0, 0, -20 - step[0] * i), (0, 1, -20 - step[1] * i)]),
                SIZE,
                flags=cv2.INTER_CUBIC,
            )
            for i in range(count)
        ],
        form,
    )


def noisy(frames: list[Frame], sigma: float = 8, *, coarse: float = 0) -> list[Frame]:
    """White noise, or noise blurred by `coarse` pixels, of the same size on all planes (8-bit codes)."""
    rng = np.random.default_rng(7)

    def paint(planes: Planes) -> None:
        for plane in (planes.luma, planes.u, planes.v):
            noise = rng.normal(0, 1, plane.shape)
            if coarse:
                noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), coarse))
            codes = plane + noise * (sigma * (1 << (planes.bits - 8)) / noise.std())
            plane[...] = np.clip(np.rint(codes), 0, (1 << planes.bits) - 1)

    return [one.painted(paint) for one in frames]


def run(frames: list[Frame], node: RestoreDenoise | None = None, **more: Any) -> list[Frame]:
    with NodeHarness(node or RestoreDenoise()) as harness:
        out: list[Frame] = harness.run(frame=frames, **more)
        return out


def psnr(some: list[Frame], wanted: list[Frame], plane: str = "luma") -> float:
    """Mean over the frames after the first few."""
    scores = []
    for one, other in list(zip(some, wanted, strict=True))[WARM:]:
        step = 1 << (one.planes().bits - 8)
        error = np.square((getattr(one.planes(), plane) - getattr(other.planes(), plane) * 1.0) / step).mean()
        scores.append(99.0 if error == 0 else 10 * np.log10(255**2 / error))
    return float(np.mean(scores))


@pytest.mark.parametrize(
    ("step", "sigma", "gain"),
    [((0, 0), 4, 10), ((0, 0), 12, 12), ((2.3, 0.7), 4, 7), ((2.3, 0.7), 12, 9), ((-5, 3), 8, 7)],
)
def test_noise_goes_from_still_and_panning_clips(
    step: tuple[float, float], sigma: float, gain: float
) -> None:
    """By so many dB of PSNR to the clean clip; in colour as well."""
    clean = view(step)
    frames = noisy(clean, sigma)
    out = run(frames)
    assert psnr(out, clean) > psnr(frames, clean) + gain
    assert psnr(out, clean, "u") > psnr(frames, clean, "u") + gain - 3


def test_averages_over_time_do_more_than_smoothing_alone() -> None:
    for step, gain in (((0.0, 0.0), 3.0), ((2.3, 0.7), 1.0)):
        clean = view(step)
        frames = noisy(clean)
        assert psnr(run(frames), clean) > psnr(run(frames, RestoreDenoise(memory_s=0)), clean) + gain


@pytest.mark.parametrize("coarse", [0.5, 0.8])
def test_coarse_noise_as_codecs_leave_it_is_seen_too(coarse: float) -> None:
    clean = view()
    frames = noisy(clean, coarse=coarse)
    assert psnr(run(frames), clean) > psnr(frames, clean) + 4


@pytest.mark.parametrize("contrast", [12, 40])
def test_nothing_is_left_behind_what_moves(contrast: int) -> None:
    """A bright block walks: where it was, the picture is as if it had never been there."""
    still = view()[0].rgb()
    images, sigma = [], 6
    for i in range(COUNT):
        image = still.astype(int)
        image[40:140, 10 + 9 * i : 80 + 9 * i] += contrast
        images.append(np.clip(image, 0, 255))
    clean = framed(images)
    out = run(noisy(clean, sigma))
    for i in range(WARM, COUNT):
        error = out[i].planes().luma[44:136] - 1.0 * clean[i].planes().luma[44:136]
        trail = error[:, max(9 * i - 40, 0) : 9 * i + 7].mean()
        inside = error[:, 9 * i + 20 : 9 * i + 75].mean()
        assert abs(trail) < 0.06 * contrast + 0.5
        assert abs(inside) < 0.06 * contrast + 0.5


def test_colour_of_the_same_brightness_leaves_nothing_behind_either() -> None:
    clean = view()
    moved = []
    for i, one in enumerate(clean):

        def paint(planes: Planes, at: int = 5 + 4 * i) -> None:
            planes.u[20:70, at : at + 30] = np.minimum(planes.u[20:70, at : at + 30] + 30, 240)

        moved.append(one.painted(paint))
    out = run(noisy(moved, 5))
    for i in range(WARM, COUNT):
        trail = (out[i].planes().u[24:66] - 1.0 * moved[i].planes().u[24:66])[
            :, max(4 * i - 20, 0) : 4 * i + 3
        ]
        assert abs(trail.mean()) < 2


def test_light_that_is_switched_on_is_there_at_once() -> None:
    dark, bright = framed([world()[20:200, 20:340] // 2])[0], view()[0]
    clean = [replace(dark if i < 8 else bright, index=i, pts=i) for i in range(COUNT)]
    out = run(noisy(clean))
    for i in (7, 8, 9):
        assert abs(out[i].planes().luma.mean() - clean[i].planes().luma.mean()) < 0.7


@pytest.mark.parametrize("step", [(0, 0), (2.3, 0.7)])
@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le"])
def test_clean_clips_stay(step: tuple[float, float], form: str) -> None:
    """Above 55 dB even where colour is full of edges."""
    frames = view(step, form=form)
    out = run(frames)
    assert min(psnr(out, frames, plane) for plane in ("luma", "u", "v")) > 55


def test_what_has_no_noise_to_speak_of_is_passed_on_untouched() -> None:
    soft = [cv2.GaussianBlur(one.rgb(), (0, 0), 3) for one in view((2.3, 0.7))]
    node = RestoreDenoise()
    with NodeHarness(node) as harness:
        frames = framed(soft)
        assert all(a is b for a, b in zip(harness.run(frame=frames), frames, strict=True))
        assert node.facts()["clean"] == COUNT


@pytest.mark.parametrize("step", [(0, 0), (1.3, 0.4)])
def test_clean_fine_texture_is_kept(step: tuple[float, float]) -> None:
    """Gravel over half of the picture, and a wall: PSNR of at least 45 dB to the input."""
    rng = np.random.default_rng(2)
    image = world()
    image[:, 170:] = np.clip(
        image[:, 170:] + cv2.GaussianBlur(rng.normal(0, 40, image[:, 170:].shape), (0, 0), 0.8), 0, 255
    )
    frames = framed(
        [
            cv2.warpAffine(image, np.array([(1.0, 0, -20 - step[0] * i), (0, 1, -20 - step[1] * i)]), SIZE)
            for i in range(COUNT)
        ]
    )
    assert psnr(run(frames), frames) >= 45


def test_still_texture_everywhere_is_known_for_what_it_is() -> None:
    """It looks like noise, but does not change."""
    rng = np.random.default_rng(2)
    frames = framed([np.clip(128 + rng.normal(0, 8, (180, 320, 3)), 0, 255)] * 30)
    out = run(frames)
    assert psnr(out[-10:], frames[-10:]) >= 45


@pytest.mark.parametrize("form", ["yuv420p10le", "yuv422p", "yuv444p12le"])
def test_depth_and_subsampling_stay(form: str) -> None:
    clean = view(form=form)
    frames = noisy(clean)
    out = run(frames)
    assert {one.planes().bits for one in out} == {clean[0].planes().bits}
    assert psnr(out, clean) > psnr(frames, clean) + 10
    assert psnr(out, clean, "v") > psnr(frames, clean, "v") + 8


def test_strength_mixes() -> None:
    clean = view()
    frames = noisy(clean)
    assert all(a is b for a, b in zip(run(frames, RestoreDenoise(strength=0)), frames, strict=True))
    whole = psnr(run(frames), clean)
    half = psnr(run(frames, RestoreDenoise(strength=0.5)), clean)
    assert psnr(frames, clean) + 4 < half < whole - 4


def test_a_given_level_is_taken() -> None:
    """Where noise cannot be measured, the user says how much there is."""
    clean = view()
    frames = noisy(clean, coarse=1.5)
    assert psnr(run(frames, RestoreDenoise(noise=8)), clean) > psnr(run(frames), clean) + 1


def test_a_cut_begins_anew() -> None:
    first = noisy(view(count=8))
    second = noisy(framed([world(9)[20:200, 20:340]] * 6))
    joined = first + [replace(one, index=i + 8, pts=i + 8) for i, one in enumerate(second)]
    out = run(joined, segments=[8])
    alone = run(second)
    assert all(np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(out[8:], alone, strict=True))


@pytest.mark.parametrize("chunk", [1, 7])
def test_results_do_not_depend_on_the_chunk(chunk: int) -> None:
    frames = noisy(view((2, 1), count=8))
    with NodeHarness(RestoreDenoise(), chunk=chunk) as harness:
        out = harness.run(frame=frames)
    assert all(
        np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(out, run(frames), strict=True)
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (33, 17), (5, 300), (97, 98)])
def test_tiny_and_odd_pictures(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = framed([rng.integers(0, 255, (size[1], size[0], 3)) for _ in range(4)])
    assert {one.size for one in run(frames, RestoreDenoise(noise=10))} == {size}
    assert {one.size for one in run(frames)} == {size}


def test_the_size_may_change_in_the_middle() -> None:
    frames = noisy(view(count=3)) + noisy(framed([world()[:100, :120]] * 3))
    frames = [replace(one, index=i, pts=i) for i, one in enumerate(frames)]
    assert [one.size for one in run(frames)] == [SIZE] * 3 + [(120, 100)] * 3


@pytest.mark.parametrize("level", [0, 128, 255])
def test_pictures_of_one_colour_stay(level: int) -> None:
    frames = framed([np.full((90, 160, 3), level)] * 4)
    assert all(a is b for a, b in zip(run(frames), frames, strict=True))


def test_nothing_but_noise_does_no_harm() -> None:
    """White noise over the whole range, different in each frame."""
    rng = np.random.default_rng(0)
    frames = framed([rng.integers(0, 255, (90, 160, 3)) for _ in range(5)])
    assert len(run(frames)) == 5


def test_times_that_stand_still_do_no_harm() -> None:
    frames = [replace(one, pts=0) for one in noisy(view(count=4))]
    assert len(run(frames)) == 4


def test_the_report_says_how_much_noise_there_was() -> None:
    node = RestoreDenoise()
    with NodeHarness(node) as harness:
        harness.run(frame=noisy(view(), 8))
        facts = node.facts()
    assert facts["frames"] == COUNT
    assert facts["clean"] == 0
    assert facts["noise"] == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("bad", [{"strength": 2}, {"noise": 0}, {"memory_s": -1}, {"spatial": 3}])
def test_impossible_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestoreDenoise(**bad)
