"""Whether a sink burns the visible label in, and what it says of that in run.json."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.node import Target
from vidface.vision.label import TEXT, Label

LabelWish = Literal["auto", "corner", "none"]
ABOUT = (
    'The visible "AI-GENERATED" of synthetic pictures; auto: in a corner where a node needs consent '
    "(reenact.*), else none."
)
"""What the field `label` of a sink is."""


class Labels:
    """The label of one output; does nothing to pictures that are not synthetic."""

    def __init__(self, wish: LabelWish, target: Target) -> None:
        wanted = wish == "corner" or (wish == "auto" and target.labelled)
        self._label = Label() if wanted and target.provenance is not None else None
        self._generated = target.provenance is not None
        self._burnt = self._too_small = 0

    def on(self, frame: Frame) -> Frame:
        """The frame with the label."""
        label = self._label
        if label is None or not self._room(label, frame.size):
            return frame
        return frame.painted(label.burn)

    def onto(self, picture: NDArray[np.uint8]) -> None:
        """Draw the label onto an H x W x 3 RGB picture."""
        if self._label is not None and self._room(self._label, (picture.shape[1], picture.shape[0])):
            self._label.burn_rgb(picture)

    def facts(self) -> dict[str, Any]:
        """For run.json: text, pictures that have it, pictures too small for it; nothing where all is real."""
        if not self._generated:
            return {}
        text = None if self._label is None else TEXT
        return {"label": {"text": text, "burnt": self._burnt, "too_small": self._too_small}}

    def _room(self, label: Label, size: tuple[int, int]) -> bool:
        room = label.fits(size)
        self._burnt += room
        self._too_small += not room
        return room
