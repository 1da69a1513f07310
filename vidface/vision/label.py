"""The visible label of synthetic pictures: a small, opaque tag in the lower right corner."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.captions import text_mask
from vidface.vision.paint import Canvas, Rgb, tag

TEXT: Final = "AI-GENERATED"
_SHORT: Final = "AI"
_GROUND: Final[Rgb] = (235, 235, 235)
_PER_CAP: Final = 36
"""Heights of a capital letter in the shorter side of a picture; 10 pixels at 360 lines, 60 at 2160."""
_LEAST_CAP: Final = 9
"""The font's strokes run together below."""


class Label:
    """Burns the label in; remembers how it looks at the size of the last picture.

    The tag has a margin of half a capital to both sides of the corner. Samples outside it stay
    bit-identical. Where "AI-GENERATED" does not fit it becomes "AI", and where that does not, nothing.
    """

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None
        self._look: tuple[tuple[int, int, int, int], NDArray[np.uint8], int] | None = None

    def fits(self, size: tuple[int, int]) -> bool:
        """A picture of this size (width, height) has room for some label."""
        if size != self._size:
            self._size, self._look = size, _look(size)
        return self._look is not None

    def burn(self, planes: Planes) -> None:
        """Draw it onto writable planes."""
        if self.fits(planes.size) and self._look is not None:
            place, mask, pad = self._look
            tag(Canvas(planes), place, mask, pad=pad, colour=_GROUND)

    def burn_rgb(self, picture: NDArray[np.uint8]) -> None:
        """Draw it onto a writable H x W x 3 RGB picture."""
        height, width = picture.shape[:2]
        if not self.fits((width, height)) or self._look is None:
            return
        (x1, y1, x2, y2), mask, pad = self._look
        region: NDArray[Any] = picture[y1:y2, x1:x2]
        region[:] = _GROUND
        rows, columns = mask.shape
        top = (y2 - y1 - rows) // 2
        ink = region[top : top + rows, pad : pad + columns]
        ink[:] = np.rint(ink * (1 - mask[..., None] / 255.0)).astype(np.uint8)


def _look(size: tuple[int, int]) -> tuple[tuple[int, int, int, int], NDArray[np.uint8], int] | None:
    """Place x1 y1 x2 y2 of the tag, its text as coverage, and the space beside the text; None: no room."""
    width, height = size
    cap = max(_LEAST_CAP, round(min(size) / _PER_CAP))
    pad, margin = round(cap * 0.4), round(cap * 0.5)
    for text in (TEXT, _SHORT):
        mask = text_mask(text, cap, tails=True)
        wide, high = mask.shape[1] + 2 * pad, mask.shape[0] + 2
        x1, y1 = width - margin - wide, height - margin - high
        if x1 >= margin and y1 >= margin:
            return (x1, y1, width - margin, height - margin), mask, pad
    return None
