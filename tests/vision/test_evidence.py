"""Back-projection: a restored face, shrunk again, is the observed one; what is finer stays."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.media.pixels import frame_from_rgb
from vidface.vision.evidence import Evidence, consistent, evidence_of, residual_of, shrunk, with_fitted_blur


def smooth(sigma: float, *, seed: int, height: float = 25) -> NDArray[np.float32]:
    """256 x 256 x 3, random shades as wide as sigma, around 0."""
    field = np.random.default_rng(seed).normal(0, 1, (256, 256, 3)).astype(np.float32)
    cv2.GaussianBlur(field, (0, 0), sigma, dst=field)
    return np.asarray(field * (height / field.std()), np.float32)


def native(side: float, degrees: float = 12) -> NDArray[np.float64]:
    """2 x 3, pixels of a native picture to the crop's, where the crop is `side` pixels wide natively."""
    a, scale = np.radians(degrees), 256 / side
    turn = scale * np.array([(np.cos(a), -np.sin(a)), (np.sin(a), np.cos(a))])
    half = math.ceil(side * 0.75)
    return np.column_stack([turn, 128 - turn @ (half, half)])


def seen(truth: NDArray[Any], side: float, *, noise: float = 0) -> Evidence:
    """What a camera of few pixels sees of a crop: every pixel the mean of what it covers."""
    matrix = native(side)
    half = math.ceil(side * 0.75)
    fine = 4 * math.ceil(256 / side)
    # Native pixels, `fine` samples a side each, averaged: made without the code under test.
    to_fine = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))
    to_fine = np.diag((fine, fine, 1.0)) @ to_fine
    shift = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)])
    to_fine = np.linalg.inv(shift) @ to_fine @ shift
    size = 2 * half * fine
    large = cv2.warpAffine(truth, to_fine[:2], (size, size), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(large, (2 * half, 2 * half), interpolation=cv2.INTER_AREA)
    small = small + np.random.default_rng(5).normal(0, noise, small.shape)
    return Evidence(small.astype(np.float32), matrix, np.ones(small.shape[:2], bool), blur_sigma=0)


SIDES = [16.0, 24, 40, 64, 100, 150, 220, 256]


@pytest.mark.parametrize("side", SIDES)
def test_the_truth_is_consistent_with_what_was_seen_of_it(side: float) -> None:
    """The model of the camera is that of a camera: little residual, and next to nothing is changed."""
    truth = smooth(14, seed=1) + smooth(3, seed=2, height=8) + 128
    evidence = seen(np.clip(truth, 0, 255), side)
    assert residual_of(np.clip(truth, 0, 255), evidence) < 1.5


@pytest.mark.parametrize("side", SIDES)
def test_a_wrong_face_is_pulled_back(side: float) -> None:
    """Shades that native pixels can tell come back to the truth, and the residual to the tolerance."""
    sigma = max(10.0, 1.2 * 256 / side)
    truth = np.clip(smooth(sigma, seed=1) + 128, 0, 255)
    wrong = np.clip(truth + smooth(sigma, seed=2, height=12), 0, 255)
    evidence = seen(truth, side)
    made, residual = consistent(wrong, evidence, tolerance=1.0)
    assert residual.before > 4
    assert residual.after < 1.2
    inner = slice(48, -48)
    assert np.abs(made - truth)[inner, inner].mean() < 0.35 * np.abs(wrong - truth)[inner, inner].mean()


@pytest.mark.parametrize("side", [24.0, 40, 64])
def test_detail_finer_than_the_observation_is_kept(side: float) -> None:
    """A restorer's texture below the native pixel is not taken away where the wide shades are corrected."""
    truth = np.clip(smooth(20, seed=1) + 128, 0, 255)
    x = np.arange(256)
    detail = 15 * np.sin(2 * np.pi * x / 5)[None, :, None] * np.ones((256, 1, 3))
    wrong = truth + detail.astype(np.float32) + smooth(20, seed=2, height=10)
    made, _ = consistent(wrong, seen(truth, side), tolerance=1.0)
    inner = (slice(48, -48), slice(48, -48))
    kept = (
        (made - truth)[inner].ravel()
        @ detail[inner].ravel()
        / (detail[inner].ravel() @ detail[inner].ravel())
    )
    assert kept > 0.95


@pytest.mark.parametrize("side", [24.0, 64, 150])
def test_noise_within_the_tolerance_is_not_put_back(side: float) -> None:
    """Noise of 3 levels against a tolerance of 6 (two deviations): the clean crop stays nearly clean."""
    truth = np.clip(smooth(20, seed=1) + 128, 0, 255)
    made, residual = consistent(truth, seen(truth, side, noise=3), tolerance=6.0)
    assert np.abs(made - truth).mean() < 0.3
    assert residual.after == pytest.approx(3, abs=0.5)
    all_of_it, _ = consistent(truth, seen(truth, side, noise=3), tolerance=0.0)
    assert np.abs(all_of_it - truth).mean() > 1


@pytest.mark.parametrize("side", SIDES)
def test_rounds_converge(side: float) -> None:
    """More rounds never make it worse, and the residual does not blow up."""
    truth = np.clip(smooth(12, seed=1) + 128, 0, 255)
    wrong = np.clip(truth + smooth(8, seed=3, height=20), 0, 255)
    evidence = seen(truth, side, noise=2)
    after = [consistent(wrong, evidence, tolerance=1.0, rounds=n)[1].after for n in (0, 2, 4, 8, 30)]
    assert all(b <= a + 0.02 for a, b in pairwise(after))
    assert after[-1] < 0.5 * after[0]


@pytest.mark.parametrize("side", [40.0, 100, 220])
@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5, 3.0])
def test_the_blur_of_an_observation_is_found(side: float, blur: float) -> None:
    """A sharp crop against a blurred look at it: the blur is found, and the crop is not blurred for it."""
    truth = np.clip(smooth(2.5 * 256 / side, seed=1) + smooth(0.8 * 256 / side, seed=3) + 128, 0, 255)
    sharp = seen(truth, side)
    soft = sharp.observed.copy()
    if blur > 0:
        cv2.GaussianBlur(soft, (0, 0), blur, dst=soft)
    evidence = with_fitted_blur(truth, Evidence(soft, sharp.matrix, sharp.valid))
    # Below about half a pixel a blur cannot be told from that of interpolation.
    assert evidence.blur_sigma == pytest.approx(blur, abs=max(0.3, 0.15 * blur) if blur else 0.6)
    made, _ = consistent(truth, evidence, tolerance=2.0)
    inner = (slice(48, -48), slice(48, -48))
    assert np.abs(made - truth)[inner].mean() < 2


def test_a_crop_that_lies_beside_the_truth_is_not_held_to_more_blur() -> None:
    """Three pixels off, the picture is nearest when blurred; the blur found is the truth's all the same."""
    truth = np.clip(smooth(5, seed=1) + smooth(2, seed=3) + 128, 0, 255)
    beside = np.roll(truth, 3, axis=1)
    assert with_fitted_blur(beside, seen(truth, 150)).blur_sigma < 0.6


def test_without_evidence_the_blur_stays_as_it_is() -> None:
    nothing = Evidence(np.zeros((96, 96, 3), np.float32), native(64), np.zeros((96, 96), bool), 0.7)
    assert with_fitted_blur(np.zeros((256, 256, 3)), nothing).blur_sigma == 0.7


def test_a_crop_that_is_consistent_is_returned_as_it_is() -> None:
    truth = np.clip(smooth(20, seed=1) + 128, 0, 255)
    evidence = seen(truth, 64)
    plain = Evidence(shrunk(truth, evidence), evidence.matrix, evidence.valid, 0)
    made, residual = consistent(truth, plain, tolerance=0.5)
    assert np.array_equal(made, truth)
    assert residual.before == residual.after < 1e-3


def test_where_nothing_was_seen_nothing_changes() -> None:
    """The half of the crop outside the frame: no evidence, no pull; and none at all gives NaN."""
    truth = np.clip(smooth(20, seed=1) + 128, 0, 255)
    evidence = seen(truth, 64)
    x = np.arange(evidence.valid.shape[1]) + 0.5
    half = Evidence(evidence.observed, evidence.matrix, evidence.valid & (x > 48), 0)
    made, _ = consistent(truth + 20, half, tolerance=1.0)
    assert np.abs(made - truth - 20)[:, :96].max() < 1
    assert np.abs(made - truth)[64:192, 170:230].mean() < 2
    nothing = Evidence(evidence.observed, evidence.matrix, np.zeros_like(evidence.valid), 0)
    same, residual = consistent(truth, nothing)
    assert np.array_equal(same, np.asarray(truth, np.float32))
    assert math.isnan(residual.after)


@pytest.mark.parametrize(("side", "shift"), [(20.0, 0.0), (90, 0), (200, 0), (600, 0), (200, -150)])
def test_evidence_of_a_frame(side: float, shift: float) -> None:
    """A frame's own crop is consistent with the frame, for a face of any size, also half outside."""
    rng = np.random.default_rng(1)
    rgb = cv2.GaussianBlur(rng.normal(128, 900, (720, 960, 3)).astype(np.float32), (0, 0), 12)
    frame = frame_from_rgb(np.clip(rgb, 0, 255).astype(np.uint8), time=Fraction(0))
    a, scale = np.radians(-9), 256 / side
    turn = scale * np.array([(np.cos(a), -np.sin(a)), (np.sin(a), np.cos(a))])
    centre = (480, 360) if shift == 0 else (30, 360)
    matrix = np.column_stack([turn, 128 - turn @ centre])
    evidence = evidence_of(frame, matrix, 256)
    assert evidence.scale >= 0.99
    assert max(evidence.observed.shape) < 1.5 * 256
    crop = frame.crop(matrix, (256, 256)).astype(np.float32)
    assert residual_of(crop, evidence) < 2.0
    assert evidence.valid.all() == (shift == 0)


def test_a_face_of_a_few_pixels_and_of_less_than_one() -> None:
    """What hardly says anything changes hardly anything, and breaks nothing."""
    for scale in (100.0, 2000.0):
        tiny = Evidence(
            np.full((3, 3, 3), 90, np.float32),
            np.array([(scale, 0, 0), (0, scale, 0)]),
            np.ones((3, 3), bool),
        )
        tiny = with_fitted_blur(np.full((256, 256, 3), 100), tiny)
        made, _ = consistent(np.full((256, 256, 3), 100), tiny, tolerance=1.0)
        assert 84 < made.min() <= made.max() <= 100.5


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="evidence"):
        Evidence(np.zeros((4, 4), np.float32), native(16), np.ones((4, 4), bool))
    with pytest.raises(ValueError, match="blur_sigma"):
        Evidence(np.zeros((4, 4, 3), np.float32), native(16), np.ones((4, 4), bool), -1)
    with pytest.raises(ValueError, match="inverse"):
        Evidence(np.zeros((4, 4, 3), np.float32), np.zeros((2, 3)), np.ones((4, 4), bool))
