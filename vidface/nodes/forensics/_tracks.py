"""What nodes of forensics remember of every track: the last seconds of samples, and when a finding is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.data.finding import Finding, Stretch
from vidface.vision.personlook import Sample

_FORGETS_S = 60.0
_GAP_S = 2.0
"""After a hole of so long a track begins anew."""


@dataclass(slots=True)
class Track:
    """One track's last seconds.

    Attributes:
        start: when it began. due: when the next finding is. seen: when it was last seen.
        samples: one a frame, oldest first. signals: beside them, see `vidface.vision.manner`.
        places: frame index and exact time of each. count: frames since it began.
    """

    start: Fraction
    due: Fraction
    seen: Fraction
    samples: deque[Sample] = field(default_factory=deque)
    signals: deque[NDArray[np.float32]] = field(default_factory=deque)
    places: deque[tuple[int, Fraction]] = field(default_factory=deque)
    count: int = 0

    def stretch(self) -> Stretch:
        """What the samples cover."""
        (first, start), (last, end) = self.places[0], self.places[-1]
        return Stretch(first, last, start, end)

    def add(self, sample: Sample, signals: NDArray[np.float32] | None, frame: Frame, window_s: float) -> None:
        """Take in a frame and let go of what is older than the window."""
        self.seen, self.count = frame.time, self.count + 1
        self.samples.append(sample)
        self.places.append((frame.index, frame.time))
        if signals is not None:
            self.signals.append(signals)
        while float(frame.time - self.places[0][1]) > window_s:
            self.samples.popleft()
            self.places.popleft()
            if self.signals:
                self.signals.popleft()


class Tracks:
    """All tracks.

    Args:
        window_s: seconds that are kept. hop_s: seconds between two findings of a track.
    """

    def __init__(self, window_s: float, hop_s: float) -> None:
        self._window_s, self._hop = window_s, Fraction(hop_s).limit_denominator(10000)
        self._tracks: dict[int, Track] = {}

    def at(self, frame: Frame, faces: Faces) -> Iterator[tuple[int, int, Track]]:
        """Row, number and track of each tracked face; a new one is begun."""
        now = frame.time
        for row, number in enumerate(faces.tracks.tolist()):
            if number == NOT_TRACKED:
                continue
            track = self._tracks.get(number)
            if track is None or float(now - track.seen) > _GAP_S:
                track = self._tracks[number] = Track(now, now + self._hop, now)
            yield row, number, track
        self._tracks = {n: one for n, one in self._tracks.items() if float(now - one.seen) < _FORGETS_S}

    def add(
        self, track: Track, sample: Sample, frame: Frame, signals: NDArray[np.float32] | None = None
    ) -> bool:
        """Take in a frame; True where a finding is due."""
        track.add(sample, signals, frame, self._window_s)
        if frame.time < track.due:
            return False
        while track.due <= frame.time:
            track.due += self._hop
        return True


def not_applicable(kind: str, number: int, stretch: Stretch, why: str) -> Finding:
    """A finding that says why there is none."""
    return Finding(kind, number, stretch, why_not=why)
