"""Scaling as swscale's quick path for BGR does it, in whole numbers: detectors take their pictures from it.

Sheets are scaled across to 15 bits, then down with weights of 12 bits, each product rounded down by itself
to an eighth of a code (FFmpeg 8.1, x86 without SWS_ACCURATE_RND). A detector's score of something
that is hardly a face can hang on these roundings.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from vidface.vision.tensorwarp import taps, weights

Tensor = Any
_ACROSS = 1 << 14
_DOWN = 1 << 12


def eighths(sheet: Tensor, size: tuple[int, int], *, bits: int, shift: float = 0.0) -> Tensor:
    """H x W codes -> height x width int32, in eighths of an 8-bit code, rounded down tap by tap.

    Args:
        sheet: any number type. size: width and height wanted. bits: of the codes.
        shift: as in `vidface.vision.tensorwarp.scaled`.
    """
    wide, high = size
    device = str(sheet.device)
    across = _whole_weights(int(sheet.shape[1]), wide, device, shift)
    # Sums stay below 2 ** 24, so that float32 holds them exactly.
    lines = torch.floor((sheet.to(torch.float32) @ across.T) / (1 << (bits - 1))).clamp(max=32767)
    lines = lines.to(torch.int32)
    places, parts = _rows(int(sheet.shape[0]), high, device)
    total = torch.zeros((high, wide), dtype=torch.int32, device=sheet.device)
    for tap in range(places.shape[1]):
        total += (lines[places[:, tap]] * parts[:, tap, None]) >> 16
    return total


def rounders(height: int, wanted: int) -> tuple[int, int]:
    """Eighths that are added to luma and chroma: half a code; nearly nothing where two rows are blended."""
    return (1, 0) if taps(height, wanted) == 2 and taps(height // 2, wanted) == 2 else (4, 4)


def _integers(length: int, wanted: int, shift: float, one: int) -> Any:
    """wanted x length float64 of whole numbers that sum to `one` in each row."""
    shares = weights(length, wanted, "cpu", shift).numpy().astype(np.float64)
    made = np.round(shares * one)
    made[np.arange(wanted), made.argmax(axis=1)] += one - made.sum(axis=1)
    return made


@lru_cache(maxsize=64)
def _whole_weights(length: int, wanted: int, device: str, shift: float) -> Tensor:
    return torch.as_tensor(_integers(length, wanted, shift, _ACROSS), dtype=torch.float32, device=device)


@lru_cache(maxsize=64)
def _rows(length: int, wanted: int, device: str) -> tuple[Tensor, Tensor]:
    """wanted x taps: which rows make a row of the result, and their weights; 0 where there are fewer."""
    parts = _integers(length, wanted, 0.0, _DOWN)
    most = int((parts != 0).sum(axis=1).max())
    places = np.argsort(parts == 0, axis=1, kind="stable")[:, :most]
    chosen = np.take_along_axis(parts, places, axis=1)
    return (
        torch.as_tensor(places, device=device),
        torch.as_tensor(chosen, dtype=torch.int32, device=device),
    )
