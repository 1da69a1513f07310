"""The made fakes: a swap stays within the face, and a manifest says what is what."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench._fakeface import Blend, Looks, Swapper
from tests.bench.fakes import Made, rows_of
from vidface.infer import weights
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import FACE_OVAL

SIDE = 128


@pytest.fixture(scope="module")
def model() -> MeshModel:
    return MeshModel.load(weights.verify("vidface-meshmodel").path)


def face(model: MeshModel, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A smooth made picture and the mean face upon it."""
    noise = np.random.default_rng(seed).integers(60, 200, (8, 8, 3)).astype(np.uint8)
    picture = np.asarray(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
    return picture, (model.mean * 34 + (SIDE / 2, SIDE / 2, 0)).astype(np.float32)


@pytest.mark.parametrize("blend", ["poisson", "feather"])
def test_a_swap_changes_the_inner_face_and_nothing_else(model: MeshModel, blend: Blend) -> None:
    source, mesh = face(model, 1)
    target, _ = face(model, 2)
    swapper = Swapper(Looks(source[None], mesh[None]), model, blend=blend)
    made = swapper(target, mesh)
    hull = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(mesh[list(FACE_OVAL), :2]).astype(np.int32)), 1)
    changed = np.abs(made.astype(int) - target).max(axis=2) > 2
    # OpenCV's Poisson blending reaches a few pixels beyond its mask.
    assert changed[hull == 0].mean() < 0.02
    assert changed[hull == 1].mean() > 0.4


def test_a_face_put_onto_itself_stays_nearly_what_it_was(model: MeshModel) -> None:
    picture, mesh = face(model, 3)
    made = Swapper(Looks(picture[None], mesh[None]), model, blend="feather")(picture, mesh)
    assert np.abs(made.astype(int) - picture).mean() < 2


def test_looks_survive_their_file(model: MeshModel, tmp_path: Path) -> None:
    picture, mesh = face(model, 4)
    Looks(picture[None], mesh[None]).save(tmp_path / "a.npz")
    again = Looks.load(tmp_path / "a.npz")
    assert np.array_equal(again.pictures[0], picture)
    assert np.array_equal(again.meshes[0], mesh)


def test_both_protocols_stand_in_the_manifest(tmp_path: Path) -> None:
    """The body's person is claimed once, the face's once; of a moved picture only the face's."""
    swap = Made(tmp_path / "a-with-b-poisson.mkv", "swap-poisson", "a", "b")
    (tmp_path / "a-with-b-poisson-crf23.mp4").touch()
    rows = list(rows_of(swap, 23, tmp_path))
    assert [(row["protocol"], row["claim"], row["label"]) for row in rows] == [
        ("body", "a", "fake"),
        ("face", "b", "fake"),
    ]
    moved = Made(tmp_path / "a-by-b-reenact.mkv", "reenact", "a", "a")
    (tmp_path / "a-by-b-reenact-crf23.mp4").touch()
    assert [row["protocol"] for row in rows_of(moved, 23, tmp_path)] == ["face"]
