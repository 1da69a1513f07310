"""Cuts are found; flashes, noise and turning heads are not cuts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.scenecut import change, is_cut, signature

Luma = NDArray[np.uint8]


def picture(seed: int, *, low: float = 20, high: float = 220) -> Luma:
    """Smooth random shapes, 36 x 64."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(low, high, (5, 8))
    return np.kron(coarse, np.ones((8, 8)))[:36].astype(np.uint8)


def cut(a: Luma, b: Luma) -> bool:
    return is_cut(signature(a), signature(b))


def test_another_picture_is_a_cut() -> None:
    """A dark scene after a bright one."""
    assert cut(picture(1, low=90), picture(2, high=140))


def test_the_same_picture_is_no_cut() -> None:
    assert change(signature(picture(1)), signature(picture(1))) == 0


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.5, 1.9])
def test_a_flash_is_no_cut(gain: float) -> None:
    """Brighter or darker by a factor, clipped at white, and back."""
    normal = picture(3, high=160)
    flash = np.clip(normal * gain + 15, 0, 255).astype(np.uint8)
    assert not cut(normal, flash)
    assert not cut(flash, normal)


def test_noise_is_no_cut() -> None:
    """Strong noise, and noise on a picture that is all but flat."""
    rng = np.random.default_rng(4)
    for base in (picture(5), np.full((36, 64), 128, np.uint8)):
        noisy = [np.clip(base + rng.normal(0, 15, base.shape), 0, 255).astype(np.uint8) for _ in range(2)]
        assert not cut(noisy[0], noisy[1])


def test_a_head_that_jumps_is_no_cut() -> None:
    """A bright disc as high as the picture moves by a quarter of its size."""
    y, x = np.mgrid[:36, :64]
    frames = [np.where((x - c) ** 2 + (y - 18) ** 2 < 16**2, 170, 60).astype(np.uint8) for c in (28, 36)]
    assert not cut(frames[0], frames[1])


def test_a_picture_after_black_is_a_cut() -> None:
    assert cut(np.zeros((36, 64), np.uint8), picture(6))


@given(st.integers(1, 40), st.integers(1, 70), st.integers(0, 255))
def test_any_size_has_a_signature_of_the_same_length(height: int, width: int, level: int) -> None:
    """Also 1 x 1; a flat picture says its level in every cell."""
    print_of = signature(np.full((height, width), level, np.uint8))
    assert print_of.shape == (9 * 16 + 32,)
    np.testing.assert_allclose(print_of[: 9 * 16], level, rtol=1e-5)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_order_of_two_frames_does_not_matter(a: int, b: int) -> None:
    first, second = signature(picture(a)), signature(picture(b))
    assert change(first, second) == pytest.approx(change(second, first))
    assert 0 <= change(first, second) <= 1


@pytest.mark.parametrize("shape", [(0, 0), (36, 64, 3), (64,)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="brightness"):
        signature(np.zeros(shape, np.uint8))


def thumbnails(path: Path) -> list[Luma]:
    """Every frame's brightness at 64 pixels wide."""
    import av

    with av.open(str(path)) as container:
        return [
            np.ascontiguousarray(
                frame.reformat(
                    width=64,
                    height=max(1, round(64 * frame.height / frame.width)),
                    format="gray",
                    interpolation="AREA",
                ).to_ndarray()[:, :64]
            )
            for frame in container.decode(video=0)
        ]


def cuts_in(path: Path) -> list[int]:
    prints = [signature(thumb) for thumb in thumbnails(path)]
    return [i for i in range(1, len(prints)) if is_cut(prints[i - 1], prints[i])]


@pytest.mark.skipif(not importlib.util.find_spec("av"), reason="needs PyAV")
@pytest.mark.parametrize("name", ["two_people.mp4", "walk_vfr.mkv", "rotated.mp4"])
def test_the_samples_cuts_are_found_and_no_others(samples: Path, name: str) -> None:
    """Against the truth beside the clip."""
    lines = (samples / name).with_suffix(".truth.jsonl").read_text(encoding="utf-8").splitlines()
    wanted = [i for i, line in enumerate(lines) if json.loads(line)["cut"] and i]
    assert cuts_in(samples / name) == wanted


@pytest.mark.parametrize(
    "name",
    ["talking/liveportrait_d12.mp4", "openh264/CI1_FT_B.264", "scenes/head-pose-face-detection-male.gif"],
)
def test_no_false_cut_in_restless_clips(shared_data: Path, name: str) -> None:
    """A head that shakes hard, a panning camera, a GIF at few frames a second."""
    assert cuts_in(shared_data / "clips" / name) == []


def test_edited_clip_has_its_cut(shared_data: Path) -> None:
    """From a face to another place, by way of black."""
    assert cuts_in(shared_data / "clips/edge/face_noface.mov") == [72, 73]


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_a_flash_that_clips_is_no_cut_and_a_change_both_ways_is(seed: int) -> None:
    """White flattens the structure: half the likeness is enough where all of it grew brighter, or darker."""
    normal = picture(seed)
    flash = np.clip(normal * 1.5 + 120.0, 0, 255).astype(np.uint8)
    mixed = np.clip(normal + 110.0, 0, 255).astype(np.uint8)
    mixed[:, :10] = np.maximum(normal[:, :10] - 30.0, 0)
    for other in (flash, mixed):
        assert 0.5 < np.corrcoef(signature(normal)[:144], signature(other)[:144])[0, 1] < 0.85
    assert not cut(normal, flash)
    assert not cut(flash, normal)
    assert cut(normal, mixed)
    assert cut(mixed, normal)
