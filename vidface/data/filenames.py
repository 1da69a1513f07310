"""What outputs call the files of a face or an event in a run's folder, and how such names are known again.

One place, since three programs depend on them: the output that writes a file, the keeper that deletes it
when its time is over, and `--overwrite`, which takes away what an earlier run left. Names are relative to
the output's folder.
"""

from __future__ import annotations

import re
from typing import Final

SHOT: Final = re.compile(r"track_[0-9]{4,}(_again[0-9]+)?(_[0-9]+)?\.(jpg|png)")
"""Best shots, see `shot`."""
HEAT: Final = re.compile(r"[a-z_]+_[0-9]{4,}_[0-9]{6,}\.(jpg|png)")
"""Heat maps and the crops that they lie over, see `heat`."""
HEAT_FOLDER: Final = re.compile(r"heat(_.+)?")
"""Folders of heat maps, see `heat_folder`."""
EVENT: Final = re.compile(r"[0-9]{6,}_[a-z_]+\.jpg")
"""Pictures of events, see `event`."""
MESH: Final = re.compile(r"(track_[0-9]{4,}|untracked)/[0-9]{6,}(_[0-9]+)?\.obj")
"""Meshes, see `mesh`."""


def shot(track: int, *, again: int = 0, number: int = 0, suffix: str = "jpg") -> str:
    """Best shot of a track.

    Args:
        track: the track's number, 0 or more.
        again: how often the number had been given to another face before; 0 for the first.
        number: place among several shots of the track, from 1; 0 where it has one only.
        suffix: "jpg" or "png".
    """
    return f"track_{track:04d}{f'_again{again}' if again else ''}{f'_{number}' if number else ''}.{suffix}"


def heat_folder(output: str) -> str:
    """Where an output keeps its heat maps: two outputs may have maps of the same kind, face and frame."""
    return "heat" if output == "findings" else f"heat_{output}"


def heat(kind: str, track: int | None, frame: int) -> str:
    """Heat map of a finding, without .png (the map) or .jpg (the crop that it lies over)."""
    return f"{kind}_{track or 0:04d}_{max(frame, 0):06d}"


def event(number: int, kind: str) -> str:
    """Picture of an event, by its line in the file of events, from 1."""
    return f"{number:06d}_{kind}.jpg"


def mesh(track: int, frame: int, row: int) -> str:
    """Mesh of a face at a frame; `row` tells faces without a track (-1) apart."""
    if track < 0:
        return f"untracked/{frame:06d}_{row + 1}.obj"
    return f"track_{track:04d}/{frame:06d}.obj"
