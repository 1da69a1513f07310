"""Tally: what became of the packets of one camera that was to be recorded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What became of the packets so far.

    Attributes:
        segments, packets, bytes: recorded.
        early: came before the first key frame of a connection, where nothing can be decoded.
        lost: should have been recorded and were not: the disk was full, slow or gone.
        heard: packets of sound that were recorded.
        moved: shown later than the camera said, as their times ran backwards.
        deleted: segments that went by age or size.
    """

    segments: int = 0
    packets: int = 0
    bytes: int = 0
    early: int = 0
    lost: int = 0
    heard: int = 0
    moved: int = 0
    deleted: int = 0
