"""draw.mesh: the mesh of every face, and where the head points."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.planes import Planes
from vidface.data.pose import Poses
from vidface.data.rows import check_rows
from vidface.node import Node
from vidface.nodes.draw._colours import colour_of
from vidface.vision import meshtopology as topology
from vidface.vision.meshtriangles import EDGES, TRIANGLES
from vidface.vision.paint import HALO, Canvas, Pen, Rgb, Tile
from vidface.vision.rigid import rotations_of

_RINGS: Final = tuple(
    np.array([*ring, ring[0]])
    for ring in (
        *(topology.EYE_RIGHT, topology.EYE_LEFT, topology.BROW_RIGHT, topology.BROW_LEFT),
        *(topology.LIPS_OUTER, topology.LIPS_INNER),
    )
)
_LINES: Final = (*_RINGS, np.array(topology.NOSE), np.array(topology.NOSTRILS))
_FEW_LINES: Final = _RINGS[:5]
"""What can still be told apart on a small face."""
_OVAL: Final = np.array([*topology.FACE_OVAL, topology.FACE_OVAL[0]])
_EYES: Final = (
    (topology.EYE_RIGHT, topology.IRIS_RIGHT),
    (topology.EYE_LEFT, topology.IRIS_LEFT),
)
_SMALL_PX: Final = 64
_OPEN: Final = 0.12
"""Opening of an eye over its width, below which the iris is hidden."""
_AXIS: Final = 0.9
"""Length of a pose axis in inter-ocular distances."""
_AXES: Final[tuple[tuple[tuple[int, int, int], Rgb], ...]] = (
    ((1, 0, 0), (255, 80, 80)),
    ((0, -1, 0), (90, 230, 90)),
    ((0, 0, -1), (90, 150, 255)),
)
"""To the viewer's right red, up green, out of the face blue."""


class DrawMesh(Node):
    """Draw the mesh of every face: outline, eyes, irises, brows, nose and lips, in one colour per track.

    Where poses are wired in, three axes stand on the tip of the nose: red to the viewer's right,
    green up, blue out of the face. Paints on the YUV planes, so the rest of the picture reaches the
    encoder bit-identical; lines follow the size of the face, and a small face gets fewer of them.
    Rows without a mesh are left as they are.
    """

    style: Literal["contours", "wire", "points"] = Field(
        "contours",
        description="contours: eyes, brows, nose, lips, outline; wire: with the triangles that face "
        "the viewer; points: all 478 as dots.",
    )
    iris: bool = Field(True, description="Draw the irises of open eyes.")
    axes: bool = Field(True, description="Draw the pose, where one is wired in.")
    scale: float = Field(1.0, gt=0, le=8, description="Width of lines, times the default.")

    def process(self, frame: Frame, faces: Faces, mesh: Meshes, pose: Poses | None = None) -> Frame:
        """The frame with its meshes painted on.

        Raises:
            UsageError: `mesh` or `pose` has not a row for every face.
        """
        check_rows(faces, mesh=mesh, pose=pose)
        rows = np.flatnonzero(mesh.known).tolist()
        if not rows:
            return frame
        return frame.painted(lambda planes: self._paint(planes, faces, mesh, pose=pose))

    def _paint(self, planes: Planes, faces: Faces, mesh: Meshes, *, pose: Poses | None) -> None:
        canvas = Canvas(planes)
        rows = np.flatnonzero(mesh.known)
        spans = np.ptp(mesh.points[rows, :, 1], axis=1)
        # Small faces last, as they would else be painted over.
        for row, span in sorted(zip(rows.tolist(), spans.tolist(), strict=True), key=lambda item: -item[1]):
            points = mesh.points[row].astype(np.float64)
            pen = _pen(span, self.scale, colour_of(int(faces.tracks[row])))
            self._paint_face(canvas, points, pen=pen, span=span)
            if self.axes and pose is not None and len(pose) and pose.known[row]:
                _paint_axes(canvas, points, pose, row=row, pen=pen)

    def _paint_face(self, canvas: Canvas, points: NDArray[np.float64], *, pen: Pen, span: float) -> None:
        flat = _within(points[:, :2], canvas)
        room = pen.reach
        tile = canvas.tile(*(flat.min(axis=0) - room), *(flat.max(axis=0) + room))
        if tile is None:
            return
        strokes = _Strokes(tile, flat, pen)
        if self.style == "points":
            strokes.dots(range(len(flat)))
        else:
            if self.style == "wire":
                strokes.wire()
            strokes.lines((_OVAL,), 0.7)
            strokes.lines(_LINES if span >= _SMALL_PX else _FEW_LINES, 1.0)
            if self.iris and span >= _SMALL_PX:
                strokes.irises()
        canvas.lay(tile, (strokes.halo, HALO), (strokes.core, pen.colour))


class _Strokes:
    """The covers of one face while its lines are drawn."""

    def __init__(self, tile: Tile, flat: NDArray[np.float64], pen: Pen) -> None:
        self.core, self.halo = tile.blank(), tile.blank()
        self._tile, self._flat = tile, flat
        self._knots = tile.knots(flat)
        self._pen = pen

    def lines(self, chains: tuple[NDArray[np.int64], ...], opacity: float) -> None:
        """Lines along chains of point numbers."""
        pen = self._pen._replace(opacity=opacity)
        pen.stroke(self.core, self.halo, [self._knots[chain] for chain in chains], closed=False)

    def wire(self) -> None:
        """The sides of all triangles that face the viewer, faint and without a halo."""
        shown = self._knots[EDGES[facing(self._flat)]]
        thin = self._pen._replace(width=max(1, self._pen.width // 2), opacity=0.3)
        thin.stroke(self.core, np.zeros_like(self.halo), list(shown), closed=False)

    def irises(self) -> None:
        """A ring around each iris of an open eye."""
        for eye, iris in _EYES:
            lids = self._flat[list(eye)]
            width = float(np.hypot(*(lids[8] - lids[0])))
            opening = float(np.hypot(*(lids[1:8].mean(axis=0) - lids[9:].mean(axis=0))))
            if opening < _OPEN * width:
                continue
            middle, edge = self._flat[iris[0]], self._flat[list(iris[1:])]
            radius = float(np.hypot(*(edge - middle).T).mean())
            turn = np.linspace(0, 2 * math.pi, 17)
            ring = middle + radius * np.column_stack([np.cos(turn), np.sin(turn)])
            self._pen.stroke(self.core, self.halo, [self._tile.knots(ring)], closed=False)

    def dots(self, places: range) -> None:
        """Points as dots."""
        for x, y in self._knots[places].tolist():
            self._pen.dot(self.core, self.halo, (x, y), radius=0.6 * self._pen.width)


def facing(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `EDGES` belong to a triangle that faces the viewer: 478 x 2 points -> e bool."""
    a, b, c = (points[TRIANGLES[:, corner]] for corner in range(3))
    u, v = b - a, c - a
    shown = TRIANGLES[u[:, 0] * v[:, 1] < u[:, 1] * v[:, 0]]
    sides = np.sort(shown[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    keys = EDGES.astype(np.int64) @ (1000, 1)
    return np.isin(keys, sides @ (1000, 1))


def _pen(span: float, scale: float, colour: Rgb) -> Pen:
    """Lines a 130th of the face, at least a pixel."""
    width = max(1, math.floor(span * scale / 130 + 0.5))
    return Pen(colour, width, max(1, round(width * 0.6)))


def _within(points: NDArray[np.float64], canvas: Canvas) -> NDArray[np.float64]:
    """The points, those far outside pulled in: OpenCV's knots are 32 bits wide."""
    width, height = canvas.planes.size
    reach = 4.0 * max(width, height)
    return np.clip(points, -reach, reach + max(width, height))


def _paint_axes(canvas: Canvas, points: NDArray[np.float64], pose: Poses, *, row: int, pen: Pen) -> None:
    turn = rotations_of(pose.angles[row])[0] * float(pose.scales[row]) * _AXIS
    nose = points[topology.NOSE_TIP, :2]
    pen = pen._replace(width=max(1, round(pen.width * 1.6)))
    tips = [(nose + (turn @ way)[:2], colour) for way, colour in _AXES]
    spread = _within(np.array([nose, *(tip for tip, _ in tips)]), canvas)
    tile = canvas.tile(*(spread.min(axis=0) - pen.reach), *(spread.max(axis=0) + pen.reach))
    if tile is None:
        return
    halo, layers = tile.blank(), []
    # What points away from the viewer lies below.
    depth = [float((turn @ way)[2]) for way, _ in _AXES]
    for place in sorted(range(len(tips)), key=lambda k: -depth[k]):
        core = tile.blank()
        pen.stroke(core, halo, [tile.knots(spread[[0, place + 1]])], closed=False)
        layers.append((core, tips[place][1]))
    canvas.lay(tile, (halo, HALO), *layers)
