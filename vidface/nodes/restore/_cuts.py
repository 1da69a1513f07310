"""Faces of a frame, cut out on a template with landmarks that are steadied over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.node import Window
from vidface.nodes.restore._parts import landmarks_of
from vidface.vision.align import Template, to_template
from vidface.vision.facecrop import aligned, region_of

Matrix = NDArray[np.float64]
_BEGINS: Final = 0.8
"""Share of the least height at which a face begins to be restored."""


class FaceCut(NamedTuple):
    """A face that was cut out.

    Attributes:
        row: of the Faces. track: its number, or NOT_TRACKED.
        matrix: 2 x 3, frame pixels to crop pixels.
        crop: S x S x 3 uint8 RGB.
    """

    row: int
    track: int
    matrix: Matrix
    crop: NDArray[np.uint8]


def cuts_of(
    frame: Window[Frame],
    faces: Window[Faces],
    rows: Iterable[int],
    *,
    template: Template,
    side: int,
    steady_s: float,
) -> list[FaceCut]:
    """Cut out the given rows of the current frame; those whose place is not known are left out.

    Args:
        template: the alignment. side: of the crops, pixels. steady_s: sigma of the window in which
            landmarks of a track are steadied, seconds.
    """
    cuts = []
    for row in rows:
        five = landmarks_of(frame, faces, row, steady_s)
        if five is None:
            continue
        try:
            matrix = to_template(five, template.name, side)
        except ValueError:
            continue
        region = region_of(frame.current, matrix, side)
        if region is not None:
            crop = np.asarray(aligned(region.pixels, region.matrix(matrix), side), np.uint8)
            cuts.append(FaceCut(row, int(faces.current.tracks[row]), matrix, crop))
    return cuts


def fading(faces: Faces, least_px: float) -> NDArray[np.float64]:
    """Share of each face (n) that is restored for its height, so that nothing pops where faces come nearer.

    Nothing up to four fifths of `least_px`, all of it from there on, in proportion between.
    """
    share = faces.heights / max(least_px, 1e-9)
    return np.clip((share - _BEGINS) / (1 - _BEGINS), 0, 1)
