"""forensics.texture on a made face: what is missing in the face is found, and where."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.nodes.forensics.madeface import Paint, face_mask, mesh_at, stream
from vidface.data import Faces
from vidface.data.finding import Finding
from vidface.data.mesh import Meshes
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.texture import ForensicsTexture
from vidface.vision.texture import cells_of, lack_of_detail, tile_box

SIZE = (480, 360)
POINTS = mesh_at((240, 180), 60.0)
SMALL = mesh_at((90, 90), 34.0)


def room(points: Any, *, blur: float = 0.0, grain: float = 2.0, room_level: float = 150.0) -> Paint:
    """Skin and wall of the same brightness and detail; the face of `points` blurred, grain and all."""
    random = np.random.default_rng(7)
    base = cv2.GaussianBlur(random.normal(0, 30, (*SIZE[::-1], 1)).astype(np.float32), (0, 0), 2.0)
    where = cv2.GaussianBlur(face_mask(points, SIZE).astype(np.float32), (0, 0), 2.0)[..., None]

    def paint(index: int, time: float) -> NDArray[np.float32]:
        noise = np.random.default_rng(index).normal(0, grain, (*SIZE[::-1], 1)).astype(np.float32)
        picture = 150 + base[..., None] + noise
        if blur:
            picture = picture + where * (cv2.GaussianBlur(picture, (0, 0), blur)[..., None] - picture)
        wall = face_mask(points, SIZE)[..., None]
        return np.repeat(np.where(wall, picture, picture - 150 + room_level), 3, 2)

    return paint


def run(ports: dict[str, list[Any]], **fields: Any) -> dict[str, Finding]:
    """The last finding of each kind, by kind and track."""
    with NodeHarness(ForensicsTexture(**fields)) as harness:
        found = [one for each in harness.run(**ports) for one in each]
    return {f"{one.kind} {one.track}": one for one in found}


def clip(seconds: float = 1.0, points: Any = POINTS, **how: Any) -> dict[str, list[Any]]:
    return stream(seconds, room(points, **how), points=[points], fps=10)


def test_the_same_texture_everywhere_scores_near_zero() -> None:
    found = run(clip())
    for kind in ("texture_spectrum", "texture_noise"):
        assert abs(found[f"{kind} 1"].score) < 0.15
        assert found[f"{kind} 1"].details["cells"] > 100


@pytest.mark.parametrize("blur", [0.7, 1.0])
def test_a_face_that_lacks_detail_and_noise_is_told(blur: float) -> None:
    """As one does that was made smaller and enlarged; both of its parts say so."""
    found = run(clip(blur=blur))
    detail, noise = found["texture_spectrum 1"], found["texture_noise 1"]
    assert detail.score > 0.5
    assert noise.score > 0.5
    assert detail.details["head"] > 0.5
    assert detail.details["looks"] == 3
    assert noise.heat is None


def test_the_map_shows_where() -> None:
    """In the crop around the mesh: inside the face, and nowhere else."""
    one = run(clip(blur=1.0))["texture_spectrum 1"]
    assert one.heat is not None
    assert one.frame in (0, 5, 10)
    assert one.heat[24, 10:38].mean() > 20
    assert one.heat[:3].max() == 0
    assert one.heat[-3:].max() == 0
    assert one.picture is not None
    assert one.picture.shape == (144, 144, 3)
    plain = run(clip())["texture_spectrum 1"]
    assert plain.heat is not None
    assert plain.heat.mean() < 0.5 * one.heat.mean()


def test_nothing_around_is_like_the_skin() -> None:
    found = run(clip(room_level=40.0))
    for kind in ("texture_spectrum", "texture_noise"):
        assert found[f"{kind} 1"].why_not.startswith("Too little around the face is as bright")


def test_a_picture_without_noise_is_not_judged() -> None:
    def flat(index: int, time: float) -> NDArray[np.float32]:
        return np.full((*SIZE[::-1], 3), 150, np.float32)

    found = run(stream(1, flat, points=[POINTS], fps=10))
    for kind in ("texture_spectrum", "texture_noise"):
        assert found[f"{kind} 1"].why_not.startswith("Compression has left no detail")


def test_small_faces_and_faces_outside_are_not_judged() -> None:
    small = mesh_at((240, 180), 20.0)
    assert "px tall; its texture needs 64 px" in run(clip(0.5, small))["texture_noise 1"].why_not
    outside = mesh_at((-300, -300), 60.0)
    assert run(clip(0.5, outside))["texture_noise 1"].why_not == "Too little of the face lies in the picture."


def test_two_faces_of_which_one_is_smooth() -> None:
    """Each is held against what is no face."""
    ports = stream(1, room(POINTS, blur=1.0), points=[POINTS, SMALL], tracks=[2, 5], fps=10)
    found = run(ports)
    assert found["texture_spectrum 2"].score > 0.5
    assert abs(found["texture_spectrum 5"].score) < 0.25


def test_no_face_lost_and_found() -> None:
    """Without a face nothing is said; a track that was away for long begins anew."""
    assert run(stream(1, room(POINTS), points=[], tracks=[], fps=10)) == {}
    ports = clip(6.0)
    for index in range(10, 40):
        ports["faces"][index], ports["mesh"][index] = Faces.none(), Meshes.none()
    last = run(ports)["texture_noise 1"]
    assert last.stretch.first == 40
    assert last.applies


def test_the_tile_stays_in_the_picture_and_on_the_grid() -> None:
    box = tile_box(POINTS, SIZE)
    assert box is not None
    assert all(side % 8 == 0 for side in box)
    assert box[2] <= SIZE[0]
    assert box[3] <= SIZE[1]
    huge = tile_box(mesh_at((2000, 1000), 900.0), (4096, 2160))
    assert huge is not None
    assert huge[2] - huge[0] <= 1024
    assert huge[3] - huge[1] <= 640


def test_burnt_and_black_cells_are_left_out() -> None:
    tile = np.full((320, 320), 255, np.float32)
    cells = cells_of(tile, mesh_at((160, 160), 60.0), [])
    assert not cells.skin.any()
    assert lack_of_detail(cells) is None


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 50.0, 1e8])
def test_wild_meshes_give_findings_without_scores(scale: float) -> None:
    """Shrunk to a point or larger than any picture: a sentence, no failure."""
    wild = ((POINTS - (240, 180, 0)) * scale + (240, 180, 0)).astype(np.float32)
    ports = clip(0.5)
    ports["mesh"] = [Meshes.of(wild)] * len(ports["mesh"])
    for one in run(ports).values():
        assert one.why_not
