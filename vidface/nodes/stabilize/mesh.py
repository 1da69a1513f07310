"""stabilize.mesh: every mesh laid where its skull was at first, expression left alone."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device
from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.mesh import Meshes
from vidface.data.transform import Transforms
from vidface.node import FOREVER, Node
from vidface.nodes.stabilize._skull import SkullAligner

_MOST: Final = 1000
"""Tracks whose reference is kept, about 11 kB each: before a camera their numbers never end."""


class Stabilised(NamedTuple):
    """What the node gives: the meshes where their references lie, and the motions that put them there."""

    mesh: Meshes
    transforms: Transforms


class StabilizeMesh(Node):
    """Take the head's motion off every mesh, so that what is left is expression.

    For each track the first mesh is the reference; every later one is turned, shifted and scaled so that
    its skull lies where the reference's does. `net` reads the motion from both meshes with a network;
    `stable` lays the points of the skull on each other; `all` every point, which takes a wide mouth for a
    nod. A mesh that comes from a picture shows a nearer face larger, so a scale is found too; it stands
    beside the matrix. Rows without a track, or not measured, stay as they are and have no transform. The
    references of the 1000 tracks seen last are kept.
    """

    method: Literal["net", "stable", "all"] = Field("net", description="How the skull's motion is found.")
    model: str = Field("vidface-meshstab", description="The network, for method net.")
    mesh_model: str = Field("vidface-meshmodel", description="The mesh model, which marks the stable points.")

    memory = FOREVER

    _aligner: SkullAligner
    _references: dict[int, NDArray[np.float64]]

    def models(self) -> tuple[str, ...]:
        return (self.mesh_model, self.model) if self.method == "net" else (self.mesh_model,)

    def open(self, device: Device) -> None:
        """Load the models.

        Raises:
            ModelError: one is missing, altered, or of another kind.
        """
        net = self.model if self.method == "net" else None
        self._aligner = SkullAligner(self.mesh_model, net, device, every_point=self.method == "all")

    def reset(self) -> None:
        """Forget the references."""
        self._references = {}

    def close(self) -> None:
        self._aligner.close()

    def process(self, faces: Faces, mesh: Meshes) -> Stabilised:
        points = mesh.points.astype(np.float64)
        matrices = np.full((len(mesh), 4, 4), np.nan)
        rows = [row for row in np.flatnonzero(mesh.known).tolist() if faces.tracks[row] != NOT_TRACKED]
        for row in rows:
            track = int(faces.tracks[row])
            # Taken out and put back: the longest unseen stand in front.
            self._references[track] = self._references.pop(track, points[row].copy())
        if rows:
            references = np.stack([self._references[int(faces.tracks[row])] for row in rows])
            matrices[rows] = self._aligner(points[rows], references, scaled=True)
            turned = points[rows] @ matrices[rows][:, :3, :3].transpose(0, 2, 1)
            points[rows] = turned + matrices[rows][:, None, :3, 3]
        while len(self._references) > _MOST:
            del self._references[next(iter(self._references))]
        given: Any = points.astype(np.float32)
        return Stabilised(Meshes(given, mesh.presence, mesh.blendshapes), Transforms.of(matrices))
