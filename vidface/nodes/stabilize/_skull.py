"""The methods of stabilize.mesh behind one call."""

from __future__ import annotations

import numpy as np

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session, weights
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshstab import Array, all_points, canonical, features, stable_points, with_rest


class SkullAligner:
    """Motions that lay the skulls of meshes on those of their references.

    Args:
        mesh_model: name of the mesh model.
        network: name of the network; None uses the stable points alone.
        every_point: Procrustes on all points instead.

    Raises:
        ModelError: a model is missing, altered, or of another kind.
    """

    def __init__(
        self, mesh_model: str, network: str | None, device: Device, *, every_point: bool = False
    ) -> None:
        if weights.entry(mesh_model).manifest.format != "npz":
            raise ModelError(
                f"stabilize.mesh: mesh_model must be a mesh model, but {mesh_model} is a network."
            )
        self.model = MeshModel.load(weights.verify(mesh_model).path)
        self._every_point = every_point
        self._net = None if network is None else session.load(network, device, threads=1)
        if self._net is not None and {item.name for item in self._net.outputs} != {"rest"}:
            raise ModelError(
                f"stabilize.mesh: model must be a network for skulls such as vidface-meshstab, not {network}."
            )

    def __call__(self, moving: Array, reference: Array, *, scaled: bool) -> Array:
        """n x 4 x 4 motions of n meshes (n x 478 x 3) to their references."""
        if self._every_point:
            return all_points(moving, reference, scaled=scaled)
        if self._net is None:
            return stable_points(moving, reference, self.model, scaled=scaled)
        pair = canonical(moving, reference, self.model, scaled=scaled)
        rest = self._net(features(pair, self.model))["rest"]
        return with_rest(pair, np.asarray(rest, np.float64))

    def close(self) -> None:
        """Give back the network's memory."""
        if self._net is not None:
            self._net.close()
