"""The mesh model: what it may hold, what it computes, and the one that comes with vidface."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.damaged import check_reader
from vidface.errors import ModelError
from vidface.infer import weights
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, LIPS_INNER
from vidface.vision.rigid import Similarity, angle_between, rotations_of


@pytest.fixture(scope="module")
def model() -> MeshModel:
    return MeshModel.load(weights.verify("vidface-meshmodel").path)


def placed(shapes: Any, angles: Any) -> Any:
    n = len(shapes)
    turn = Similarity(
        np.broadcast_to(rotations_of(angles), (n, 3, 3)), np.full(n, 80.0), np.full((n, 3), 200.0)
    )
    return turn, turn.apply(shapes)


def test_convention_of_unit_and_axes(model: MeshModel) -> None:
    """Inter-ocular distance 1, origin in the middle of the stable points, nose to the viewer, brow up."""
    right, left = model.mean[[33, 133]].mean(0), model.mean[[362, 263]].mean(0)
    assert np.isclose(np.linalg.norm(left - right), 1, atol=1e-3)
    np.testing.assert_allclose(model.mean[model.stable].mean(0), 0, atol=1e-3)
    assert left[0] > 0.4 > -0.4 > right[0]
    assert model.mean[10, 1] < model.mean[4, 1] < model.mean[152, 1]
    assert model.mean[4, 2] == model.mean[:, 2].min()


def test_the_mean_face_is_symmetric(model: MeshModel) -> None:
    """Left and right differ by the sign of x alone; so do the stable points."""
    a, b = list(EYE_RIGHT), list(EYE_LEFT)
    np.testing.assert_allclose(model.mean[a] * (-1, 1, 1), model.mean[b], atol=1e-3)
    assert (model.stable[a] == model.stable[b]).all()
    np.testing.assert_allclose(model.mean[[10, 152, 4, 13, 14], 0], 0, atol=1e-3)


def test_bases_are_orthonormal_and_sorted(model: MeshModel) -> None:
    for basis, stds in ((model.identity, model.identity_std), (model.expression, model.expression_std)):
        flat = basis.reshape(len(basis), -1).astype(np.float64)
        np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-5)
        assert (np.diff(stds) <= 0).all()


def test_stable_points_are_on_the_skull(model: MeshModel) -> None:
    """Lips, upper lids, chin and irises move; the bridge of the nose and the temples do not."""
    moving = [*LIPS_INNER, 0, 17, 61, 291, 152, 159, 386, *range(468, 478)]
    assert not model.stable[moving].any()
    assert model.stable[[168, 6, 197]].all()
    temples = (np.abs(model.mean[:, 0]) > 0.9) & (model.mean[:, 1] < 0)
    assert model.stable[temples].sum() >= 6
    assert 60 <= model.stable.sum() <= 300


def test_triangles_face_the_viewer_and_leave_mouth_and_eyes_open(model: MeshModel) -> None:
    """One winding, one sheet: each edge has one or two triangles; the holes are the mouth and two eyes."""
    a, b, c = (model.mean[model.triangles[:, k]].astype(np.float64) for k in range(3))
    normals = np.cross(b - a, c - a)
    assert (normals[:, 2] < 0).mean() > 0.95
    edges = np.concatenate([model.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(edges, axis=0)) == len(edges)
    _, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert set(counts) == {1, 2}
    inside = [set(map(int, row)) for row in model.triangles]
    for loop in (EYE_LEFT, EYE_RIGHT, LIPS_INNER):
        assert not any(row <= set(loop) for row in inside)
    assert set(model.triangles.ravel()) == set(range(468))


def test_shapes_are_sums(model: MeshModel) -> None:
    """Fewer coefficients than components are the first ones."""
    shape = model.shapes(identity=[[0.5]], expression=[[0, 2.0]])
    np.testing.assert_allclose(
        shape[0], model.mean + 0.5 * model.identity[0] + 2 * model.expression[1], atol=1e-5
    )
    np.testing.assert_allclose(model.shapes()[0], model.mean)


def test_place_finds_the_head_under_an_expression(model: MeshModel) -> None:
    """An open jaw and other first expressions at two deviations turn the head by less than a degree."""
    for place in range(3):
        shape = model.shapes(expression=np.eye(3)[[place]] * 2 * model.expression_std[place])
        turn, points = placed(shape, (20, -10, 15))
        assert angle_between(model.place(points).similarity.rotations, turn.rotations)[0] < 1


def test_fit_gives_back_what_was_put_in(model: MeshModel) -> None:
    """Known identity and expression, turned: shapes within 1 %, pose within 1.5 degrees."""
    rng = np.random.default_rng(3)
    identity = rng.normal(size=(8, len(model.identity))) * model.identity_std
    expression = rng.normal(size=(8, len(model.expression))) * model.expression_std
    turn, points = placed(model.shapes(identity, expression), (15, 5, -20))
    fit = MeshFitter(model).fit(points)
    assert fit.residuals.max() < 0.01
    assert angle_between(fit.similarity.rotations, turn.rotations).max() < 1.5


def test_a_model_without_components_fits_pose_alone(model: MeshModel) -> None:
    """Bases may be cut to any length, also to nothing."""
    bare = replace(
        model,
        identity=model.identity[:0],
        identity_std=model.identity_std[:0],
        expression=model.expression[:0],
        expression_std=model.expression_std[:0],
    )
    turn, points = placed(model.shapes(), (15, 5, -20))
    fit = MeshFitter(bare).fit(points)
    assert fit.identity.shape == fit.expression.shape == (1, 0)
    assert angle_between(fit.similarity.rotations, turn.rotations)[0] < 0.1
    np.testing.assert_allclose(bare.shapes(fit.identity, fit.expression), model.shapes(), atol=1e-6)


def test_one_person_has_one_identity(model: MeshModel) -> None:
    """Many expressions of one person: identity is shared, and nearer to the truth than from single frames."""
    rng = np.random.default_rng(4)
    identity = np.repeat(rng.normal(size=(1, len(model.identity))) * model.identity_std, 12, axis=0)
    expression = rng.normal(size=(12, len(model.expression))) * model.expression_std
    _, points = placed(model.shapes(identity, expression), (0, 0, 0))
    together = MeshFitter(model, one_person=True).fit(points)
    alone = MeshFitter(model).fit(points)
    assert np.ptp(together.identity, axis=0).max() == 0
    off = [np.linalg.norm(fit.identity - identity, axis=1).mean() for fit in (together, alone)]
    assert off[0] < 0.8 * off[1]


def test_noise_decides_between_points_and_prior(model: MeshModel) -> None:
    """The less the points are trusted, the nearer the coefficients stay to 0."""
    shape = model.shapes(identity=[[2 * model.identity_std[0]]])
    _, points = placed(shape, (0, 0, 0))
    size = [
        np.linalg.norm(MeshFitter(model, noise=noise).fit(points).identity) for noise in (0.005, 0.5, 50.0)
    ]
    assert size[0] > size[1] > size[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.zeros((468, 3))}, "MeshModel.mean must be 478 x 3"),
        ({"mean": np.full((478, 3), np.nan)}, "MeshModel.mean must be finite"),
        ({"identity_std": np.ones(3)}, "MeshModel.identity_std"),
        ({"expression_std": np.zeros(30)}, "expression_std must be above 0"),
        ({"stable": np.zeros(478, np.bool_)}, "4 points or more, but marks 0"),
        ({"triangles": np.array([[0, 1, 478]])}, "points 0 to 477"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(
    model: MeshModel, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(model, **change)


def test_save_and_load_are_inverse(model: MeshModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.npz")
    again = MeshModel.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again.identity, model.identity)
    np.testing.assert_array_equal(again.stable, model.stable)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_broken_file_is_named(content: bytes, tmp_path: Path) -> None:
    """Empty, cut off, something else: one sentence with the path."""
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.npz: no mesh model can be read"):
        MeshModel.load(path)


def test_a_cut_file_is_named(model: MeshModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.npz")
    data = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "m.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=r"m\.npz: no mesh model can be read"):
        MeshModel.load(tmp_path / "m.npz")


def test_whatever_is_damaged_is_told(model: MeshModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.npz")
    check_reader(tmp_path / "m.npz", MeshModel.load, ModelError)


def test_a_file_that_lacks_arrays_says_which(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", mean=np.zeros((478, 3)))
    with pytest.raises(ModelError, match="needs the array identity, identity_std"):
        MeshModel.load(tmp_path / "m.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.npz"):
        MeshModel.load(tmp_path / "none.npz")


@pytest.mark.parametrize("noise", [0, -1, float("nan")])
def test_noise_must_be_positive(model: MeshModel, noise: float) -> None:
    with pytest.raises(ValueError, match="noise must be above 0"):
        MeshFitter(model, noise=noise)


def test_one_person_without_a_mesh_is_refused(model: MeshModel) -> None:
    with pytest.raises(ValueError, match="one mesh or more"):
        MeshFitter(model, one_person=True).fit(np.zeros((0, 478, 3)))
