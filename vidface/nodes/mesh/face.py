"""mesh.face: a dense mesh of every face, whose next crop follows from its last mesh."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.mesh import BLENDSHAPES, POINTS, Meshes
from vidface.node import FOREVER, Node
from vidface.nodes.mesh._network import MeshNetwork, Read
from vidface.vision.boxes import iou_matrix, iou_pairs
from vidface.vision.meshcrop import Matrix, apart, box_of_mesh, crop_of_box, crop_of_landmarks, crop_of_mesh
from vidface.vision.meshtopology import five_of_mesh

_SAME_FACE_IOU: Final = 0.6
"""Meshes that overlap more than this lie on one face; of two faces, also cheek to cheek, below 0.4."""


_SAME_CROP: Final = 0.04
"""Crops that differ less than this (way of a corner over the side) stay where they are: what the network
sees of a still head then stays the same as well."""


class FaceMeshes(NamedTuple):
    """What mesh.face gives: the meshes, and the faces as the meshes show them."""

    mesh: Meshes
    faces: Faces


class MeshFace(Node):
    """Measure 478 points (x, y, z), a presence score and 52 blendshapes of every face.

    A tracked face is cut out where its last mesh lay, not where the detector's box lies, so that
    the detector may look at one frame in many. It is cut out by the detector's landmarks when it is
    new, when presence falls below `min_presence`, and when its last mesh and the tracker's box have
    come apart; then it is read twice, the second time by the mesh of the first. Rows without a track
    are always read that way. Where two meshes come to lie on one face, the row that a detector saw
    and whose box fits better keeps it.

    `mesh` has a row for every face. It is NaN where the face is smaller than `min_face_px`, outside
    the picture, not there (presence stays as measured) or taken by another row (presence 0).
    `faces` has the same rows, scores and tracks; where the mesh is known, the landmarks come from it,
    the box is drawn around it as a detector would, and the row is no longer `interpolated`.
    """

    model: str = Field("vidface-facemesh", description="A model of the task mesh.")
    min_presence: float = Field(0.5, ge=0, le=1, description="Below this the crop shows no face.")
    min_face_px: float = Field(
        16, ge=0, description="Faces less tall than this are not measured; pixels of the full-size frame."
    )
    min_overlap: float = Field(
        0.35,
        ge=0,
        le=1,
        description="Overlap (IoU) of a face's box and its mesh, below which the mesh has lost the face.",
    )

    memory = FOREVER
    keeps_rows = True

    _network: MeshNetwork
    _last: dict[int, _Last]

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the model.

        Raises:
            ModelError: it is missing, altered, or no mesh model.
        """
        self._network = MeshNetwork(self.model, device)

    def reset(self) -> None:
        """Forget all meshes."""
        self._last = {}

    def facts(self) -> dict[str, Any]:
        """Crops for which the network gave no numbers, where there were any, with a note."""
        count = self._network.unread
        if not count:
            return {}
        note = f"{self.model} gave no numbers (NaN or infinite) for {count} crops, which were not measured"
        return {"no_numbers": count, "notes": [note]}

    def close(self) -> None:
        self._network.close()

    def process(self, frame: Frame, faces: Faces) -> FaceMeshes:
        """Meshes and refined faces of a frame, row by row those of `faces`."""
        sheet = _Sheet(faces, self.min_presence, self.min_overlap)
        rows = self._worth_reading(frame, faces)
        self._read(frame, sheet, self._from_last(faces, rows))
        kept = set(sheet.kept())
        lost = [row for row in rows if row not in kept]
        if lost:
            sheet.clear(lost)
            self._read(frame, sheet, _crops_of(faces, lost, self._network.size))
            again = [row for row in lost if sheet.present(row)]
            self._read(frame, sheet, _crops_of_points(sheet.points, again, self._network.size))
        tracks, known = faces.tracks.tolist(), sheet.kept()
        mesh = sheet.meshes()
        self._last = {
            tracks[row]: _Last(mesh.points[row], sheet.boxes[row], sheet.crops[row])
            for row in known
            if tracks[row] != NOT_TRACKED
        }
        return FaceMeshes(mesh, refined(faces, mesh, known))

    def _worth_reading(self, frame: Frame, faces: Faces) -> list[int]:
        """Rows that are large enough and reach into the picture."""
        low, high = faces.boxes[:, :2], faces.boxes[:, 2:]
        inside = ((high > 0) & (low < np.asarray(frame.size, np.float32)) & (high > low)).all(axis=1)
        rows: list[int] = np.flatnonzero(inside & (faces.heights >= self.min_face_px)).tolist()
        return rows

    def _from_last(self, faces: Faces, rows: list[int]) -> dict[int, Matrix]:
        """Row -> crop by the last mesh of its track, where that still lies in the track's box."""
        size, tracks = self._network.size, faces.tracks.tolist()
        old = {row: last for row in rows if (last := self._last.get(tracks[row])) is not None}
        if not old:
            return {}
        crops: dict[int, Matrix] = {}
        fits = iou_pairs(np.stack([last.box for last in old.values()]), faces.boxes[list(old)])
        for (row, last), fit in zip(old.items(), fits.tolist(), strict=True):
            if fit < self.min_overlap:
                continue
            with suppress(ValueError):
                crop = crop_of_mesh(last.points, size)
                crops[row] = last.crop if apart(last.crop, crop, size) < _SAME_CROP else crop
        return crops

    def _read(self, frame: Frame, sheet: _Sheet, crops: dict[int, Matrix]) -> None:
        if crops:
            sheet.put(crops, self._network(frame, list(crops.values())))


class _Last(NamedTuple):
    """The last mesh of a track, its box, and the crop that it was read in."""

    points: NDArray[np.float32]
    box: NDArray[np.float64]
    crop: Matrix


def refined(faces: Faces, mesh: Meshes, known: list[int]) -> Faces:
    """The faces with boxes and landmarks of their meshes; rows other than `known` as they were."""
    if not known:
        return faces
    points = mesh.points[known]
    boxes, landmarks, interpolated = faces.boxes.copy(), faces.landmarks.copy(), faces.interpolated.copy()
    boxes[known], landmarks[known], interpolated[known] = box_of_mesh(points), five_of_mesh(points), False
    for array in (boxes, landmarks, interpolated):
        array.setflags(write=False)
    return replace(faces, boxes=boxes, landmarks=landmarks, interpolated=interpolated)


class _Sheet:
    """The readings of one frame while they are made, a row a face."""

    def __init__(self, faces: Faces, min_presence: float, min_overlap: float) -> None:
        self.crops: dict[int, Matrix] = {}
        self._faces = faces
        self._min_presence = min_presence
        self._min_overlap = min_overlap
        rows = len(faces)
        self.points = np.full((rows, POINTS, 3), np.nan, np.float32)
        self.boxes = np.full((rows, 4), np.nan)
        self._fits = np.zeros(rows, np.float32)
        self._there = np.zeros(rows, np.bool_)
        self._presence = np.zeros(rows, np.float32)
        self._blendshapes = np.full((rows, len(BLENDSHAPES)), np.nan, np.float32)
        self._kept: list[int] | None = None

    def put(self, crops: dict[int, Matrix], read: Read) -> None:
        """Write what was read of some rows, row by row as in `crops`."""
        rows = list(crops)
        self.crops |= crops
        self.points[rows] = read.points
        self._presence[rows] = read.presence
        self._blendshapes[rows] = read.blendshapes
        finite = np.isfinite(read.points).reshape(len(rows), -1).all(axis=1)
        self._there[rows] = finite & (read.presence >= self._min_presence)
        self.boxes[rows] = boxes = box_of_mesh(read.points)
        self._fits[rows] = iou_pairs(boxes, self._faces.boxes[rows])
        self._kept = None

    def clear(self, rows: list[int]) -> None:
        """Take rows back."""
        self.points[rows] = np.nan
        self._presence[rows] = 0
        self._there[rows] = False
        self._kept = None

    def present(self, row: int) -> bool:
        """The crop showed a face."""
        return bool(self._there[row])

    def kept(self) -> list[int]:
        """Rows whose mesh shows their own face, each face once."""
        if self._kept is None:
            self._kept = self._chosen()
        return self._kept

    def _chosen(self) -> list[int]:
        rows: list[int] = np.flatnonzero(self._there & (self._fits >= self._min_overlap)).tolist()
        if len(rows) < 2:
            return rows
        rows.sort(key=lambda row: (bool(self._faces.interpolated[row]), -float(self._fits[row])))
        overlaps = iou_matrix(self.boxes[rows], self.boxes[rows])
        kept: list[int] = []
        for place in range(len(rows)):
            if not kept or overlaps[place, kept].max() <= _SAME_FACE_IOU:
                kept.append(place)
        return [rows[place] for place in kept]

    def meshes(self) -> Meshes:
        """The kept rows; of the others only the presence, and 0 where it would claim another's face."""
        others = np.ones(len(self._faces), np.bool_)
        others[self.kept()] = False
        if others.any():
            self.points[others] = np.nan
            self._blendshapes[others] = np.nan
            self._presence[others & (self._presence >= self._min_presence)] = 0
        for array in (self.points, self._presence, self._blendshapes):
            array.setflags(write=False)  # so that they are shared, not copied
        return Meshes(self.points, self._presence, self._blendshapes)


def _crops_of(faces: Faces, rows: list[int], size: int) -> dict[int, Matrix]:
    """Row -> crop by its landmarks, or by its box where they are not known."""
    crops = {}
    for row in rows:
        with suppress(ValueError):
            crops[row] = crop_of_box(faces.boxes[row], size)
        with suppress(ValueError):
            crops[row] = crop_of_landmarks(faces.landmarks[row], size)
    return crops


def _crops_of_points(points: NDArray[np.float32], rows: list[int], size: int) -> dict[int, Matrix]:
    """Row -> crop by its mesh."""
    crops = {}
    for row in rows:
        with suppress(ValueError):
            crops[row] = crop_of_mesh(points[row], size)
    return crops
