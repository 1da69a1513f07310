"""Landmarks of tilted faces, read anew from a mesh: a detector's are drawn towards the upright."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Faces, Frame
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
        found = faces.landmarks[rows].astype(np.float32)
        crops: dict[int, Matrix] = {}
        for place, five in enumerate(found):
            with suppress(ValueError):  # points that fix no crop
                crops[place] = crop_of_landmarks(five, self._network.size)
        for place, points in self._read(frame, faces.boxes[rows], crops).items():
            with suppress(ValueError):  # mirrored points
                if turn_between(found[place], five_of_mesh(points)) > TILTED_DEG:
                    five = self._settled(frame, faces.boxes[rows[place]], points)
                    found[place] = found[place] if five is None else five
        return found

    def _settled(
        self, frame: Frame, box: NDArray[np.float32], points: NDArray[np.float32]
    ) -> NDArray[np.float64] | None:
        """Landmarks after further looks, each where the last one was; None where the face is lost."""
        five = five_of_mesh(points)
        for _ in range(_LOOKS):
            with suppress(ValueError):
                read = self._read(frame, box[None], {0: crop_of_mesh(points, self._network.size)})
                if not read:
                    return None
                points, before = read[0], five
                five = five_of_mesh(points)
                if turn_between(before, five) <= _SETTLED_DEG:
                    break
        return five

    def _read(
        self, frame: Frame, boxes: NDArray[np.float32], crops: dict[int, Matrix]
    ) -> dict[int, NDArray[np.float32]]:
        """Meshes of the rows of `boxes` in whose crop a face is seen that lies in the box."""
        if not crops:
            return {}
        places = list(crops.values())
        parts = [
            self._network(frame, places[n : n + self._at_once]) for n in range(0, len(places), self._at_once)
        ]
        read = Read(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        lies = iou_pairs(box_of_mesh(read.points), boxes[list(crops)]) >= _OVERLAP
        seen = (read.presence >= _PRESENT) & lies
        return {row: points for row, points, good in zip(crops, read.points, seen, strict=True) if good}
