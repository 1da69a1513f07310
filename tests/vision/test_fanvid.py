"""The published degradation: its order and ranges, one draw a clip, noise anew on each frame."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.fanvid import Degradation, degrade, draw, fitting_size

PLAIN = Degradation(jpeg=100)


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """64 x 96, smooth and textured."""
    noise = np.random.default_rng(seed).uniform(0, 255, (12, 8, 3))
    return np.asarray(np.clip(cv2.resize(noise, (96, 64), interpolation=cv2.INTER_CUBIC), 0, 255), np.uint8)


def flat(value: int = 100) -> NDArray[np.uint8]:
    return np.full((720, 1280, 3), value, np.uint8)


def test_without_blur_noise_and_resize_it_is_the_bicubic_step_alone() -> None:
    image = picture()[..., :1].repeat(3, -1)  # grey: JPEG thins colours out
    wanted = cv2.resize(image, (24, 16), interpolation=cv2.INTER_CUBIC)
    got = degrade(image, PLAIN, size=(24, 16))
    assert np.abs(got.astype(int) - wanted).mean() < 2
    assert got.shape == (16, 24, 3)
    assert got.dtype == np.uint8
    assert degrade(flat(), PLAIN).shape == (180, 320, 3)


def test_colours_stay_in_their_channels() -> None:
    red = flat()
    red[..., 0], red[..., 2] = 220, 20
    out = degrade(red, draw(3))
    assert out[..., 0].mean() == pytest.approx(220, abs=4)
    assert out[..., 2].mean() == pytest.approx(20, abs=4)


def test_the_same_seed_and_frame_give_the_same_picture_and_the_input_stays() -> None:
    image = picture()
    before = image.copy()
    how = Degradation(noise="gaussian", noise_sigma=10, seed=5)
    one = degrade(image, how, frame=2, size=(48, 32))
    assert np.array_equal(one, degrade(image, how, frame=2, size=(48, 32)))
    assert not np.array_equal(one, degrade(image, how, frame=3, size=(48, 32)))
    assert np.array_equal(image, before)
    assert draw(11) == draw(11)


def test_only_the_noise_is_new_on_each_frame() -> None:
    how = Degradation(blur="gaussian", kernel=7, blur_sigma=2, scale=0.7, jpeg=40)
    assert np.array_equal(degrade(picture(), how, frame=0), degrade(picture(), how, frame=9))


@pytest.mark.parametrize("noise", ["gaussian", "poisson"])
def test_noise_has_its_size(noise: str) -> None:
    """At grey 100 Poisson's spread is 10 levels as well: 6.7 in brightness, which JPEG at 100 keeps."""
    how = Degradation(noise=noise, noise_sigma=10, jpeg=100)  # type: ignore[arg-type]
    luma = degrade(flat(100)[:180, :320], how, size=(320, 180)) @ np.array([0.299, 0.587, 0.114])
    assert luma.std() == pytest.approx(6.69, rel=0.03)
    assert degrade(flat(100), PLAIN).std() < 1


def test_each_step_takes_detail_away() -> None:
    """Gaussian blur, a box, a smaller size and coarse JPEG each leave less of a sharp edge."""
    image = np.kron(np.indices((8, 12)).sum(0) % 2, np.ones((8, 8)))[..., None].repeat(3, -1)
    board = np.asarray(image * 255, np.uint8)

    def edge(how: Degradation) -> float:
        out = degrade(board, how, size=(96, 64)).astype(float)
        return float(np.abs(np.diff(out, axis=1)).max())

    sharp = edge(PLAIN)
    assert edge(Degradation(blur="gaussian", kernel=7, blur_sigma=2, jpeg=100)) < 0.6 * sharp
    assert edge(Degradation(blur="box", kernel=5, jpeg=100)) < 0.6 * sharp
    assert edge(Degradation(scale=0.5, jpeg=100)) < sharp


def test_draws_have_the_published_chances_and_ranges() -> None:
    draws = [draw(seed) for seed in range(2000)]
    blur = Counter[str | None](one.blur for one in draws)
    noise = Counter[str | None](one.noise for one in draws)
    for kinds, other in ((blur, "box"), (noise, "poisson")):
        assert kinds[None] == pytest.approx(1000, abs=80)
        assert kinds["gaussian"] == pytest.approx(700, abs=70)
        assert kinds[other] == pytest.approx(300, abs=60)
    assert {one.kernel for one in draws} == {3, 5, 7}
    for values, low, high in (
        ([one.blur_sigma for one in draws], 0.2, 2.0),
        ([one.scale for one in draws], 0.5, 1.5),
        ([one.noise_sigma for one in draws], 1.0, 15.0),
        ([float(one.jpeg) for one in draws], 30.0, 95.0),
    ):
        assert low <= min(values) < low + 0.03 * (high - low)
        assert high - 0.03 * (high - low) < max(values) <= high


def test_the_shape_of_the_clip_is_kept() -> None:
    assert fitting_size(1280, 720) == (320, 180)
    assert fitting_size(1920, 1080) == (320, 180)
    assert fitting_size(640, 480) == (240, 180)
    assert fitting_size(720, 1280) == (102, 180)
    assert fitting_size(100, 50) == (100, 50)


def test_what_cannot_be_degraded_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        degrade(np.zeros((4, 4, 3), np.float32), PLAIN)
    with pytest.raises(ValueError, match="size"):
        degrade(picture(), PLAIN, size=(0, 4))
    with pytest.raises(ValueError, match="odd kernel"):
        Degradation(kernel=4)
    with pytest.raises(ValueError, match="JPEG"):
        Degradation(jpeg=0)
