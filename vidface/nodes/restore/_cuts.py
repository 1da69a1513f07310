"""Faces of a frame, cut out on a template with landmarks that are steadied over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.node import Window
from vidface.vision.align import Template, to_template
from vidface.vision.facecrop import aligned, region_of, steady_landmarks

Matrix = NDArray[np.float64]


class Cut(NamedTuple):
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
) -> list[Cut]:
    """Cut out the given rows of the current frame; those whose place is not known are left out.

    Args:
        template: the alignment. side: of the crops, pixels. steady_s: sigma of the window in which
            landmarks of a track are steadied, seconds.
    """
    cuts = []
    for row in rows:
        five = _landmarks(frame, faces, row, steady_s)
        if five is None:
            continue
        try:
            matrix = to_template(five, template.name) * (side / template.size)
        except ValueError:
            continue
        region = region_of(frame.current, matrix, side)
        if region is not None:
            crop = np.asarray(aligned(region.pixels, region.matrix(matrix), side), np.uint8)
            cuts.append(Cut(row, int(faces.current.tracks[row]), matrix, crop))
    return cuts


def _landmarks(frame: Window[Frame], faces: Window[Faces], row: int, steady_s: float) -> Matrix | None:
    """Steadied landmarks of a row, 5 x 2; None where they do not say where the face lies."""
    own = faces.current.landmarks[row]
    # Points that coincide, or lie on one spot but for rounding, fix no crop.
    if not np.isfinite(own).all() or np.ptp(own, axis=0).max() <= 1:
        return None
    track, now = int(faces.current.tracks[row]), float(frame.current.time)
    times, points = [now], [own]
    if track != NOT_TRACKED and steady_s > 0:
        around = zip((*frame.past, *frame.ahead), (*faces.past, *faces.ahead), strict=True)
        for one, found in around:
            same = np.flatnonzero(found.tracks == track)
            if len(same) and np.isfinite(found.landmarks[same[0]]).all():
                times.append(float(one.time))
                points.append(found.landmarks[same[0]])
    return steady_landmarks(times, points, now, steady_s)
