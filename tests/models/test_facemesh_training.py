"""The face mesh's recipe and weights: geometry of the crops, facts, golden vector."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "mesh_face"
WEIGHTS = ROOT / "models" / "vidface-facemesh"


@pytest.fixture
def landmarker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module with the crops' geometry; the recipe's modules import each other by bare name."""
    pytest.importorskip("onnxruntime")
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("landmarker")


def tilted_face(angle: float) -> np.ndarray:
    """478 points on an ellipse 100 px high around (300, 200), the eyes' corners on a line at `angle`."""
    turns = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.column_stack([35 * np.cos(turns), 50 * np.sin(turns), np.zeros(478)])
    points[[33, 263], :2] = (-25, -10), (25, -10)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = points[:, :2] @ turn.T + (300, 200)
    return points.astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2])
def test_the_crop_stands_upright_and_leaves_room(landmarker: ModuleType, angle: float) -> None:
    """In the crop the eyes lie level, the face is in the middle and two thirds of the side high."""
    points = tilted_face(angle)
    inside = landmarker.move(points, landmarker.crop_of_mesh(points, 160))
    assert inside[33, 1] == pytest.approx(inside[263, 1], abs=1e-3)
    low, high = inside[:, :2].min(0), inside[:, :2].max(0)
    assert (low + high) / 2 == pytest.approx([80, 80], abs=1e-2)
    assert (high - low).max() == pytest.approx(160 / 1.5, abs=1e-2)


def test_a_mesh_comes_back_from_its_crop(landmarker: ModuleType) -> None:
    """Into the crop and back gives the same points, z included."""
    points = tilted_face(0.3)
    points[:, 2] = np.linspace(-20, 20, 478)
    matrix = landmarker.crop_of_mesh(points, 160)
    again = landmarker.move(landmarker.move(points, matrix), landmarker.inverse(matrix))
    assert again == pytest.approx(points, abs=1e-3)


def test_the_blendshape_net_reads_146_of_the_points(landmarker: ModuleType) -> None:
    """The published list: rising, irises included."""
    assert len(landmarker.SUBSET) == 146
    assert (np.diff(landmarker.SUBSET) > 0).all()
    assert landmarker.SUBSET[-10:].tolist() == list(range(468, 478))


def test_warp_keeps_pixel_centres(landmarker: ModuleType) -> None:
    """A crop of a whole number of pixels is the picture's own pixels: no half pixel is added."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    crop = landmarker.warp(picture, np.array([[1.0, 0, -7], [0, 1, -3]]), 16)
    assert np.array_equal(crop, picture[3:19, 7:23])


def test_facts_name_the_weights_that_are_there() -> None:
    """facts.json's hash and size are those of model.onnx, which stays within four megabytes."""
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert facts["bytes"] == len(data) <= 4_000_000


def test_golden_vector() -> None:
    """The three outputs on the seeded pictures, as export.py wrote them; the batch is two."""
    onnxruntime = pytest.importorskip("onnxruntime")
    golden = np.load(WEIGHTS / "golden.npz")
    names = ["points", "presence", "blendshapes"]
    session = onnxruntime.InferenceSession(str(WEIGHTS / "model.onnx"), providers=["CPUExecutionProvider"])
    image = golden["image"].astype(np.float32)
    for name, got in zip(names, session.run(names, {"image": image}), strict=True):
        assert got == pytest.approx(golden[name], abs=2e-2 if name == "points" else 1e-3), name
