"""Still pictures that a field of a node names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.errors import InputError
from vidface.media.images import SUFFIXES, ImageSource, is_picture

LARGEST: Final = 16384
"""Longest side of a picture that is read, pixels."""


def still_frame(path: Path | str) -> Frame:
    """A still picture as a Frame, EXIF orientation honoured.

    Raises:
        InputError: it is missing, no picture, damaged, or larger than `LARGEST`.
    """
    place = Path(path)
    if place.is_dir() or not is_picture(place):
        wanted = ", ".join(sorted(SUFFIXES))
        found = "a folder" if place.is_dir() else f"a file of another kind ({place.suffix or 'no suffix'})"
        raise InputError(f"{place}: wanted a still picture ({wanted}), but got {found}.")
    source = ImageSource(place)
    try:
        frame = next(source.frames())
    finally:
        source.close()
    if max(frame.size) > LARGEST:
        wide, high = frame.size
        raise InputError(
            f"{place}: pictures of up to {LARGEST} pixels a side are read, but it is {wide} x {high}; "
            "make it smaller."
        )
    return frame


def read_still(path: Path | str) -> NDArray[np.uint8]:
    """A still picture: h x w x 3 uint8 RGB, upright.

    Raises:
        InputError: see `still_frame`.
    """
    return still_frame(path).rgb()
