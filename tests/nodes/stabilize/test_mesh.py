"""stabilize.mesh: heads that move come to rest, expressions stay, and what was not measured is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data import Faces
from vidface.data.mesh import Meshes
from vidface.errors import ModelError
from vidface.graph.harness import NodeHarness
from vidface.nodes.stabilize import mesh as mesh_module
from vidface.nodes.stabilize.mesh import StabilizeMesh
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshstab import motion_of, moved

MODEL = MeshModel.load(Path(__file__).parents[3] / "models" / "vidface-meshmodel" / "model.npz")


def nodding(count: int, *, talking: bool = False) -> np.ndarray:
    """A head of 60 px between the eyes that turns, walks and comes nearer, count x 478 x 3."""
    rng = np.random.default_rng(2)
    motions = motion_of(rng.normal(0, (0.1, 0.15, 0.05, 0.2, 0.2, 0), (count, 6)))
    motions[0] = np.eye(4)
    spread = rng.normal(0, 1, (count, len(MODEL.expression_std))) * MODEL.expression_std * float(talking)
    heads = moved(MODEL.shapes(expression=spread), motions)
    return heads * (60 * np.linspace(1, 1.3, count))[:, None, None] + (300, 200, 0)


def run(points: np.ndarray, *, tracks: Any = None, segments: Any = (), **fields: Any) -> list[Any]:
    """The node over one face a frame."""
    numbers = [1] * len(points) if tracks is None else tracks
    faces = [Faces.of([(0, 0, 9, 9)], tracks=[track]) for track in numbers]
    with NodeHarness(StabilizeMesh(**fields)) as harness:
        return harness.run(faces=faces, mesh=[Meshes.of(row[None]) for row in points], segments=segments)


@pytest.mark.parametrize(("method", "rest"), [("net", 0.6), ("stable", 0.01), ("all", 0.01)])
def test_a_head_that_only_moves_comes_to_rest(method: str, rest: float) -> None:
    """Without expression every mesh lies on the first one, to pixels of 60 between the eyes."""
    points = nodding(6)
    for number, (mesh, transforms) in enumerate(run(points, method=method)):
        assert np.abs(mesh.points[0] - points[0]).max() < rest
        assert transforms.scales[0] == pytest.approx(1 / np.linspace(1, 1.3, 6)[number], rel=0.01)


def test_an_expression_is_left_alone() -> None:
    """Of a talking head the stable points rest, the others keep moving."""
    out = np.stack([mesh.points[0] for mesh, _ in run(nodding(12, talking=True), method="net")])
    calm, lively = out[:, MODEL.stable].std(0).mean(), out[:, [13, 14, 17, 0]].std(0).mean()
    assert calm < 0.7
    assert lively > 3 * calm


def test_rows_without_track_or_mesh_are_left_alone() -> None:
    """NaN stays NaN, an untracked mesh stays where it is; both have no transform."""
    points = nodding(3)
    points[1] = np.nan
    out = run(points, tracks=[1, 1, -1])
    assert np.isnan(out[1][0].points).all()
    assert out[2][0].points[0] == pytest.approx(points[2], rel=1e-6)
    assert [transforms.known.tolist() for _, transforms in out] == [[True], [False], [False]]


def test_a_cut_makes_a_new_reference() -> None:
    """After a cut the first mesh is the one to lie on."""
    points = nodding(4)
    out = run(points, segments=[2])
    assert out[2][0].points[0] == pytest.approx(points[2], abs=0.5)


def test_references_of_tracks_that_are_gone_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a camera tracks never end: those seen last are kept, one that is always there among them."""
    monkeypatch.setattr(mesh_module, "_MOST", 4)
    points = nodding(40)
    with NodeHarness(StabilizeMesh(method="all")) as harness:
        out = harness.run(
            faces=[Faces.of([(0, 0, 9, 9)] * 2, tracks=[1, 2 + number]) for number in range(40)],
            mesh=[Meshes.of(np.stack([row, row])) for row in points],
        )
        assert list(harness.node._references) == [39, 40, 1, 41]
    assert np.abs(out[-1][0].points[0] - points[0]).max() < 0.05


def test_a_wrong_model_is_refused_in_one_sentence() -> None:
    """A network where the mesh model should be, and the other way round."""
    with pytest.raises(ModelError, match="mesh_model must be a mesh model"):
        run(nodding(1), mesh_model="vidface-meshstab")
    with pytest.raises(ModelError):
        run(nodding(1), model="vidface-meshmodel")
