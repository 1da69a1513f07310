"""mesh: what stands in the .npz file and in the .obj files."""

from __future__ import annotations

import stat
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from vidface.data import Faces, Frame, SourceInfo
from vidface.data.mesh import BLENDSHAPES, Meshes
from vidface.errors import OutputError, UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks import mesh as module
from vidface.sinks.mesh import MeshSink
from vidface.vision.obj import mesh_of_obj

BASE = Fraction(1, 25)
POINTS = np.random.default_rng(1).normal(100, 30, (3, 478, 3)).astype(np.float32)


def at(index: int) -> Frame:
    """A frame at a time."""
    return replace(frame_from_rgb(np.zeros((4, 4, 3), np.uint8), index), pts=index, time_base=BASE)


def ticks() -> list[tuple[Frame, Faces, Meshes]]:
    """Nobody; two faces, one of them not measured; one face without a track."""
    second = POINTS[:2].copy()
    second[1] = np.nan
    return [
        (at(0), Faces.none(), Meshes.none()),
        (at(1), Faces.of([(1, 2, 3, 4), (5, 6, 7, 8)], tracks=[3, 4]), Meshes.of(second)),
        (at(2), Faces.of([(1, 2, 3, 4)]), Meshes.of(POINTS[2:], blendshapes=np.full((1, 52), 0.5))),
    ]


def write(folder: Path, form: Literal["npz", "obj"], values: list[Any]) -> dict[str, Any]:
    """Run the sink over some frames."""
    sink = MeshSink(format=form)
    sink.start(Target(folder, "meshes", SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)))
    try:
        for value in values:
            sink.process(*value)
        return sink.finish()
    finally:
        sink.close()


def test_npz_holds_a_row_for_every_face(tmp_path: Path) -> None:
    """Frame, time, track, points, presence and blendshapes; NaN where not measured; no other file is left."""
    facts = write(tmp_path, "npz", ticks())
    with np.load(tmp_path / "meshes.npz", allow_pickle=False) as found:
        arrays = dict(found)
    assert arrays["frame"].tolist() == [1, 1, 2]
    assert arrays["time"].tolist() == [0.04, 0.04, 0.08]
    assert arrays["track"].tolist() == [3, 4, -1]
    assert np.array_equal(arrays["points"][[0, 2]], POINTS[[0, 2]])
    assert np.isnan(arrays["points"][1]).all()
    assert arrays["presence"].tolist() == [1, 0, 1]
    assert np.isnan(arrays["blendshapes"][0]).all()
    assert (arrays["blendshapes"][2] == 0.5).all()
    assert tuple(arrays["names"].tolist()) == BLENDSHAPES
    assert facts == {"files": ["meshes.npz"], "rows": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["meshes.npz"]
    assert stat.S_IMODE((tmp_path / "meshes.npz").stat().st_mode) == 0o600


def test_npz_is_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost at the seams."""
    monkeypatch.setattr(module, "_ROWS_AT_A_TIME", 2)
    faces = Faces.of([(1, 2, 3, 4)], tracks=[1])
    write(tmp_path, "npz", [(at(i), faces, Meshes.of(POINTS[i % 3][None])) for i in range(5)])
    with np.load(tmp_path / "meshes.npz") as found:
        assert found["frame"].tolist() == list(range(5))
        assert np.array_equal(found["points"], POINTS[[0, 1, 2, 0, 1]])


def test_a_run_without_faces_gives_a_readable_file(tmp_path: Path) -> None:
    """Arrays of no rows, in their shapes."""
    write(tmp_path, "npz", [])
    with np.load(tmp_path / "meshes.npz") as found:
        assert found["points"].shape == (0, 478, 3)


def test_a_failed_run_keeps_what_was_written(tmp_path: Path) -> None:
    """Closed without `finish`, as after an error elsewhere."""
    sink = MeshSink()
    sink.start(Target(tmp_path, "meshes", SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)))
    sink.process(*ticks()[2])
    sink.close()
    sink.close()
    with np.load(tmp_path / "meshes.npz") as found:
        assert found["frame"].tolist() == [2]


def test_obj_files_are_numbered_by_frame_in_a_folder_a_track(tmp_path: Path) -> None:
    """Only measured faces; the vertices come back as they were; files are listed and private."""
    facts = write(tmp_path, "obj", ticks())
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.obj"))
    assert files == ["meshes/track_0003/000001.obj", "meshes/untracked/000002_1.obj"]
    assert facts == {"files": files, "meshes": 2}
    text = (tmp_path / files[0]).read_text()
    assert text.startswith("# frame 1, 0.040000 s\nv ")
    np.testing.assert_allclose(mesh_of_obj(text), POINTS[0], atol=1e-4)
    assert stat.S_IMODE((tmp_path / files[0]).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "meshes").stat().st_mode) == 0o700


def test_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    """The mesh of other faces."""
    with pytest.raises(UsageError, match="mesh has 2 rows for 1 faces"):
        write(tmp_path, "npz", [(at(0), Faces.of([(1, 2, 3, 4)]), Meshes.of(POINTS[:2]))])


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    """One sentence with path and cause; closing afterwards leaves no rows behind."""
    (tmp_path / "meshes.npz").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"meshes\.npz could not be written: No space left"):
        write(tmp_path, "npz", ticks())
    assert not (tmp_path / ".meshes.rows").exists()
