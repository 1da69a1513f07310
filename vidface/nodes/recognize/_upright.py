"""Landmarks of tilted faces, read anew from a mesh: a detector's are drawn towards the upright."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.nodes.mesh._network import MeshNetwork, Read
from vidface.vision.align import TILTED_DEG, turn_between
from vidface.vision.boxes import iou_pairs
from vidface.vision.meshcrop import Matrix, box_of_mesh, crop_of_landmarks, crop_of_mesh
from vidface.vision.meshtopology import five_of_mesh

MESH: Final = "vidface-facemesh"
"""The network that is shipped."""
_SETTLED_DEG: Final = 3.0
_LOOKS: Final = 2
_MANY: Final = 64
_PRESENT: Final = 0.5
_OVERLAP: Final = 0.3

Points = dict[int, NDArray[np.float32]]
"""Row -> 478 x 3 points of its mesh."""


class View(NamedTuple):
    """Faces of one frame.

    Attributes:
        rows: those of `faces` that are asked for.
        mesh: what is known of them already, row by row those of `faces`; None or without rows: nothing.
    """

    frame: Frame
    faces: Faces
    rows: list[int]
    mesh: Meshes | None = None


class Upright:
    """Puts right the landmarks of faces that are tilted by more than a detector follows.

    A detector that looks at 24 pixels puts the eyes level whatever the tilt, so that the crop of a face
    tilted by 30 degrees belongs to nobody; a mesh read from the same pixels follows
    (`tests/bench/results/tilt.md`).

    Args:
        model: a model of the task mesh.

    Raises:
        ModelError: it is missing, altered, or no mesh model.
    """

    def __init__(self, model: str, device: Device) -> None:
        self._network = MeshNetwork(model, device)
        # On a CPU several crops in one call gain nothing, and eight took 19 MB more in graphs/lowres.yaml.
        self._at_once = 1 if device.kind == "cpu" else _MANY

    @property
    def unread(self) -> int:
        """Crops for which the network gave no numbers, so far."""
        return self._network.unread

    def close(self) -> None:
        """Give back the network's memory."""
        self._network.close()

    def __call__(self, frame: Frame, faces: Faces, rows: list[int]) -> NDArray[np.float32]:
        """Landmarks of these rows, len(rows) x 5 x 2: a mesh's for those that it sees tilted otherwise."""
        return self.of_views([View(frame, faces, rows)])[0]

    def of_views(self, views: Sequence[View]) -> list[NDArray[np.float32]]:
        """The same for several frames, whose faces are looked at together; those with a mesh not at all."""
        if not views:
            return []
        found = np.concatenate([one.faces.landmarks[one.rows] for one in views]).astype(np.float32)
        boxes = np.concatenate([one.faces.boxes[one.rows] for one in views])
        frames = [one.frame for one in views for _ in one.rows]
        given, crops = _given(views, boxes), {}
        for place, five in enumerate(found):
            if place not in given:
                with suppress(ValueError):  # points that fix no crop
                    crops[place] = crop_of_landmarks(five, self._network.size)
        seen = self._read(frames, boxes, crops)
        fives = {place: five_of_mesh(points) for place, points in _tilted(given, found).items()}
        for place, five in (fives | self._settled(frames, boxes, _tilted(seen, found))).items():
            found[place] = five
        return np.split(found, np.cumsum([len(one.rows) for one in views])[:-1])

    def _settled(
        self, frames: list[Frame], boxes: NDArray[np.float32], seen: Points
    ) -> dict[int, NDArray[np.float64]]:
        """Landmarks after further looks, each where the last one was; without faces that are lost."""
        fives = {place: five_of_mesh(points) for place, points in seen.items()}
        for _ in range(_LOOKS):
            crops = {}
            for place, points in seen.items():
                with suppress(ValueError):  # less than a pixel
                    crops[place] = crop_of_mesh(points, self._network.size)
            seen = self._read(frames, boxes, crops)
            for place in crops:
                turn = _turn(fives[place], seen[place]) if place in seen else None
                if turn is None:
                    del fives[place]
                    seen.pop(place, None)
                    continue
                fives[place] = five_of_mesh(seen[place])
                if turn <= _SETTLED_DEG:
                    del seen[place]
        return fives

    def _read(self, frames: list[Frame], boxes: NDArray[np.float32], crops: dict[int, Matrix]) -> Points:
        """Meshes of the rows of `boxes` in whose crop a face is seen that lies in the box."""
        if not crops:
            return {}
        rows, matrices = list(crops), list(crops.values())
        parts = []
        for first in range(0, len(rows), self._at_once):
            part = slice(first, first + self._at_once)
            parts.append(self._network.of_frames([frames[row] for row in rows[part]], matrices[part]))
        read = Read(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        seen = (read.presence >= _PRESENT) & _lies(read.points, boxes[rows])
        return {row: points for row, points, good in zip(rows, read.points, seen, strict=True) if good}


def _given(views: Sequence[View], boxes: NDArray[np.float32]) -> Points:
    """Meshes that were measured already and lie in the box, by their row of `boxes`."""
    given: Points = {}
    first = 0
    for one in views:
        if one.mesh is not None and len(one.mesh):
            known = np.flatnonzero(one.mesh.known[one.rows])
            points = one.mesh.points[np.asarray(one.rows, np.int64)[known]]
            good = _lies(points, boxes[first + known])
            given |= dict(zip((first + known[good]).tolist(), points[good], strict=True))
        first += len(one.rows)
    return given


def _lies(points: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """n bool: the mesh lies in the box."""
    return np.asarray(iou_pairs(box_of_mesh(points), boxes) >= _OVERLAP)


def _tilted(meshes: Points, found: NDArray[np.float32]) -> Points:
    """Those whose landmarks are turned against the ones that were found."""
    return {
        place: points
        for place, points in meshes.items()
        if (turn := _turn(found[place], points)) is not None and turn > TILTED_DEG
    }


def _turn(five: NDArray[np.floating], points: NDArray[np.float32]) -> float | None:
    """Degrees between five landmarks and those of a mesh; None where one of both is mirrored."""
    try:
        return turn_between(five, five_of_mesh(points))
    except ValueError:
        return None
