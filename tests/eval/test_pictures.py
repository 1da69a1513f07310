"""PSNR and SSIM against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.eval.pictures import CEILING_DB, mean_psnr, mean_ssim, psnr, ssim, whole_windows


def flat(value: float, *, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_psnr_of_a_known_error() -> None:
    """All pixels off by 5: 10 log10(255^2 / 25); one channel of three off by 30: 10 log10(255^2 / 300)."""
    assert psnr(flat(105), flat(100)) == pytest.approx(10 * np.log10(255**2 / 25))
    red = flat(100)
    red[..., 0] = 130
    assert psnr(red, flat(100)) == pytest.approx(10 * np.log10(255**2 / 300))
    assert psnr(flat(7), flat(7)) == float("inf")


def test_one_equal_picture_does_not_make_a_mean_infinite() -> None:
    """It counts 100 dB; where no pixel counts nothing is known."""
    off = psnr(flat(105), flat(100))
    rows = [(flat(105), flat(100)), (flat(7), flat(7))]
    assert mean_psnr(rows) == pytest.approx((off + CEILING_DB) / 2)
    nothing = np.zeros((16, 16), bool)
    assert np.isnan(mean_psnr([(flat(7), flat(7), nothing)]))


def test_psnr_does_not_wrap_around() -> None:
    """Black against white is 0 dB: the difference of bytes is not taken as a byte."""
    assert psnr(flat(0), flat(255)) == pytest.approx(0)


def test_psnr_counts_the_masked_pixels_only() -> None:
    other = flat(100)
    other[:, :8] = 0
    mask = np.zeros((16, 16), bool)
    mask[:, 8:] = True
    assert psnr(other, flat(100), mask) == float("inf")
    assert psnr(other, flat(100), ~mask) == pytest.approx(10 * np.log10(255**2 / 100**2))
    assert np.isnan(psnr(other, flat(100), np.zeros((16, 16), bool)))


def test_ssim_of_flat_pictures_is_the_light_term() -> None:
    """Without structure: (2ab + C1) / (a^2 + b^2 + C1), C1 = 6.5025."""
    assert ssim(flat(100), flat(120)) == pytest.approx((2 * 12000 + 6.5025) / (24400 + 6.5025))
    assert ssim(flat(9), flat(9)) == pytest.approx(1)


def test_ssim_of_one_window() -> None:
    """11 x 11 leave one window: weighted means and variances written out with the Gaussian of sigma 1.5."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (11, 11, 1)).astype(np.uint8) for _ in range(2))
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    x, y = a[..., 0].astype(float), b[..., 0].astype(float)
    mx, my = (weights * x).sum(), (weights * y).sum()
    vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
    both = (weights * (x - mx) * (y - my)).sum()
    c1, c2 = 6.5025, 58.5225
    wanted = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(a, b) == pytest.approx(wanted, abs=1e-9)


def test_windows_that_reach_out_of_the_mask_do_not_count() -> None:
    """Equal black outside would make windows on the edge alike; inside nothing is."""
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 64), bool)
    mask[:, 20:] = True
    one, other = (rng.integers(0, 256, (40, 64, 3)).astype(np.uint8) * mask[..., None] for _ in range(2))
    inside = ssim(one[:, 20:], other[:, 20:])
    assert mean_ssim([(one, other, mask)] * 2) == pytest.approx(inside, abs=1e-12)
    assert ssim(one, other, mask) > inside + 0.005
    assert whole_windows(mask).sum() == 40 * (64 - 25)
    thin = np.zeros((40, 64), bool)
    thin[:, :5] = True
    assert np.isnan(mean_ssim([(one, other, thin)]))
    assert mean_ssim([(one, other, thin), (one, one, mask)]) == pytest.approx(1)


def test_ssim_is_the_mean_of_channels_and_of_masked_windows() -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 256, (32, 32, 3)).astype(np.uint8) for _ in range(2))
    alone = [ssim(a[..., i : i + 1], b[..., i : i + 1]) for i in range(3)]
    assert ssim(a, b) == pytest.approx(np.mean(alone))
    b[:, 10:] = a[:, 10:]
    mask = np.zeros((32, 32), bool)
    mask[:, 15:] = True
    assert ssim(a, b, mask) == pytest.approx(1)
    assert ssim(a, b) < 0.9


def test_pictures_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="must both be"):
        psnr(flat(1), flat(1, side=8))
    with pytest.raises(ValueError, match="sides of 11"):
        ssim(flat(1, side=8), flat(1, side=8))
    with pytest.raises(ValueError, match="mask must be"):
        psnr(flat(1), flat(1), np.ones((3, 3), bool))
