"""restore.deflicker: brightness that flickers, held steady."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from vidface.data.device import Device
from vidface.data.frame import Frame
from vidface.node import FOREVER, Node, Span, Window
from vidface.vision.brightpath import BrightnessPath
from vidface.vision.flicker import Shift, brighten, measure, thumbnail


class RestoreDeflicker(Node):
    """Take out flicker of brightness: lamps, pumping exposure, gain that jumps from frame to frame.

    How brightness changes is measured between neighbouring frames on what does not move, as a curve over
    the grey levels and, with `local`, as gains on a coarse grid (bands of a rolling shutter, one lamp of
    many). Frames are brought onto the smooth path of what was measured, colour along with brightness. A new
    brightness that holds for `settle_s` is real, such as a lamp that is switched on, and comes through at
    once; so do slow changes. As long as `look_ahead` does not show whether it holds, a brightness is taken
    for real that was not there before: live, a single flash stays, and a fade is followed with a lag. A
    fade-in in the first second of a scene, and a dissolve, are drawn to their surroundings. At a cut or a
    gap everything begins anew. Frames without flicker are passed on untouched.
    """

    strength: float = Field(1.0, ge=0, le=1, description="0 leaves flicker as it is, 1 takes all of it.")
    smooth_s: float = Field(
        0.5,
        gt=0,
        le=10,
        description="Changes that go to and fro within twice this many seconds are taken out.",
    )
    settle_s: float = Field(
        0.3, gt=0, le=10, description="A step of brightness that holds for so many seconds is real."
    )
    look_ahead: int = Field(12, ge=0, le=250, description="Frames seen ahead; 0 when live.")
    local: bool = Field(True, description="Follow parts of the picture by themselves, too.")

    memory = FOREVER

    _path: BrightnessPath
    _last: Any
    _known: int
    _counts: dict[str, int]
    _most: float

    def reach(self) -> Span:
        """As far ahead as `look_ahead` says."""
        return Span(0, self.look_ahead)

    def open(self, device: Device) -> None:
        """Start counting."""
        self._counts = {"frames": 0, "changed": 0}
        self._most = 0.0

    def reset(self) -> None:
        """Forget the path: stream start, cut, gap."""
        self._path = BrightnessPath(self.smooth_s, self.settle_s)
        self._last = None
        self._known = -1

    def facts(self) -> dict[str, Any]:
        """Frames, those changed, and the largest change of a grey level as a share of white."""
        return {**self._counts, "largest_change": round(self._most, 4)}

    def process(self, frame: Window[Frame]) -> Frame:
        """The current frame, in the brightness of its surroundings in time."""
        now = frame.current
        for one in (now, *frame.ahead):
            if one.index > self._known:
                self._take_in(one)
        self._counts["frames"] += 1
        self._path.forget(float(now.time))
        back = self._path.way_back(float(now.time)).numbers * self.strength
        shift = Shift.of(back)
        bits = now.planes().bits
        # Half a code of white changes no sample.
        if np.abs(back).max() * (1 << bits) < 0.5:
            return now
        self._counts["changed"] += 1
        self._most = max(self._most, float(np.abs(shift.curve).max()))
        return now.painted(lambda planes: brighten(planes, shift))

    def _take_in(self, frame: Frame) -> None:
        small = thumbnail(frame.planes())
        shift = Shift.none() if self._last is None else measure(self._last, small)
        if not self.local:
            shift = Shift(shift.curve, Shift.none().gains)
        self._path.add(float(frame.time), shift)
        self._last, self._known = small, frame.index
