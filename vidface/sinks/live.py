"""live: the newest picture, for whoever looks at the live page."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from vidface.data.frame import Frame
from vidface.node import Sink, Target
from vidface.sinks._labels import ABOUT, Labels, LabelWish


class Live(Sink):
    """Show the newest picture on the live page of `vidface watch`; writes no file.

    The page shows what is wired in, and nothing else: wire in the drawn frames, or those in which people were
    hidden. In a comment each picture says what made it, and what hid people in it. In a run that nobody
    watches (`vidface run`) it does nothing.
    """

    label: LabelWish = Field("auto", description=ABOUT)

    _target: Target
    _labels: Labels
    _shown: int

    def start(self, target: Target) -> None:
        self._target = target
        self._labels = Labels(self.label, target)
        self._shown = 0

    def process(self, frame: Frame) -> None:
        """Hand a picture over; it is turned into a JPEG only while somebody looks."""
        if self._target.station is None:
            return
        self._target.station.show(self._labels.on(frame), self._target.comment)
        self._shown += 1

    def finish(self) -> dict[str, Any]:
        return {"shown": self._shown} | self._labels.facts()
