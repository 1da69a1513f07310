"""draw.boxes: boxes, labels, landmarks and trails on the picture."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identities, Identity
from vidface.data.planes import Planes
from vidface.data.rows import check_rows
from vidface.node import FOREVER, Node
from vidface.nodes.draw._colours import colour_of
from vidface.vision.captions import plain_text, spot_beside, text_mask
from vidface.vision.paint import HALO, Canvas, Cover, Pen, Rgb, dashes, draw_trail, rounded_box, tag

_MOST_TEXTS: Final = 256
_TAILED: Final = frozenset("gjpqy,;()[]{}|_@$")

Trail = deque[tuple[float, float, float]]
"""Seconds, x and y of the box centre in pixels; oldest first."""


class Style(NamedTuple):
    """Sizes for one face: line, halo and height of digits in whole pixels, the rest in pixels."""

    line: int
    halo: int
    corner: float
    dot: float
    cap: int

    @classmethod
    def of(cls, size: tuple[int, int], face_px: float, scale: float) -> Style:
        """What suits a face `face_px` high in a frame of this size (width, height)."""
        side = min(size) * scale
        line = max(1, math.floor(min(side / 480, face_px / 30) + 0.5))
        return cls(
            line=line,
            halo=max(1, round(line * 0.8)),
            corner=min(6.0 * line, face_px * 0.15),
            dot=max(1.0, min(face_px * 0.01, side / 240)),
            cap=max(9, round(min(side / 60, face_px * 0.3))),
        )


class DrawBoxes(Node):
    """Draw every face: box, label, five landmarks and a short trail, in one colour per track.

    Paints on the YUV planes, so the rest of the picture reaches the encoder bit-identical; a frame
    with nothing to draw is passed on as it is. Sizes follow the picture's shorter side. A face that
    the detector missed when it last looked gets a thinner dashed box; between two looks of a cadence
    nothing changes, so that boxes do not flicker. With `identity` wired the label says who it is: the name
    and the similarity where somebody is known, "unknown", or the track's number while it is undecided.
    """

    label: Literal["id+score", "id", "none"] = Field("id+score", description="What stands beside a box.")
    landmarks: bool = Field(True, description="Draw the five landmarks as dots.")
    trail_s: float = Field(1.0, ge=0, le=60, description="Seconds of the way behind a face; 0 for none.")
    scale: float = Field(1.0, gt=0, le=8, description="Width of lines and size of text, times the default.")

    _trails: dict[int, Trail]
    _missed: frozenset[int]
    _texts: dict[tuple[str, int], Cover]
    _who: tuple[Identity, ...]

    memory = FOREVER

    def reset(self) -> None:
        self._trails = {}
        self._missed = frozenset()
        self._texts = {}
        self._who = ()

    def process(self, frame: Frame, faces: Faces, identity: Identities | None = None) -> Frame:
        check_rows(faces, identity=identity)
        now = float(frame.time)
        self._who = identity.rows if identity else ()
        self._follow(now, faces)
        if faces.looked:
            self._missed = frozenset(faces.tracks[faces.interpolated].tolist())
        if not len(faces):
            return frame
        return frame.painted(lambda planes: self._paint(planes, faces, now=now))

    def _follow(self, now: float, faces: Faces) -> None:
        if self.trail_s == 0:
            return
        for track, box in zip(faces.tracks.tolist(), faces.boxes.tolist(), strict=True):
            if track != NOT_TRACKED:
                way = self._trails.setdefault(track, deque())
                way.append((now, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        oldest = now - self.trail_s
        for track, way in list(self._trails.items()):
            while way and way[0][0] < oldest:
                way.popleft()
            if not way:
                del self._trails[track]

    def _paint(self, planes: Planes, faces: Faces, *, now: float) -> None:
        canvas = Canvas(planes)
        styles = [Style.of(planes.size, float(height), self.scale) for height in faces.heights]
        # Small faces last: what is small lies before what is large, and would else be painted over.
        order = np.argsort(-faces.heights, kind="stable").tolist()
        for i in order:
            points = faces.landmarks[i] if self.landmarks else faces.landmarks[i][:0]
            way = self._way(int(faces.tracks[i]), now, box=faces.boxes[i], reach=2.0 * max(planes.size))
            pen = _pen(styles[i], colour_of(int(faces.tracks[i])), faint=int(faces.tracks[i]) in self._missed)
            _paint_face(canvas, _Shape(faces.boxes[i], points, *way), style=styles[i], pen=pen)
        if self.label != "none":
            self._paint_labels(canvas, faces, styles=styles, order=order)

    def _way(
        self, track: int, now: float, *, box: NDArray[np.float32], reach: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of the trail (n x 2, at most 12) and the opacity of the n - 1 parts between them."""
        way = self._trails.get(track, ()) if self.trail_s else ()
        if len(way) < 2:
            return np.zeros((0, 2)), np.zeros(0)
        table = np.array(way)[:: -math.ceil(len(way) / 12)][::-1]
        points, age = np.clip(table[:, 1:], -reach, 2 * reach), (now - table[1:, 0]) / self.trail_s
        # A face that keeps its place would only get a scribble on the nose.
        moved = np.ptp(points, axis=0).max() / max(float(box[3] - box[1]), 1.0)
        if moved <= 0.1:
            return np.zeros((0, 2)), np.zeros(0)
        on_face = ((points[1:] > box[:2]) & (points[1:] < box[2:])).all(axis=1)
        fade = min((moved - 0.1) / 0.2, 1) * np.clip(1 - age, 0, 1) * np.where(on_face, 0.4, 0.9)
        return points, fade

    def _paint_labels(self, canvas: Canvas, faces: Faces, *, styles: list[Style], order: list[int]) -> None:
        taken = faces.boxes.tolist()
        for i in order:
            score = float(faces.scores[i])
            who = self._who[i] if self._who else Identity()
            text = _label(int(faces.tracks[i]), score, who, with_score=self.label == "id+score")
            if not text:
                continue
            mask = self._text(text, styles[i].cap)
            # Room for tails is room above and below, too.
            pad = max(2, round(styles[i].cap * (0.2 if mask.shape[0] > styles[i].cap + 2 else 0.4)))
            size = (mask.shape[1] + 2 * pad, mask.shape[0] + 2 * pad - 2)
            others = np.array(taken[:i] + taken[i + 1 :])
            gap = styles[i].line / 2 + styles[i].halo
            spot = spot_beside(taken[i], size, frame=canvas.planes.size, gap=gap, avoid=others)
            if spot is not None:
                place = (*spot, spot[0] + size[0], spot[1] + size[1])
                tag(canvas, place, mask, pad=pad, colour=colour_of(int(faces.tracks[i])))
                taken.append(place)

    def _text(self, text: str, cap: int) -> Cover:
        """The text as a mask; between two looks of a cadence labels stay as they are."""
        mask = self._texts.get((text, cap))
        if mask is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            mask = self._texts[text, cap] = text_mask(text, cap, tails=not _TAILED.isdisjoint(text))
        return mask


def _label(track: int, score: float, who: Identity, *, with_score: bool) -> str:
    parts = [] if track == NOT_TRACKED else [f"#{track}"]
    if who.state == "unknown":
        parts.append("unknown")
    if who.name is not None:
        parts, score = [plain_text(who.name)], max(who.score, 0.0)
    if with_score and who.state != "unknown":
        # Cut, not rounded: 1.00 would claim more than was said.
        parts.append(f"{math.floor(score * 100 + 1e-4) / 100:.2f}")
    return " ".join(parts)


def _pen(style: Style, colour: Rgb, *, faint: bool) -> Pen:
    if faint:
        return Pen(colour, max(1, style.line // 2), style.halo, opacity=0.85)
    return Pen(colour, style.line, style.halo)


class _Shape(NamedTuple):
    """What is drawn of one face: box, known landmarks (n x 2), trail (m x 2) with m - 1 opacities."""

    box: NDArray[np.float32]
    points: NDArray[np.float32]
    way: NDArray[np.float64]
    fade: NDArray[np.float64]


def _paint_face(canvas: Canvas, shape: _Shape, *, style: Style, pen: Pen) -> None:
    """Trail, box and dots; a faint pen draws dashes. What lies outside the frame is cut off."""
    width, height = canvas.planes.size
    beyond = 4 * (pen.reach + style.corner)
    seen = np.clip(shape.box.astype(float), -beyond, np.array([width, height] * 2) + beyond)
    # OpenCV's smooth lines are an odd number of pixels wide: crisp on pixel centres, pale between them.
    box = (np.floor(seen) + 0.5).tolist()
    known = shape.points[np.isfinite(shape.points).all(axis=1)]
    spread = np.concatenate([np.reshape(box, (2, 2)), known, shape.way])
    room = pen.reach + math.ceil(style.dot)
    tile = canvas.tile(*(spread.min(axis=0) - room), *(spread.max(axis=0) + room))
    if tile is None:
        return
    core, halo = tile.blank(), tile.blank()
    if len(shape.way) > 1:
        draw_trail(core, halo, tile.knots(shape.way), strengths=shape.fade, pen=pen)
    ring = rounded_box(box, style.corner)
    lines = dashes(ring, 4 * style.line + 3) if pen.opacity < 1 else [ring]
    pen.stroke(core, halo, [tile.knots(line) for line in lines], closed=pen.opacity == 1)
    for x, y in tile.knots(known).tolist():
        pen.dot(core, halo, (x, y), radius=style.dot)
    canvas.lay(tile, (halo, HALO), (core, pen.colour))
