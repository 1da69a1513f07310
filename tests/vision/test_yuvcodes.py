"""Matrices and ranges of YUV codes, against the numbers that the recommendations print."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from vidface.data.planes import Matrix, Planes
from vidface.vision.yuvcodes import spans_of, yuv_of_rgb, zeros_of


def planes(bits: int, full: bool) -> Planes:
    dtype = np.uint8 if bits == 8 else np.uint16
    luma, chroma = np.zeros((2, 2), dtype), np.zeros((1, 1), dtype)
    return Planes(luma, chroma, chroma, bits, "bt709", full)


@pytest.mark.parametrize("matrix", get_args(Matrix))
def test_grey_has_no_colour_and_pure_blue_and_red_reach_the_end(matrix: Matrix) -> None:
    rows = yuv_of_rgb(matrix)
    assert rows @ (1, 1, 1) == pytest.approx((1, 0, 0), abs=1e-12)
    assert (rows @ (0, 0, 1))[1] == pytest.approx(0.5)
    assert (rows @ (1, 0, 0))[2] == pytest.approx(0.5)


def test_convention_rows_are_those_of_the_recommendations() -> None:
    """BT.601's chroma of red and BT.709's of blue, as the texts have them to four places."""
    assert yuv_of_rgb("bt601")[1] == pytest.approx((-0.1687, -0.3313, 0.5), abs=5e-5)
    assert yuv_of_rgb("bt709")[2] == pytest.approx((0.5, -0.4542, -0.0458), abs=5e-5)
    assert yuv_of_rgb("bt2020")[0] == pytest.approx((0.2627, 0.678, 0.0593))


@pytest.mark.parametrize(
    ("bits", "full", "zeros", "tops"),
    [
        (8, False, (16, 128, 128), (235, 240, 240)),
        (10, False, (64, 512, 512), (940, 960, 960)),
        (12, True, (0, 2048, 2048), (4095, 4095.5, 4095.5)),
    ],
)
def test_convention_zeros_and_spans_lead_to_the_ends_of_the_range(
    bits: int, full: bool, zeros: tuple[int, ...], tops: tuple[float, ...]
) -> None:
    """White's luma; the most that a difference can be, half a span above its zero."""
    of = planes(bits, full)
    assert zeros_of(of) == zeros
    spans = spans_of(of)
    ends = (zeros[0] + spans[0], zeros[1] + spans[1] / 2, zeros[2] + spans[2] / 2)
    assert ends == tops
