"""A node for `use: tests/bench/_swapnode.py`: the largest face of each frame becomes another person's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from tests.bench._fakeface import Blend, Looks, Swapper, cut_of, moved, square_of
from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.infer import weights
from vidface.node import FOREVER, Node
from vidface.vision.meshmodel import MeshModel
from vidface.vision.paste import paste_delta


class SwapFace(Node):
    """Frames in, frames out; a frame without a mesh passes unchanged."""

    looks: str = Field(description="A file of `Looks`.")
    blend: Blend = Field("poisson", description="How the seam is hidden.")
    shape: float = Field(0.7, ge=0, le=1, description="How much of the source's shape comes along.")

    memory = FOREVER
    generates: ClassVar[bool] = True

    _model: MeshModel
    _looks: Looks
    _swapper: Swapper
    _swapped: int
    _frames: int

    def open(self, device: Device) -> None:
        """Read the mesh model and the looks."""
        self._model = MeshModel.load(weights.verify("vidface-meshmodel").path)
        self._looks = Looks.load(Path(self.looks))
        self._swapped = self._frames = 0

    def reset(self) -> None:
        """Begin with any of the looks."""
        self._swapper = Swapper(self._looks, self._model, shape=self.shape, blend=self.blend)

    def facts(self) -> dict[str, Any]:
        """How many frames were changed."""
        return {"swapped": self._swapped, "frames": self._frames}

    def process(self, frame: Frame, faces: Faces, mesh: Meshes) -> Frame:
        """The frame with the other face."""
        self._frames += 1
        order = np.argsort(-faces.heights, kind="stable").tolist()
        row = next((row for row in order if mesh.known[row]), None)
        if row is None:
            return frame
        matrix, side = square_of(mesh.points[row])
        before = cut_of(frame, matrix, side)
        delta = self._swapper(before, moved(mesh.points[row], matrix)).astype(np.float32) - before
        self._swapped += 1
        whole = np.ones((side, side), np.float32)
        return frame.painted(lambda planes: paste_delta(planes, delta, mask=whole, matrix=matrix))
