"""Crops: an aligned picture of every face of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """n rows aligned with the Faces; rows without a crop are black, their matrix NaN.

    Attributes:
        pixels: n x S x S x 3 uint8 RGB.
        matrices: n x 2 x 3 float64, frame pixels to crop pixels, centres at (0.5, 0.5).
        template: the alignment, a name of `vidface.vision.align.TEMPLATES`, scaled to S.
    """

    pixels: NDArray[np.uint8]
    matrices: NDArray[np.float64]
    template: str

    def __post_init__(self) -> None:
        side = self.pixels.shape[1] if self.pixels.ndim == 4 else 0
        n = len(self.pixels)
        for name, dtype, shape in (
            ("pixels", np.uint8, (None, side, side, 3)),
            ("matrices", np.float64, (n, 2, 3)),
        ):
            array = frozen_array(f"Crops.{name}", getattr(self, name), dtype=dtype, shape=shape)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def none(cls, rows: int = 0, side: int = 256, template: str = "ffhq512") -> Crops:
        """`rows` rows without a crop."""
        return cls(np.zeros((rows, side, side, 3), np.uint8), np.full((rows, 2, 3), np.nan), template)

    @property
    def side(self) -> int:
        """Pixels of a side."""
        return int(self.pixels.shape[1])

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: there is a crop."""
        known: NDArray[np.bool_] = np.asarray(np.isfinite(self.matrices).all((1, 2)))
        return known

    def pick(self, rows: Any) -> Crops:
        """The given rows (indices or a mask), in that order."""
        return Crops(self.pixels[rows], self.matrices[rows], self.template)
