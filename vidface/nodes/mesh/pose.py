"""mesh.pose: where every head points and where it is, from its mesh."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vidface.data import Device
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.node import Node
from vidface.nodes.mesh._model import DEFAULT_MODEL, open_mesh_model, usable
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import angles_of


class MeshPose(Node):
    """Head pose: yaw, pitch, roll in degrees, position, scale and how well the skull fits.

    A mean face is laid over the points of each mesh that keep their place on the skull (bridge of the
    nose, forehead, temples, around the eyes), by a robust rigid fit in space; so speech, smiles and
    blinks hardly turn the head. Yaw is positive to the viewer's right, pitch up, roll clockwise as seen.

    Zero is a face that looks straight into the camera: yaw and roll because the mean face is its own
    mirror image, pitch because the mean face is tilted as the median portrait is. How high somebody
    carries the chin is a matter of build and habit, so pitch 0 holds for the average person only
    (the model's card tells by how much people differ). Seen in perspective, a face near the edge of a
    wide picture looks turned; the pose is that of its picture.
    """

    model: str = Field(DEFAULT_MODEL, description="The mesh model, whose mean face is laid over the mesh.")
    steps: int = Field(
        4, ge=0, le=20, description="Rounds in which points that do not fit lose weight; 0 for least squares."
    )

    _model: MeshModel

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the mesh model.

        Raises:
            ModelError: it is missing, altered, or not a mesh model.
        """
        self._model = open_mesh_model(self.model, node="mesh.pose")

    def process(self, mesh: Meshes) -> Poses:
        known = usable(mesh, self._model)
        if not known.any():
            return Poses.none(len(mesh))
        placed = self._model.place(mesh.points[known], steps=self.steps)
        columns = np.full((len(mesh), 7), np.nan, np.float32)
        columns[known] = np.column_stack(
            [
                angles_of(placed.similarity.rotations),
                placed.similarity.shifts[:, :2],
                placed.similarity.scales,
                placed.residuals,
            ]
        )
        return Poses(columns[:, :3], columns[:, 3:5], columns[:, 5], columns[:, 6])
