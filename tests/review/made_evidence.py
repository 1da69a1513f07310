"""A node that makes up findings and verdicts: two faces, one of them said to be manipulated."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.finding import Finding, Findings, Stretch
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Moment, Verdict, Verdicts
from vidface.node import FOREVER, Node
from vidface.vision.bestshot import square_crop

_HOP: Final = Fraction(1, 2)
_WINDOW: Final = 3
_NEEDS: Final = {"pulse": 10, "motion": 3}
_SIDE: Final = 128
_GROW: Final = 1.5


class Made(NamedTuple):
    """What the nodes of forensics give."""

    blend: Findings
    identity: Findings
    drift: Findings
    texture: Findings
    pulse: Findings
    lipsync: Findings
    verdict: Verdicts


class MadeEvidence(Node):
    """Scores from sines, by track number; the first track speaks for a manipulation."""

    memory = FOREVER

    _starts: dict[int, tuple[int, Fraction]]
    _next: dict[int, Fraction]
    _moments: dict[int, list[Moment]]

    def reset(self) -> None:
        self._starts, self._next, self._moments = {}, {}, {}

    def process(self, frame: Frame, faces: Faces) -> Made:
        """Findings where a hop of a track's time is over."""
        found: list[Finding] = []
        for row, track in enumerate(faces.tracks.tolist()):
            first, start = self._starts.setdefault(track, (frame.index, frame.time))
            if frame.time < self._next.setdefault(track, start + _HOP):
                continue
            self._next[track] += _HOP
            begin = max(start, frame.time - _WINDOW)
            when = Stretch(first, frame.index, begin, frame.time)
            found += self._all(frame, faces.boxes[row], track, when)
            level = min(0.99, max(0.01, 0.5 + 0.4 * math.sin(float(frame.time) / 2 + 1 + 2 * track)))
            moment = Moment(begin, frame.time, level if track == 1 else level / 3)
            self._moments.setdefault(track, []).append(moment)
        groups = {
            "blend": ("blend",),
            "identity": ("appearance", "inner_outer", "geometry", "motion"),
            "drift": ("drift",),
            "texture": ("texture_spectrum", "texture_noise"),
            "pulse": ("pulse",),
            "lipsync": ("lipsync",),
        }
        ports = {
            name: Findings(tuple(one for one in found if one.kind in kinds)) for name, kinds in groups.items()
        }
        return Made(**ports, verdict=Verdicts(tuple(self._verdict(int(track)) for track in faces.tracks)))

    def _all(self, frame: Frame, box: NDArray[np.float32], track: int, when: Stretch) -> list[Finding]:
        lasts, found = when.end - when.start, []
        for place, kind in enumerate(KINDS.values()):
            if kind.name in _NEEDS and lasts < _NEEDS[kind.name]:
                needs = f"{kind.title.lower()} needs {_NEEDS[kind.name]} s"
                why = f"The window is {float(lasts):.1f} s long; {needs}."
                found.append(Finding(kind.name, track, when, why_not=why))
                continue
            score = math.sin(float(when.end) + place) * (1.6 if track == 1 else 0.6) + (track == 1)
            if kind.unit == "correlation":
                score = max(-1.0, min(1.0, score / 3))
            if kind.unit == "standard deviations":
                score = abs(score) * 1.4
            heat = None
            picture = None
            if kind.name == "blend":
                down, across = np.mgrid[0:32, 0:32]
                heat = (255 * np.exp(-((down - 20) ** 2 + (across - 12) ** 2) / 40)).astype(np.uint8)
                picture = frame.crop(square_crop(box, _SIDE, grow=_GROW), (_SIDE, _SIDE)).copy()
            found.append(
                Finding(
                    kind.name,
                    track,
                    when,
                    score,
                    details={"frames": 75.0},
                    heat=heat,
                    frame=frame.index if heat is not None else -1,
                    picture=picture,
                )
            )
        return found

    def _verdict(self, track: int) -> Verdict:
        moments = tuple(self._moments.get(track, ()))
        left = ("pulse: The window is 3.0 s long; pulse in the skin needs 10 s.",)
        if not moments:
            return Verdict(left_out=left)
        used = ("blend", "appearance", "geometry", "drift")
        if track == 1:
            return Verdict(
                "manipulated",
                0.93,
                0.81,
                0.98,
                (
                    "Against: the nose-to-chin geometry differs from all 14 references by 3.1 sigma.",
                    "Against: traces of blending at the lower left of the face from 4.0 to 7.5 s.",
                    "For: lips and voice go together (correlation 0.41).",
                ),
                used,
                left,
                moments,
            )
        return Verdict("inconclusive", 0.31, 0.08, 0.62, ("Nothing stands out.",), used, left, moments)
