"""Short texts as soft masks, and where to put them so that they hide nothing that matters."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_FINER: Final = 2
"""Text is set this many times larger and averaged down: thin strokes stay even at 9 pixels."""
_CAP_AT_1: Final = 21.0
"""Height in pixels of a capital letter at OpenCV's font scale 1."""


def plain_text(text: str) -> str:
    """What the font can set: accents are taken off, other letters become "?", 24 characters at most."""
    apart = unicodedata.normalize("NFKD", text)
    plain = "".join(one for one in apart if not unicodedata.combining(one))
    plain = "".join(one if " " <= one <= "~" else "?" for one in plain)
    return plain if len(plain) <= 24 else f"{plain[:22]}.."


def text_mask(text: str, cap_px: int, *, tails: bool = False) -> NDArray[np.uint8]:
    """The text as coverage 0..255.

    Args:
        text: printable ASCII.
        cap_px: height of a digit or capital in pixels.
        tails: leave room for what hangs below the line (g, p, q), and as much above.

    Returns:
        h x w uint8, h = cap_px plus one pixel above and below, w follows from the text; with tails a third
        of cap_px more above and below.
    """
    hang = math.ceil(cap_px / 3) if tails else 0
    thick = max(1, round(cap_px * _FINER / 8))
    # No letter of the font is wider than 1.2 of its height; what stays empty is cut off.
    high = cap_px + 2 + 2 * hang
    large = np.zeros((high * _FINER, (math.ceil(cap_px * 1.2) * len(text) + 2) * _FINER), np.uint8)
    start, scale = (_FINER, (cap_px + 1 + hang) * _FINER), cap_px * _FINER / _CAP_AT_1
    cv2.putText(large, text, start, _FONT, scale, (255,), thick, cv2.LINE_AA)
    used = np.flatnonzero(large.any(axis=0))
    if not len(used):
        return np.zeros((high, 0), np.uint8)
    inked = large[:, used[0] // _FINER * _FINER : math.ceil((used[-1] + 1) / _FINER) * _FINER]
    size = (inked.shape[1] // _FINER, high)
    return np.asarray(cv2.resize(inked, size, interpolation=cv2.INTER_AREA), np.uint8)


def spot_beside(
    box: Sequence[float],
    size: tuple[int, int],
    *,
    frame: tuple[int, int],
    gap: float,
    avoid: NDArray[Any],
) -> tuple[int, int] | None:
    """Top-left pixel for a caption of `size` (width, height) beside `box`, wholly inside the frame.

    Tried in this order: above, below, to the right, to the left, and last inside at the box's foot; taken
    is the first that covers nothing of `box` and of `avoid` (n x 4 boxes), else the one that covers
    least.

    Returns:
        None where the caption is larger than the frame.
    """
    wide, high = size
    if wide > frame[0] or high > frame[1]:
        return None
    x1, y1, x2, y2 = (float(v) for v in box)
    wanted = np.array(
        [
            (x1 - gap, y1 - gap - high),
            (x1 - gap, y2 + gap),
            (x2 + gap, y1),
            (x1 - gap - wide, y1),
            (x1 + gap, min(y2, frame[1]) - gap - high),
        ]
    )
    corners = np.rint(np.clip(wanted, 0, np.subtract(frame, size)))
    taken = np.concatenate([np.asarray(box, float)[None], np.asarray(avoid, float).reshape(-1, 4)])
    first, last = corners[:, None], corners[:, None] + (wide, high)
    shared = np.minimum(last, taken[None, :, 2:]) - np.maximum(first, taken[None, :, :2])
    hidden = np.prod(np.maximum(shared, 0), axis=2).sum(axis=1)
    x, y = corners[int(np.argmin(hidden))]
    return int(x), int(y)
