"""Meshes from files: both formats, sets, and every way of being broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidface.errors import InputError, UsageError
from vidface.vision.meshfiles import obj_text, read_set

POINTS = np.random.default_rng(0).normal(0, 1, (5, 3)).round(4)


def test_an_obj_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Vertices, triangles, texture numbers, negative numbers and polygons."""
    path = tmp_path / "face.obj"
    path.write_text(
        "# a comment\n" + obj_text(POINTS, np.array([(0, 1, 2)])) + "vn 0 0 1\nf 1/1/1 2/2 3//3 -1\n"
    )
    found = read_set([path])
    assert found.points[0] == pytest.approx(POINTS)
    assert found.triangles.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 4]]
    assert found.names == ("face.obj",)


def test_npz_and_obj_make_one_set_and_unmeasured_rows_are_left_out(tmp_path: Path) -> None:
    """NaN is a face that was not measured; names say where each mesh came from."""
    table = np.stack([POINTS, POINTS + 1, POINTS])
    table[1] = np.nan
    np.savez(tmp_path / "clip.npz", points=table)
    (tmp_path / "a.obj").write_text(obj_text(POINTS, np.zeros((0, 3), int)))
    found = read_set([tmp_path / "clip.npz", tmp_path / "a.obj"])
    assert found.names == ("clip.npz #0", "clip.npz #2", "a.obj")
    assert found.points.shape == (3, 5, 3)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.obj", "", "has 0 vertices"),
        ("a.obj", "hello\nworld", "has 0 vertices"),
        ("a.obj", "v 1 2 x", "line 1: is no Wavefront .obj"),
        ("a.obj", "v 1 2 3\n" * 4 + "f 1 2 9", "line 5: is no Wavefront .obj"),
        ("a.obj", "v 1 2 3\nv 1 2\nv 1 2 3\nv 0 0 0", "line|no mesh"),
        ("a.obj", "v 1 2 nan\n" * 4, "not finite"),
        ("a.npz", "no zip", "cannot be read as meshes"),
    ],
)
def test_broken_files_get_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    """Empty, text, wrong numbers, wrong corners, NaN, no zip."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_set([path])


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    """Missing files, other numbers of points, nothing but NaN, an array of another shape."""
    with pytest.raises(InputError, match="No such file"):
        read_set([tmp_path / "none.obj"])
    np.savez(tmp_path / "five.npz", points=POINTS)
    np.savez(tmp_path / "four.npz", points=POINTS[:4])
    with pytest.raises(InputError, match="the same points in the same order"):
        read_set([tmp_path / "five.npz", tmp_path / "four.npz"])
    np.savez(tmp_path / "nan.npz", points=POINTS * np.nan)
    with pytest.raises(InputError, match="no mesh to read"):
        read_set([tmp_path / "nan.npz"])
    np.savez(tmp_path / "flat.npz", points=POINTS[:, :2])
    with pytest.raises(InputError, match="must be n x p x 3"):
        read_set([tmp_path / "flat.npz"])


def test_one_person_at_a_time(tmp_path: Path) -> None:
    """The rows of the sink `mesh` say whose they are: two people are told apart, or refused."""
    path, table = tmp_path / "mesh.npz", np.stack([POINTS, POINTS + 1, POINTS + 2, POINTS * np.nan])
    np.savez(path, points=table, track=[1, 2, 1, 7], frame=[3, 3, 4, 4])
    with pytest.raises(UsageError, match=r"mesh\.npz has tracks 1 and 2: one person at a time, --track N"):
        read_set([path])
    with pytest.raises(UsageError, match="no track 7: it has tracks 1 and 2"):
        read_set([path], track=7)
    found = read_set([path], track=1)
    assert found.names == ("mesh.npz track 1 frame 3", "mesh.npz track 1 frame 4")
    assert found.points == pytest.approx(table[[0, 2]])
    assert (found.tracks.tolist(), found.frames.tolist()) == ([1, 1], [3, 4])
    np.savez(path, points=table[:2], track=[5, 5], frame=[3, 4])
    assert read_set([path]).tracks.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("tracks", "sentence"),
    [([-1, -1], "several faces in one frame"), ([-1, 2], "has track 2 and faces without a track")],
)
def test_faces_that_nobody_followed_are_no_person(tmp_path: Path, tracks: list[int], sentence: str) -> None:
    np.savez(tmp_path / "mesh.npz", points=np.stack([POINTS, POINTS]), track=tracks, frame=[0, 0])
    with pytest.raises(UsageError, match=sentence):
        read_set([tmp_path / "mesh.npz"])


def test_a_track_for_each_mesh(tmp_path: Path) -> None:
    np.savez(tmp_path / "mesh.npz", points=np.stack([POINTS, POINTS]), track=[1])
    with pytest.raises(InputError, match="'track' must have a value for each mesh, 2 in all"):
        read_set([tmp_path / "mesh.npz"])
