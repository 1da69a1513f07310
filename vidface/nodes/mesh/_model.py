"""Opening the mesh model, for the nodes of this folder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import Meshes
from vidface.errors import ModelError
from vidface.infer import weights
from vidface.vision.meshmodel import MeshModel

DEFAULT_MODEL = "vidface-meshmodel"


def open_mesh_model(name: str, *, node: str) -> MeshModel:
    """Find, verify and read a mesh model.

    Raises:
        ModelError: it is missing, altered, or not a mesh model; `node` stands in the message.
    """
    manifest = weights.entry(name).manifest
    if manifest.format != "npz":
        raise ModelError(
            f"{node}: model must be a mesh model (format npz) such as {DEFAULT_MODEL}, "
            f"but {name} is {manifest.family} (format {manifest.format})."
        )
    return MeshModel.load(weights.verify(name).path)


def usable(mesh: Meshes, model: MeshModel) -> NDArray[np.bool_]:
    """n bool: rows that were measured and are not shrunk to a point, so that a pose can be fitted."""
    with np.errstate(invalid="ignore"):
        spread = np.ptp(mesh.points[:, model.stable, :2], axis=1).max(axis=1, initial=0)
    fit: NDArray[np.bool_] = mesh.known & (spread > 1e-3)
    return fit
