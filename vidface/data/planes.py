"""Planes: a picture as luma and two chroma planes, the form that decoders give and encoders take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Matrix = Literal["bt601", "bt709", "bt2020"]


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Planar YUV of an upright frame.

    Attributes:
        luma: H x W, uint8 (bits == 8) or uint16 (values 0 .. 2**bits - 1).
        u: ceil(H / sy) x ceil(W / sx), blue difference, same dtype.
        v: the same for the red difference.
        bits: 8, 10 or 12.
        matrix: which RGB-to-YUV matrix (ITU-R BT.601, BT.709 or BT.2020 non-constant).
        full_range: True for 0..255 ("pc"), False for 16..235 / 16..240 ("tv").
    """

    luma: NDArray[Any]
    u: NDArray[Any]
    v: NDArray[Any]
    bits: int = 8
    matrix: Matrix = "bt709"
    full_range: bool = False

    def __post_init__(self) -> None:
        if self.bits not in (8, 10, 12):
            raise ValueError(f"Planes.bits must be 8, 10 or 12, but is {self.bits}")
        dtype = np.uint8 if self.bits == 8 else np.uint16
        height, width = self.luma.shape
        sx, sy = self.subsampling
        chroma = (-(-height // sy), -(-width // sx))
        for name, plane, shape in (
            ("luma", self.luma, (height, width)),
            ("u", self.u, chroma),
            ("v", self.v, chroma),
        ):
            if plane.dtype != dtype or plane.shape != shape:
                raise ValueError(
                    f"Planes.{name} must be {shape[0]} x {shape[1]} {np.dtype(dtype)}, "
                    f"but is {plane.shape} {plane.dtype}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.luma.shape
        return width, height

    @property
    def subsampling(self) -> tuple[int, int]:
        """Horizontal and vertical chroma step: (2, 2) is 4:2:0, (2, 1) 4:2:2, (1, 1) 4:4:4."""
        height, width = self.luma.shape
        return (
            1 if self.u.shape[1] == width else round(width / self.u.shape[1]),
            1 if self.u.shape[0] == height else round(height / self.u.shape[0]),
        )
