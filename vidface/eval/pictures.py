"""How much two pictures agree: PSNR and SSIM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

PEAK: Final = 255.0
CEILING_DB: Final = 100.0
"""What equal pictures count in a mean of PSNR; one level off in one pixel of a million is 108 dB."""
WINDOW: Final = 11
SIGMA: Final = 1.5
_C1: Final = (0.01 * PEAK) ** 2
_C2: Final = (0.03 * PEAK) ** 2
_REACH: Final = WINDOW // 2


def psnr(found: Any, wanted: Any, mask: Any = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error over all pixels and channels), in dB.

    Args:
        found, wanted: H x W x channels, 0..255.
        mask: H x W bool, the pixels that count; None for all.

    Returns:
        Infinite for equal pictures, NaN where no pixel counts.

    Raises:
        ValueError: shapes that do not fit.
    """
    here, there, counted = _checked(found, wanted, mask)
    away = (here - there)[counted]
    if not away.size:
        return float("nan")
    error = float((away**2).mean())
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def mean_psnr(rows: Iterable[tuple[Any, ...]]) -> float:
    """Mean of PSNR over pictures (each row as the arguments of `psnr`), each at most `CEILING_DB`.

    Equal pictures have an infinite PSNR, and a single one would make any mean infinite.
    """
    return float(np.mean([np.minimum(psnr(*row), CEILING_DB) for row in rows]))


def ssim(found: Any, wanted: Any, mask: Any = None) -> float:
    """Structural similarity, mean over pixels and channels.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity" (TIP 2004):
    Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01, K2 = 0.03, peak 255. Only windows that lie
    inside the picture count, each channel by itself.

    Args:
        found, wanted: H x W x channels, 0..255, sides of 11 or more.
        mask: H x W bool, the centres of windows that count; None for all.

    Returns:
        At most 1; NaN where no window counts.

    Raises:
        ValueError: shapes that do not fit, or a side below 11.
    """
    here, there, counted = _checked(found, wanted, mask)
    if min(here.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs sides of {WINDOW} pixels or more, but got {here.shape[:2]}")
    mean_a, mean_b = _smooth(here), _smooth(there)
    var_a = _smooth(here * here) - mean_a**2
    var_b = _smooth(there * there) - mean_b**2
    both = _smooth(here * there) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    rest = (2 * both + _C2) / (var_a + var_b + _C2)
    values = (light * rest)[counted[_REACH:-_REACH, _REACH:-_REACH]]
    return float(values.mean()) if values.size else float("nan")


def whole_windows(mask: Any) -> NDArray[np.bool_]:
    """Centres of windows of `ssim` that lie wholly inside a mask: of others part is no picture at all.

    Beyond the picture's own border windows are not asked for, as `ssim` leaves them out.

    Args:
        mask: H x W bool.
    """
    square = np.ones((WINDOW, WINDOW), np.uint8)
    inner = cv2.erode(np.asarray(mask, np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(inner > 0, bool)


def mean_ssim(rows: Iterable[tuple[Any, Any, Any]]) -> float:
    """Mean of SSIM over pictures, each row two pictures and what of them counts, see `whole_windows`.

    NaN where no picture has a window that counts; such pictures do not count.
    """
    values = np.array([ssim(one, other, whole_windows(mask)) for one, other, mask in rows])
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _checked(found: Any, wanted: Any, mask: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    here, there = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if here.shape != there.shape or here.ndim != 3:
        raise ValueError(f"pictures must both be H x W x channels, but are {here.shape} and {there.shape}")
    counted = np.ones(here.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if counted.shape != here.shape[:2]:
        raise ValueError(f"the mask must be {here.shape[:2]}, but is {counted.shape}")
    return here, there, counted


def _smooth(picture: NDArray[Any]) -> NDArray[Any]:
    """Gaussian mean of every window that lies inside."""
    mean = cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA)
    inner = mean.reshape(picture.shape)[_REACH:-_REACH, _REACH:-_REACH]
    return np.asarray(inner, np.float64)
