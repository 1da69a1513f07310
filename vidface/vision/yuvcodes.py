"""What the codes of YUV planes mean: the matrices from R'G'B', and the zeros and steps of their ranges."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Matrix, Planes

LUMA_WEIGHTS: Final = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Kr and Kb of ITU-R BT.601-7, BT.709-6 and BT.2020-2."""


def yuv_of_rgb(matrix: Matrix) -> NDArray[np.float64]:
    """3 x 3 from R'G'B' (0 to 1) to luma (0 to 1) and the differences of blue and red (-0.5 to 0.5)."""
    kr, kb = LUMA_WEIGHTS[matrix]
    luma = np.array([kr, 1 - kr - kb, kb])
    blue, red = (np.array([0, 0, 1]) - luma) / (2 - 2 * kb), (np.array([1, 0, 0]) - luma) / (2 - 2 * kr)
    return np.stack([luma, blue, red])


def zeros_of(planes: Planes) -> tuple[int, int, int]:
    """Codes of black's luma and of grey's chroma: luma, u, v."""
    half = 1 << (planes.bits - 1)
    return (0 if planes.full_range else 16 << (planes.bits - 8)), half, half


def spans_of(planes: Planes) -> tuple[int, int, int]:
    """Codes per unit of luma (0 to 1), u and v (-0.5 to 0.5)."""
    if planes.full_range:
        top = (1 << planes.bits) - 1
        return top, top, top
    step = 1 << (planes.bits - 8)
    return 219 * step, 224 * step, 224 * step
