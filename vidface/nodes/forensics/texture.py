"""forensics.texture: fine detail and noise of the face's skin against what is around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.finding import Finding, Findings
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.planes import Planes
from vidface.data.rows import check_rows
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses
from vidface.vision.meshcrop import crop_of_mesh
from vidface.vision.texture import (
    CELL,
    Against,
    Cells,
    cells_of,
    lack_map,
    lack_of_detail,
    lack_of_noise,
    pooled,
    tile_box,
    usual_detail,
)
from vidface.vision.yuvcodes import spans_of, zeros_of

SPECTRUM: Final = "texture_spectrum"
NOISE: Final = "texture_noise"

_HEAT: Final = 48
_PICTURE: Final = 144
"""Sides of the heat maps, and of the pictures that they lie over."""
_CELLS: Final = 40
"""Cells of skin that must find their like."""
_SHARE: Final = 0.04
"""Share of the skin that must."""
_SMOOTH: Final = 0.02
"""Power of the finest band, grey levels squared, below which a codec has left nothing of it."""
_CLEAN: Final = 0.03
"""The same of the noise, grey levels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One look at one face.

    `to_crop` takes its cells to the heat map, `picture` shows what lies there.
    """

    height: float
    cells: Cells | None
    to_crop: NDArray[np.float64] | None = None
    picture: NDArray[np.uint8] | None = None


class _Shown(NamedTuple):
    """A heat map, what it lies over, and its frame."""

    heat: NDArray[np.uint8] | None = None
    picture: NDArray[np.uint8] | None = None
    frame: int = -1


class ForensicsTexture(Node):
    """Has the skin of the face the fine detail and the noise that its surroundings have?

    Every `every` frames the luma around a face is taken apart into cells of 8 x 8 pixels at full
    resolution. Cells of skin (no eyes, brows, lips) are held against cells of the band around the head and of
    what is farther away that are as bright, and for fine detail as rich in the middle band, too. Scores are
    natural logarithms of the surroundings over the face, pooled over the window: above 0 the face has less.
    A face made at a lower resolution, smoothed or denoised lacks detail; so does real skin under make-up or a
    beauty filter. Still backgrounds lose their noise to codecs before faces do, so honest clips lie below 0.

    Two findings per track and hop, texture_spectrum and texture_noise; details: head and rest (the score
    against each alone), cells, share (of the skin that was compared), face (the quantity itself), looks.
    The first has a heat map of the look that lacks most, in the square crop around the mesh. Not applicable
    to faces of less than `min_face_px`, where nothing around is like the skin, and where compression has
    left nothing.
    """

    every: int = Field(5, ge=1, le=1000, description="Look at every n-th frame.")
    window_s: float = Field(3.0, gt=0, le=60, description="How far back a finding looks; seconds.")
    hop_s: float = Field(0.5, gt=0, le=60, description="From one finding of a track to the next; seconds.")
    min_face_px: float = Field(64, ge=32, description="Faces less tall than this say nothing; pixels.")

    memory = FOREVER

    _courses: Courses[_Look]

    def reset(self) -> None:
        """Forget everybody."""
        self._courses = Courses(self.window_s, self.hop_s)

    def process(self, frame: Frame, faces: Faces, mesh: Meshes) -> Findings:
        """Findings of the tracks for which some are due."""
        check_rows(faces, mesh=mesh)
        values: list[_Look | None] = [None] * len(faces)
        if frame.index % self.every == 0 and len(mesh):
            for row in np.flatnonzero(mesh.known & ~faces.interpolated):
                values[row] = self._look(frame, mesh, int(row), float(faces.heights[row]))
        found = [one for course in self._courses.step(frame, faces, values) for one in self._findings(course)]
        return Findings(tuple(found))

    def _look(self, frame: Frame, mesh: Meshes, row: int, height: float) -> _Look:
        points = mesh.points[row, :, :2].astype(np.float64)
        box = tile_box(points, frame.size) if height >= self.min_face_px else None
        if box is None:
            return _Look(height, None)
        corner = np.array(box[:2], np.float64)
        strangers = [
            mesh.points[other, :, :2] - corner for other in np.flatnonzero(mesh.known) if other != row
        ]
        cells = cells_of(_grey(frame.planes(), box), points - corner, strangers)
        try:
            to_crop = crop_of_mesh(points, _HEAT)
        except ValueError:
            return _Look(height, cells)
        picture = frame.crop(to_crop * (_PICTURE / _HEAT), (_PICTURE, _PICTURE))
        to_crop[:, 2] += to_crop[:, :2] @ corner
        to_crop[:, :2] *= CELL
        return _Look(height, cells, to_crop, picture)

    def _findings(self, course: Course[_Look]) -> Iterator[Finding]:
        looks = [(one.frame, one.value) for one in course.seen if one.value is not None]
        cells = [look.cells for _, look in looks if look.cells is not None]
        why = self._why_not([look.height for _, look in looks], cells)
        pool = pooled(cells) if cells and not why else None
        for kind, measure, least in (
            (SPECTRUM, lack_of_detail, _SMOOTH),
            (NOISE, lack_of_noise, _CLEAN),
        ):
            found = None if pool is None else measure(pool)
            said = why or _unlike(found, least)
            if found is None or said:
                yield Finding(kind, course.track, course.stretch, why_not=said)
                continue
            details = {name: float(value) for name, value in found._asdict().items() if name != "lack"}
            details["looks"] = float(len(cells))
            worst = _worst(looks, pool) if kind == SPECTRUM and pool is not None else _Shown()
            yield Finding(
                kind,
                course.track,
                course.stretch,
                found.lack,
                details=details,
                heat=worst.heat,
                picture=worst.picture,
                frame=worst.frame,
            )

    def _why_not(self, heights: list[float], cells: list[Cells]) -> str:
        if not heights:
            return "The face was not looked at in this time, or has no mesh."
        height = float(np.median(heights))
        if height < self.min_face_px:
            return f"The face is {height:.0f} px tall; its texture needs {self.min_face_px:.0f} px."
        if not cells:
            return "Too little of the face lies in the picture."
        return ""


def _unlike(found: Against | None, least: float) -> str:
    """Why the comparison says nothing; empty where it does."""
    if found is None or found.cells < _CELLS or found.share < _SHARE:
        return "Too little around the face is as bright and as flat or detailed as its skin."
    if found.face < least:
        return "Compression has left no detail or noise in the skin that could be compared."
    return ""


def _worst(looks: list[tuple[int, _Look]], pool: Cells) -> _Shown:
    """The heat map of the look that lacks most, in the crop around the mesh."""
    usual = usual_detail(pool)
    maps = [
        (lack_map(look.cells, usual), look.to_crop, look.picture, frame)
        for frame, look in looks
        if look.cells is not None and look.to_crop is not None
    ]
    if not maps:
        return _Shown()
    cells, to_crop, picture, frame = max(maps, key=lambda one: float(one[0].mean()))
    # Cells to pixels of the map, both counted from the centre of the first.
    shift = to_crop.copy()
    shift[:, 2] += shift[:, :2] @ (0.5, 0.5) - 0.5
    heat = cv2.warpAffine(cells, shift, (_HEAT, _HEAT), flags=cv2.INTER_LINEAR)
    return _Shown(np.asarray(heat, np.uint8), picture, frame)


def _grey(planes: Planes, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Grey levels 0..255 of a part of the picture."""
    left, top, right, bottom = box
    luma = planes.luma[top:bottom, left:right].astype(np.float32)
    return (luma - np.float32(zeros_of(planes)[0])) * np.float32(255 / spans_of(planes)[0])
