"""Steps: how far apart the times of an input are, where its unit alone is too fine to tell."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path

import av

from vidface.data.source import SourceInfo
from vidface.errors import InputError
from vidface.media.opening import open_input, video_stream

FINEST = 10_000_000
"""Units a second up to which mp4 holds steps of minutes, whatever the times are."""
IN_HAND = 6
"""Frames that an encoder with B-frames may hold: as far as that a frame lies from its decoding."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is known of all times of an input.

    Attributes:
        unit: seconds of which every time is a whole multiple.
        longest: seconds that the longest row of `IN_HAND` steps takes.
    """

    unit: Fraction
    longest: Fraction


def steps_of(path: Path, info: SourceInfo) -> Steps | None:
    """Look at all times of an input whose unit is finer than `FINEST`; None where that need not be.

    The file is read once, nothing of it is decoded. Such units are rare.

    Args:
        path: the file; of one that cannot be read any more nothing is known.
        info: what is known of it.
    """
    if info.time_base.denominator <= FINEST or info.live:
        return None
    if info.container == "images":
        return None if info.rate is None else Steps(1 / info.rate, IN_HAND / info.rate)
    times: list[int] = []
    with contextlib.suppress(InputError, av.error.FFmpegError), open_input(path) as container:
        for packet in container.demux(video_stream(container, path)):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if packet.size and stamp is not None:
                times.append(stamp)
    if not times:
        return None
    times.sort()
    spans = (b - a for a, b in zip(times, times[IN_HAND:], strict=False))
    longest = max(spans, default=times[-1] - times[0])
    return Steps((gcd(*times) or 1) * info.time_base, longest * info.time_base)
