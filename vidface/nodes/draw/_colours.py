"""One colour a track, the same in every drawing."""

from __future__ import annotations

from typing import Final

from vidface.data.faces import NOT_TRACKED
from vidface.vision.paint import Rgb

PALETTE: Final[tuple[Rgb, ...]] = (
    (65, 255, 179),
    (240, 215, 12),
    (137, 185, 255),
    (223, 69, 157),
    (227, 234, 255),
    (193, 128, 0),
    (185, 75, 255),
    (255, 0, 93),
)
"""Any two differ by at least 30 (CIELAB) to normal sight and to protan, deutan and tritan observers
(matrices of Machado et al. 2009), and all are light enough for black text."""

NOBODY: Final[Rgb] = (210, 210, 210)
"""The colour of faces without a track."""


def colour_of(track: int) -> Rgb:
    """The colour of a track: always the same for the same number, far apart for neighbouring numbers.

    Every eighth number has the same hue, a step lighter or two.
    """
    if track == NOT_TRACKED:
        return NOBODY
    turn, place = divmod(track - 1, len(PALETTE))
    r, g, b = PALETTE[place]
    if turn % 3 == 1:
        return (r + 255) // 2, (g + 255) // 2, (b + 255) // 2
    if turn % 3 == 2:
        return (3 * r + 255) // 4, (3 * g + 255) // 4, (3 * b + 255) // 4
    return r, g, b
