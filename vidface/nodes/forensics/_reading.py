"""Reading what forensics wants to know of a face: its parts' embeddings and its place, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vidface.data import Embeddings, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.infer.embedder import Embedder
from vidface.vision.align import TILTED_DEG, to_template, turn_between
from vidface.vision.facemask import outline_of_mesh
from vidface.vision.faceparts import OUTSIDE_ZOOM, hull_mask, only
from vidface.vision.manner import expressions_of
from vidface.vision.meshtopology import five_of_mesh
from vidface.vision.personlook import Sample

_LEAST_EYES_PX = 8.0
"""Below this nothing of the parts is left to be told apart."""


_NONE = np.zeros(0, np.float32)


def samples_of(
    frame: Frame, faces: Faces, embeddings: Embeddings | None, mesh: Meshes | None, pose: Poses | None
) -> list[Sample]:
    """A sample for each face, without its parts. Ports that are not wired, or empty, say nothing."""
    known = embeddings is not None and len(embeddings)
    meshed = mesh.known if mesh is not None and len(mesh) else np.zeros(len(faces), np.bool_)
    placed = pose if pose is not None and len(pose) else Poses.none(len(faces))
    does = expressions_of(mesh.blendshapes) if mesh is not None and len(mesh) else None
    rows = []
    for row in range(len(faces)):
        vector, sure = np.zeros(0, np.float32), float("nan")
        if known and embeddings is not None and embeddings.vectors[row].any():
            vector, sure = embeddings.vectors[row], float(embeddings.recognisability[row])
        yaw, pitch, roll = placed.angles[row].tolist()
        points = mesh.points[row] if mesh is not None and meshed[row] else None
        rows.append(
            Sample(
                *(float(frame.time), frame.index, vector, sure),
                mesh=points,
                angles=(yaw, pitch, roll),
                eyes_px=float(placed.scales[row]),
                does=_NONE if does is None or not np.isfinite(does[row]).all() else does[row],
            )
        )
    return rows


class PartsReader:
    """Embeds the inside and the outside of faces, each alone.

    Args:
        embedder: for both; its fingerprint binds the vectors.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __call__(
        self, frame: Frame, landmarks: NDArray[np.float32], mesh: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Inner and outer vector of one face; None where its points fix no crop, or it cannot be read."""
        crops = self.crops(frame, landmarks, mesh)
        if crops is None:
            return None
        inner, outer = self._embedder(np.stack(crops)).vectors
        return (inner, outer) if inner.any() and outer.any() else None

    def crops(
        self, frame: Frame, landmarks: NDArray[np.float32], mesh: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """What the embedder is shown: the inside alone, the outside alone."""
        size = self._embedder.size
        try:
            landmarks = _upright(landmarks, mesh)
            matrix = to_template(landmarks, self._embedder.template, size)
        except ValueError:
            return None
        eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
        if not eyes >= _LEAST_EYES_PX:
            return None
        outline = outline_of_mesh(mesh, forehead=0.06, grow=0.0)
        wide = matrix.copy() * OUTSIDE_ZOOM
        wide[:, 2] += (1 - OUTSIDE_ZOOM) * size / 2
        parts = []
        for way, inside in ((matrix, True), (wide, False)):
            crop = frame.crop(way, (size, size))
            mask = hull_mask(outline @ way[:, :2].T + way[:, 2], size)
            parts.append(only(crop, mask if inside else 1 - mask))
        return parts[0], parts[1]


def _upright(landmarks: NDArray[np.float32], mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The landmarks; those of the mesh where the face is tilted, which a detector does not follow.

    As recognize.embed has it, so that the parts of a face are cut out as the whole is. Raises ValueError.
    """
    five = five_of_mesh(mesh)
    return five.astype(np.float32) if turn_between(landmarks, five) > TILTED_DEG else landmarks
