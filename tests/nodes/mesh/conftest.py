"""A mesh model of red squares, and frames with red squares on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.vision.meshcrop import box_of_mesh
from vidface.vision.meshtopology import five_of_mesh

HERE = Path(__file__).resolve().parent
MANIFEST = """
name: {name}
title: A mesh model of red squares
task: mesh
family: vidface-mesh
licence: {{id: Apache-2.0, class: permissive}}
files: [{{name: model.onnx, size: {size}, sha256: {digest}}}]
contract:
  inputs: [{{name: image, shape: [N, 3, 24, 24], layout: NCHW, channels: rgb}}]
  outputs: [{{meaning: points}}, {{meaning: presence}}, {{meaning: blendshapes}}]
source: made for tests
"""


@pytest.fixture
def put_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], str]:
    """put_model(name, onnx_file): a model of that name that vidface knows."""
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path / "user"))
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(weights, "shipped_folder", lambda: shipped)

    def put(name: str, file: Path) -> str:
        folder, data = shipped / name, file.read_bytes()
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(data)
        text = MANIFEST.format(name=name, size=len(data), digest=hashlib.sha256(data).hexdigest())
        (folder / "manifest.yaml").write_text(text)
        return name

    return put


@pytest.fixture
def tiny(put_model: Callable[[str, Path], str]) -> str:
    """The model of red squares, see make_tiny.py; its name."""
    return put_model("tiny-mesh", HERE / "tiny.onnx")


@pytest.fixture(scope="session")
def mesh_of() -> Callable[..., NDArray[np.float64]]:
    """mesh_of(x, y, side): the true mesh of a red square around (x, y), x and y of 478 points."""
    table = np.load(HERE / "shape.npy")
    return lambda x, y, side: table[:, :2] * side + (x, y)


@pytest.fixture(scope="session")
def faces_at(mesh_of: Callable[..., Any]) -> Callable[..., Faces]:
    """faces_at((x, y, side), ..., tracks=...): what a detector would give for red squares."""

    def make(*squares: tuple[float, float, float], **columns: Any) -> Faces:
        meshes = np.array([mesh_of(*square) for square in squares]).reshape(-1, 478, 2)
        columns = {"tracks": np.arange(len(squares)) + 1, "landmarks": five_of_mesh(meshes)} | columns
        return Faces.of(box_of_mesh(meshes), **columns)

    return make


@pytest.fixture(scope="session")
def picture() -> Callable[..., Frame]:
    """picture((x, y, side), ..., index=0, size=(320, 240)): red squares on grey."""

    def make(
        *squares: tuple[float, float, float], index: int = 0, size: tuple[int, int] = (320, 240)
    ) -> Frame:
        image = np.full((size[1], size[0], 3), 90, np.uint8)
        for x, y, side in squares:
            low, high = np.rint([x - side / 2, y - side / 2]), np.rint([x + side / 2, y + side / 2])
            (left, top), (right, bottom) = np.maximum(low, 0).astype(int), np.maximum(high, 0).astype(int)
            image[top:bottom, left:right] = (255, 0, 0)
        frame = frame_from_rgb(image, index)
        return replace(frame, pts=index, time_base=Fraction(1, 25))

    return make
