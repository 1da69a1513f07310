"""Degradation: as many frames, the asked size, each step by itself, real coding, wrong wishes refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.media.degrade import LEVELS, Degradation, degrade_sequence, small_size, spoiled
from vidface.media.recode import Codec, recode

Picture = NDArray[np.uint8]


def pattern(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Picture:
    """Smooth colours with some edges."""
    coarse = np.random.default_rng(seed).integers(40, 215, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean((a.astype(float) - b) ** 2)), 1e-9)))


@pytest.mark.parametrize("level", LEVELS)
def test_levels_shrink_and_keep_every_frame(level: str) -> None:
    frames = [pattern(0, (192, 128))] * 3
    small = degrade_sequence(frames, LEVELS[level], np.random.default_rng(0))
    wide, high = small_size((192, 128), LEVELS[level].scale)
    assert [one.shape for one in small] == [(high, wide, 3)] * 3
    assert abs(float(np.mean(small)) - float(np.mean(frames))) < 4


def test_nothing_asked_nothing_done() -> None:
    frames = [pattern(1)]
    assert np.array_equal(degrade_sequence(frames, Degradation(), np.random.default_rng(0))[0], frames[0])


def test_noise_has_the_asked_spread_and_differs_between_frames() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    rng = np.random.default_rng(0)
    one, two = (spoiled(grey, Degradation(noise=6), rng).astype(float) for _ in range(2))
    assert one.std() == pytest.approx(6, rel=0.05)
    assert (one - two).std() == pytest.approx(6 * 2**0.5, rel=0.05)
    shot = spoiled(grey, Degradation(shot=10), rng).astype(float)
    assert shot.std() == pytest.approx(10 * (128 / 255) ** 0.5, rel=0.05)
    smeared = spoiled(grey, Degradation(noise=6, noise_grain_px=1), rng).astype(float)
    assert smeared.std() == pytest.approx(6, rel=0.05)
    assert np.diff(smeared, axis=1).std() < 0.8 * np.diff(one, axis=1).std()


def test_blur_is_in_pixels_of_the_small_picture() -> None:
    """An edge of 4 times the size, shrunk by 4, is as soft as one blurred at the small size."""
    edge = np.zeros((128, 128, 3), np.uint8)
    edge[:, 64:] = 200
    soft = spoiled(edge, Degradation(scale=4, blur_px=1.5), np.random.default_rng(0))
    plain = np.zeros((32, 32, 3), np.uint8)
    plain[:, 16:] = 200
    wanted = cv2.GaussianBlur(plain, (0, 0), 1.5)
    assert np.abs(soft.astype(int) - wanted).max() <= 8


def test_motion_blur_follows_its_direction() -> None:
    dot = np.zeros((33, 33, 3), np.uint8)
    dot[16, 16] = 255
    across = spoiled(dot, Degradation(motion_px=9), np.random.default_rng(0))[..., 0] > 0
    assert across.any(0).sum() >= 9
    assert across.any(1).sum() <= 3
    down = spoiled(dot, Degradation(motion_px=9, motion_deg=90), np.random.default_rng(0))[..., 0] > 0
    assert down.any(1).sum() >= 9


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4", "mjpeg"])
def test_each_codec_keeps_order_and_gets_worse(codec: Codec) -> None:
    frames = [pattern(seed) for seed in range(3)]
    good, bad = recode(frames, codec, 10), recode(frames, codec, 45)
    assert len(good) == len(bad) == 3
    for place, frame in enumerate(frames):
        scores = [psnr(good[place], other) for other in frames]
        assert int(np.argmax(scores)) == place
        assert psnr(good[place], frame) > psnr(bad[place], frame) + 1


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4", "mjpeg"])
def test_coding_darkens_nothing(codec: Codec) -> None:
    """swscale's quick way from YUV to RGB, which cuts fractions off, would darken by a grey level."""
    frames = [np.asarray(cv2.GaussianBlur(pattern(seed), (0, 0), 3), np.uint8) for seed in range(2)]
    coded = np.stack(recode(frames, codec, 4)).astype(float)
    cast = (coded - np.stack(frames)).mean((0, 1, 2))
    assert abs(cast @ (0.299, 0.587, 0.114)) < 0.25


@pytest.mark.parametrize("shape", [(15, 16, 3), (14, 16, 3), (16, 33, 3)])
def test_sizes_no_encoder_takes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="even sides of 16 px or more"):
        recode([np.zeros(shape, np.uint8)], "h264", 30)
    with pytest.raises(ValueError, match="one size"):
        recode([], "h264", 30)


def test_odd_and_tiny_pictures_become_even() -> None:
    assert small_size((33, 9), 1) == (32, 16)
    assert degrade_sequence([pattern(0, (33, 17))], LEVELS["medium"], np.random.default_rng(0))[0].shape == (
        16,
        16,
        3,
    )


@pytest.mark.parametrize("wrong", [{"scale": 0.5}, {"noise": -1}, {"crf": float("nan")}, {"scale": 100}])
def test_wishes_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Degradation(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("size", [(66, 64), (42, 44)])
def test_coding_gives_the_same_each_time(codec: Codec, size: tuple[int, int]) -> None:
    """Small frames of odd blocks, among other memory: no encoder reads or writes beyond them."""
    rng = np.random.default_rng(5)
    frames = [pattern(place, size) for place in range(4)]
    found = set()
    for _ in range(12):
        others = [np.full(rng.integers(1000, 60000), rng.integers(0, 255), np.uint8) for _ in range(20)]
        found.add(b"".join(picture.tobytes() for picture in recode(frames, codec, 28)))
        assert len(others) == 20
    assert len(found) == 1
