"""Outlines of the faces of a frame, and the soft mask of each in its crop."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.data.mesh import Meshes
from vidface.vision.facemask import crop_mask, frame_outline, outline_of_landmarks, outline_of_mesh

Matrix = NDArray[np.float64]
Area = Literal["face", "head"]

_ROOM: Final = {"face": 1.0, "head": 1.45}
"""How much larger than the face's outline the area is, about the outline's middle."""


class Outlines:
    """Where each face of a frame ends: by its mesh where there is one, else by its five landmarks.

    Args:
        faces: the rows. mesh: None, or a row a face.
        area: the face alone, or with it hair, ears and chin.
        size: side of the crops. feather: pixels of the crop.
    """

    def __init__(
        self, faces: Faces, mesh: Meshes | None, size: int, feather: float, *, area: Area = "face"
    ) -> None:
        self._size, self._feather = size, feather
        room = _ROOM[area]
        self._rings: dict[int, Matrix] = {}
        known = mesh.known if mesh is not None and len(mesh) else np.zeros(len(faces), np.bool_)
        for row in range(len(faces)):
            with suppress(ValueError):
                ring = (
                    outline_of_mesh(mesh.points[row])
                    if mesh is not None and known[row]
                    else outline_of_landmarks(faces.landmarks[row])
                )
                self._rings[row] = _grown(ring, room)

    def mask(self, row: int, matrix: Matrix, frame: tuple[int, int]) -> NDArray[np.float32]:
        """size x size, see `vidface.vision.facemask.crop_mask`.

        Args:
            matrix: 2 x 3, frame to crop. frame: width and height.
        """
        rings = {at: ring @ matrix[:, :2].T + matrix[:, 2] for at, ring in self._rings.items()}
        own = rings.pop(row, None)
        if own is None:
            return np.zeros((self._size, self._size), np.float32)
        return crop_mask(
            self._size,
            own,
            feather=self._feather,
            inside=frame_outline(matrix, frame),
            others=tuple(rings.values()),
        )


def _grown(ring: Matrix, room: float) -> Matrix:
    middle = (ring.min(axis=0) + ring.max(axis=0)) / 2
    return np.asarray(middle + room * (ring - middle))
