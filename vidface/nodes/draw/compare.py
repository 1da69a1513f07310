"""draw.compare: two versions of a picture in one, to be seen at a glance."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final, Literal

from pydantic import Field

from vidface.data.frame import Frame
from vidface.data.planes import Planes
from vidface.node import Node
from vidface.vision.captions import plain_text, text_mask
from vidface.vision.compare import beside_size, draw_line, fill, lay_beside, lay_left, matched
from vidface.vision.paint import Canvas, Rgb, tag

_GROUND: Final[Rgb] = (235, 235, 235)


class DrawCompare(Node):
    """Show a picture before and after: next to each other, one below the other, or split by a line.

    `side` and `stack` double the width or the height; `split` shows the left part of `before` and the right
    part of `after`; in `wipe` the line goes to and fro. Works on the YUV planes in the coding of `after`:
    where `before` has the same size and coding its samples are copied bit by bit, otherwise it is scaled
    to the size of `after` (bicubic). Times and numbers are those of `after`. A whole that would be wider than
    `width` is shrunk, both pictures alike.
    """

    mode: Literal["side", "stack", "split", "wipe"] = Field(
        "split", description="Next to each other, one below the other, split by a line, by a moving line."
    )
    at: float = Field(0.5, ge=0, le=1, description="Of split: where the line is, as a share of the width.")
    period_s: float = Field(
        4.0, gt=0, le=3600, description="Of wipe: seconds in which the line goes to and fro."
    )
    line: bool = Field(True, description="Of split and wipe: draw the line.")
    labels: tuple[str, str] | None = Field(
        None, description="Short texts for before and after, such as [before, after]."
    )
    scale: float = Field(1.0, gt=0, le=8, description="Size of line and text, times the default.")
    width: int = Field(
        0, ge=0, le=65536, description="At most so many pixels wide, all of it; 0: as wide as it comes."
    )

    def moves(self) -> bool:
        return self.width > 0 or self.mode in ("side", "stack")

    def process(self, before: Frame, after: Frame) -> Frame:
        """Both in one picture."""
        after = self._shrunk(after)
        if self.mode in ("side", "stack"):
            down = self.mode == "stack"
            return after.remade(
                beside_size(after.size, down=down),
                lambda planes: self._lay(planes, before.planes(), after.planes(), down=down),
            )
        share = self.at if self.mode == "split" else self._swing(after)
        return after.painted(lambda planes: self._split(planes, before.planes(), share))

    def _shrunk(self, after: Frame) -> Frame:
        """So small that all of it has the width; `before` is brought to the size of `after` in any case."""
        whole = beside_size(after.size, down=False)[0] if self.mode == "side" else after.size[0]
        if not 0 < self.width < whole:
            return after
        wide, high = (max(2, 2 * round(side * self.width / whole / 2)) for side in after.size)
        return after.remade((wide, high), lambda planes: fill(planes, after.planes()))

    def _swing(self, frame: Frame) -> float:
        """Share of the width left of the moving line; a swing begins with all of `before`."""
        phase = float(frame.time / Fraction(self.period_s) % 1)
        return 0.5 + 0.5 * math.cos(2 * math.pi * phase)

    def _lay(self, planes: Planes, before: Planes, after: Planes, *, down: bool) -> None:
        lay_beside(matched(before, after), after, planes, down=down)
        width, height = planes.size
        second = (0, height // 2) if down else (width // 2, 0)
        self._label(planes, 0, (0, 0, width, height) if down else (0, 0, width // 2, height))
        self._label(planes, 1, (*second, width, height))

    def _split(self, planes: Planes, before: Planes, share: float) -> None:
        width, height = planes.size
        place = lay_left(matched(before, planes), planes, round(share * width))
        reach = 2 * max(1, round(self.scale * min(width, height) / 720)) if self.line else 0
        if self.line:
            draw_line(planes, place, reach)
        self._label(planes, 0, (0, 0, place - reach, height))
        self._label(planes, 1, (place + reach, 0, width, height), right=True)

    def _label(
        self, planes: Planes, which: int, room: tuple[int, int, int, int], *, right: bool = False
    ) -> None:
        """The text in an upper corner of its room (x1 y1 x2 y2); left out where it does not fit."""
        text = plain_text(self.labels[which]) if self.labels else ""
        if not text.strip():
            return
        cap = max(9, round(self.scale * min(planes.size) / 36))
        mask, pad = text_mask(text, cap, tails=True), round(cap * 0.4)
        wide, high = mask.shape[1] + 2 * pad, mask.shape[0] + 2
        x1, y1, x2, y2 = room
        left, top = (x2 - pad - wide if right else x1 + pad), y1 + pad
        if left >= x1 + pad and left + wide + pad <= x2 and top + high + pad <= y2:
            tag(Canvas(planes), (left, top, left + wide, top + high), mask, pad=pad, colour=_GROUND)
