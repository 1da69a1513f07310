"""Grain: noise at the border of a cleaned face is that of its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.facemask import crop_mask
from vidface.vision.grain import Grain, fill, measure_noise
from vidface.vision.paste import paste_delta

SIZE = 256
ARC = np.linspace(0, 2 * np.pi, 40, endpoint=False)
MASK = crop_mask(SIZE, np.stack([70 * np.cos(ARC) + 128, 85 * np.sin(ARC) + 146], -1))
GROUND = cv2.GaussianBlur(
    np.random.default_rng(0).normal(0, 600, (SIZE, SIZE)).astype(np.float32), (0, 0), 25
) + np.float32(120)
"""A smooth picture without noise."""


def noise(sigma: float, blur: float, *, seed: int = 1) -> NDArray[np.float32]:
    """Gaussian noise of a deviation, smeared."""
    field = np.random.default_rng(seed).standard_normal((SIZE, SIZE)).astype(np.float32)
    if blur > 0:
        cv2.GaussianBlur(field, (0, 0), blur, dst=field, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(field * (sigma / field.std()), np.float32)


@pytest.mark.parametrize("sigma", [1.5, 4.0, 9.0])
@pytest.mark.parametrize("blur", [0.0, 0.6, 1.0])
def test_the_border_of_a_denoised_face_is_as_noisy_as_what_lies_around(sigma: float, blur: float) -> None:
    """All noise is taken off inside; in the ring inside the border it is back, to a quarter."""
    dirty = noise(sigma, blur)
    luma = GROUND + dirty
    change = -dirty
    added = fill(luma, change, MASK, grain=Grain((3, 1), keep=0.3))
    result = luma + change * MASK + added - GROUND
    ring = (MASK > 0.05) & (MASK < 0.6)
    assert result[ring].std() == pytest.approx(result[MASK == 0].std(), rel=0.25)
    assert result[MASK > 0.99].std() == pytest.approx(0.3 * sigma, rel=0.25)
    assert (added[MASK == 0] == 0).all()


@pytest.mark.parametrize("bits", [8, 10])
def test_pasted_planes_have_even_noise_at_the_border(bits: int) -> None:
    """The same through `paste_delta`, rounded and in a face half as large in the frame."""
    unit = 1 << (bits - 8)
    rng = np.random.default_rng(4)
    luma = np.rint(np.clip(GROUND + rng.normal(0, 5, GROUND.shape), 16, 235) * unit)
    dtype = np.uint8 if bits == 8 else np.uint16
    chroma = np.full((SIZE // 2, SIZE // 2), 128 * unit, dtype)
    planes = Planes(luma.astype(dtype), chroma, chroma.copy(), bits)
    matrix = np.array([(2.0, 0, -128), (0, 2, -146)])
    there = np.array([(2.0, 0, -127.5), (0, 2, -145.5)])
    crop = cv2.warpAffine(luma.astype(np.float32) / unit, there, (256, 256), flags=cv2.INTER_LINEAR)
    clean = cv2.warpAffine(GROUND, there, (256, 256), flags=cv2.INTER_LINEAR)
    delta = np.repeat((clean - crop)[..., None] * 255 / 219, 3, axis=2)
    paste_delta(planes, delta, mask=MASK, matrix=matrix, grain=Grain((9, 2)))
    left = planes.luma.astype(np.float32) / unit - GROUND
    half = cv2.warpAffine(MASK, there, (256, 256), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    ring = (half > 0.05) & (half < 0.6)
    assert left[ring].std() == pytest.approx(left[half == 0].std(), rel=0.25)
    assert left[half > 0.99].std() < 0.6 * left[half == 0].std()
    assert abs(left[half > 0.5].mean()) < 0.3


def test_the_same_seed_gives_the_same_grain_and_another_another() -> None:
    dirty = noise(5, 0)
    one, same, other = (
        fill(GROUND + dirty, -dirty, MASK, grain=Grain(seed)) for seed in ((-8, 1), (-8, 1), (-7, 1))
    )
    assert np.array_equal(one, same)
    assert abs(np.corrcoef(one[MASK > 0], other[MASK > 0])[0, 1]) < 0.1


def test_a_clean_picture_gets_no_grain() -> None:
    luma = np.rint(GROUND).astype(np.float32)
    assert not fill(luma, -(luma - GROUND), MASK, grain=Grain((1,))).any()


def test_a_face_that_keeps_its_noise_gets_no_more() -> None:
    """A change of shades alone: the noise is still there."""
    dirty = noise(5, 0)
    added = fill(GROUND + dirty, GROUND * 0 + 7, MASK, grain=Grain((1,)))
    assert added.std() < 0.3


def test_edges_are_not_taken_for_noise() -> None:
    """Stripes around the face leave the measured noise where it is."""
    stripes = np.where(np.arange(SIZE) % 32 < 16, 60.0, 0.0).astype(np.float32)[None, :]
    outside = np.where(MASK == 0, stripes, 0).astype(np.float32)
    dirty = noise(3, 0)
    plain = measure_noise(GROUND + dirty, -dirty, MASK)
    edged = measure_noise(GROUND + dirty + outside, -dirty, MASK)
    assert plain is not None
    assert edged is not None
    assert edged.outside == pytest.approx(plain.outside, rel=0.15)


def test_weights_that_exceed_one_by_a_rounding_are_taken_as_one() -> None:
    """A mask that was sampled between pixels of 1 is 1.0000001 here and there."""
    dirty = noise(5, 0)
    over = fill(GROUND + dirty, -dirty, MASK * np.float32(1.000001), grain=Grain((1,)))
    assert np.allclose(over, fill(GROUND + dirty, -dirty, MASK, grain=Grain((1,))), atol=0.2)


def test_too_little_to_measure_gives_no_grain() -> None:
    few = np.zeros((6, 6), np.float32)
    assert measure_noise(few, few, few + 1) is None
    assert not fill(few, few, few + 1, grain=Grain((1,))).any()


def test_keep_lies_between_zero_and_one() -> None:
    with pytest.raises(ValueError, match="keep"):
        Grain((1,), keep=1.5)
