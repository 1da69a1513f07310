"""Sentences for a user who wired restore.face in a way that does less than it seems to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vidface.data import NOT_TRACKED, Faces


def hints(faces: Faces, *, aimless: bool) -> Iterator[str]:
    """For the faces of a frame; `aimless`: there is a gallery, and nothing says who of it is meant."""
    if np.any(faces.tracks == NOT_TRACKED):
        yield (
            "restore.face: faces without a track have neither a memory nor looks of their own for the guard; "
            "wire track.faces before it"
        )
    if aimless:
        yield (
            "restore.face: `gallery` does nothing where nobody says who is meant: set `person`, or wire "
            "recognize.identify into `identity`"
        )
