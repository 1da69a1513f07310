"""How a face moved from one frame to the next, to a few hundredths of a pixel, from its pixels.

Inverse compositional image alignment (S. Baker and I. Matthews, "Lucas-Kanade 20 years on", IJCV 2004)
for a similarity, with gain and offset of the brightness as further unknowns and weights that fall where
pictures differ. It looks at the forehead, the bridge of the nose and the upper cheeks: what lies on the
skull. Eyes and mouth do as they please.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.skull import matrix_of

Array = NDArray[np.float64]

_UNIT: Final = 40
"""Pixels of the patch for one inter-ocular distance."""
_SIZE: Final = (88, 76)
_ORIGIN: Final = 44 + 46j
"""Where the skull's origin lies in the patch."""
_LIGHT: Final = 0.05
"""Pixels of less weight are left out."""
_ROUNDS: Final = 12
_STILL: Final = 0.003
"""Patch pixels below which a step counts for nothing."""
_ALIKE: Final = 0.75
"""Correlation of the two patches from which the result is believed."""
_FAR: Final = 0.5
"""Inter-ocular distances that a face may have moved from where it was expected."""
_GROWN: Final = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A face as it looked in one frame, ready to be found again.

    Attributes:
        skull: (a, b) of where it was cut out, see `vidface.vision.skull`.
        pixels: 76 x 88 float64.
    """

    skull: tuple[complex, complex]
    pixels: Array

    @classmethod
    def cut(cls, luma: NDArray[Any], skull: tuple[complex, complex]) -> Patch:
        """Out of a plane of brightness (uint8 or uint16)."""
        return cls(skull, _View(luma, skull).cut(skull))


def register(
    patch: Patch, luma: NDArray[Any], guess: tuple[complex, complex]
) -> tuple[complex, complex] | None:
    """Where the face of a patch lies in another frame.

    Args:
        patch: the face as it was.
        luma: the other frame's brightness, of the same depth.
        guess: (a, b) near the place, to about a fifth of the inter-ocular distance.

    Returns:
        (a, b) such that what lay at the patch's skull now lies there; None where the pictures do not
        agree, as at a cut, behind a hand, or where there is nothing to hold on to.
    """
    weights = _mask()
    inside = weights > _LIGHT
    design, weights, known = _design(patch.pixels)[inside], weights[inside], patch.pixels.ravel()[inside]
    view = _View(luma, guess)
    a, b = guess
    seen = view.cut((a, b)).ravel()[inside]
    trust = weights
    solution: Any = np.zeros(6)
    for turn in range(_ROUNDS):
        error = seen - known
        if turn:
            trust = weights * _trust(error - design @ solution, weights)
        heavy = design * trust[:, None]
        normal = heavy.T @ design
        if np.linalg.cond(normal) > 1e10:
            return None
        solution = np.linalg.solve(normal, heavy.T @ error)
        step = 1 + complex(solution[0], solution[1])
        shift = complex(solution[2], solution[3]) / _UNIT
        # The patch would have to move by this step to look like what is seen; so what is seen moves back.
        a, b = a / step, b - a * shift / step
        if not _near((a, b), guess):
            return None
        seen = view.cut((a, b)).ravel()[inside]
        if abs(solution[:2]).max() * _SIZE[0] / 2 + abs(solution[2:4]).max() < _STILL:
            break
    return (a, b) if _correlation(seen, known, weights) > _ALIKE else None


class _View:
    """The surroundings of a face, low-passed to the patch's resolution once, for many cuts."""

    def __init__(self, luma: NDArray[Any], guess: tuple[complex, complex]) -> None:
        a, b = guess
        shrink = max(abs(a) / _UNIT, 1.0)
        reach = abs(a) * (1.6 + _FAR) + 8
        high, wide = luma.shape
        self._left, self._top = (
            int(np.clip(v - reach, 0, n - 1)) for v, n in ((b.real, wide), (b.imag, high))
        )
        right, bottom = (int(np.clip(v + reach, 1, n)) for v, n in ((b.real, wide), (b.imag, high)))
        part = luma[self._top : max(bottom, self._top + 1), self._left : max(right, self._left + 1)]
        sigma = 0.5 * np.sqrt(shrink**2 - 1)
        self._pixels: NDArray[Any] = part.astype(np.float32)
        if sigma > 0.1:
            self._pixels = cv2.GaussianBlur(self._pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)

    def cut(self, skull: tuple[complex, complex]) -> Array:
        a, b = skull
        b -= complex(self._left, self._top)
        matrix = matrix_of(_UNIT / a, _ORIGIN - _UNIT * b / a)[:2]
        # OpenCV counts from the middle of the first pixel.
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        seen = cv2.warpAffine(
            self._pixels, matrix, _SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(seen, np.float64)


def _design(pixels: Array) -> Array:
    """p x 6: how brightness changes with turn, scale, shift (patch pixels), gain and offset."""
    calm = cv2.GaussianBlur(pixels, (0, 0), 0.7)
    down, across = np.gradient(calm)
    x = np.arange(_SIZE[0]) + 0.5 - _ORIGIN.real
    y = (np.arange(_SIZE[1]) + 0.5 - _ORIGIN.imag)[:, None]
    level = (pixels - pixels.mean()) / max(float(pixels.std()), 1.0)
    columns = [across * x + down * y, down * x - across * y, across, down, level, np.ones_like(level)]
    return np.stack([column.ravel() for column in columns], axis=1)


def _mask() -> Array:
    """Weight of each pixel of the patch, by what lies there on a face."""
    x = np.abs((np.arange(_SIZE[0]) + 0.5 - _ORIGIN.real) / _UNIT)
    y = ((np.arange(_SIZE[1]) + 0.5 - _ORIGIN.imag) / _UNIT)[:, None]
    skin = ((x / 0.95) ** 2 + ((y + 0.3) / 0.85) ** 2 < 1) & (y < 0.5)
    eyes = ((x - 0.515) / 0.36) ** 2 + ((y + 0.158) / 0.2) ** 2 < 1
    brows = (np.abs(y + 0.5) < 0.18) & (x > 0.12)
    weights = np.where(skin & ~eyes, np.where(brows, 0.3, 1.0), 0.0)
    return np.asarray(cv2.GaussianBlur(weights, (0, 0), 1.5), np.float64).ravel()


def _trust(error: Array, weights: Array) -> Array:
    """Weights in (0, 1] that fall with the residual (Geman and McClure), by its weighted spread."""
    inner = np.abs(error[weights > 0.5])
    width = max(2.5 * 1.4826 * float(np.median(inner)), 1e-6)
    trust: Array = 1 / (1 + (error / width) ** 2) ** 2
    return trust


def _near(skull: tuple[complex, complex], guess: tuple[complex, complex]) -> bool:
    ratio = abs(skull[0] / guess[0])
    moved = abs(skull[1] - guess[1]) / abs(guess[0])
    return bool(np.isfinite(ratio) and abs(ratio - 1) < _GROWN and moved < _FAR)


def _correlation(one: Array, other: Array, weights: Array) -> float:
    share = weights / weights.sum()
    one, other = one - share @ one, other - share @ other
    power = (share @ one**2) * (share @ other**2)
    return float(share @ (one * other) / np.sqrt(power)) if power > 1e-12 else 0.0
