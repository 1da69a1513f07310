"""`vidface meshes stabilize` as a user meets it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from vidface.cli import main
from vidface.vision.meshfiles import obj_text, read_set
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshstab import motion_of, moved

MODEL = Path(__file__).parents[2] / "models" / "vidface-meshmodel" / "model.npz"
FACE = MeshModel.load(MODEL).mean.astype(float)


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run `vidface meshes stabilize WORDS` in this process; gives the exit code."""
    monkeypatch.setattr(sys, "argv", ["vidface", "meshes", "stabilize", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def heads() -> np.ndarray:
    """The mean face in four poses."""
    motions = motion_of(np.random.default_rng(1).normal(0, 0.4, (4, 6)))
    return moved(np.repeat(FACE[None], 4, 0), motions)


@pytest.mark.parametrize("method", ["net", "stable", "all"])
def test_obj_files_come_back_on_one_skull(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str
) -> None:
    """Four poses of one face lie on the first; the matrices say how."""
    for number, points in enumerate(heads()):
        (tmp_path / f"{number}.obj").write_text(obj_text(points, np.array([(0, 1, 2)])))
    out = tmp_path / "out"
    words = [*sorted(tmp_path.glob("*.obj")), "-o", out, "--method", method, "--format", "obj"]
    assert call(monkeypatch, *words) == 0
    placed = read_set(sorted(out.glob("*.obj")))
    assert np.abs(placed.points - placed.points[0]).max() < 0.01
    assert placed.points[0] == pytest.approx(heads()[0], abs=1e-5)
    assert placed.triangles.tolist() == [[0, 1, 2]]
    with np.load(out / "transforms.npz") as file:
        matrices, names = file["matrices"], file["names"]
    assert moved(heads(), matrices) == pytest.approx(placed.points, abs=1e-4)
    assert names.tolist() == ["0.obj", "1.obj", "2.obj", "3.obj"]


def test_other_meshes_go_by_every_point_and_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 points: laid by all; asked for the network: one sentence, exit 2; a full folder is not touched."""
    np.savez(tmp_path / "a.npz", points=heads()[:, :100])
    assert call(monkeypatch, tmp_path / "a.npz", "-o", tmp_path / "out") == 0
    assert "4 meshes of 100 points laid on one skull by all" in capsys.readouterr().out
    assert call(monkeypatch, tmp_path / "out" / "meshes.npz", "-o", tmp_path / "again") == 0
    assert call(monkeypatch, tmp_path / "a.npz", "-o", tmp_path / "o", "--method", "net") == 2
    assert "needs 478 points" in capsys.readouterr().err
    assert call(monkeypatch, tmp_path / "a.npz", "-o", tmp_path / "out") == 2
    assert "is not empty" in capsys.readouterr().err
    assert call(monkeypatch, tmp_path / "none.npz", "-o", tmp_path / "o") == 3


def test_of_two_people_one_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --track exit 2; with it, what is written says which frames of whom it is."""
    source, out = tmp_path / "mesh.npz", tmp_path / "out"
    np.savez(source, points=heads()[:, :100], track=[1, 2, 1, 2], frame=[0, 0, 5, 5])
    words = (source, "-o", out, "--method", "all")
    assert call(monkeypatch, *words) == 2
    assert "tracks 1 and 2: one person at a time, --track N" in capsys.readouterr().err
    assert not out.exists()
    assert call(monkeypatch, *words, "--track", 2) == 0
    with np.load(out / "meshes.npz") as file:
        assert file["points"].shape == (2, 100, 3)
        assert (file["track"].tolist(), file["frame"].tolist()) == ([2, 2], [0, 5])
    assert call(monkeypatch, *words, "--track", 2, "--format", "obj", "--overwrite") == 0
    assert [path.name for path in sorted(out.glob("*.obj"))] == [
        "000000_track_0002_frame_000000.obj",
        "000001_track_0002_frame_000005.obj",
    ]
