"""mesh: the meshes themselves, as one .npz file or as .obj files."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import filenames
from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.mesh import BLENDSHAPES, POINTS, Meshes
from vidface.data.rows import check_rows
from vidface.node import Sink, Target
from vidface.sinks._files import open_private, write_private, writing
from vidface.vision.obj import obj_of_mesh

ROW: Final = np.dtype(
    [
        ("frame", "<i8"),
        ("pts", "<i8"),
        ("time", "<f8"),
        ("track", "<i8"),
        ("points", "<f4", (POINTS, 3)),
        ("presence", "<f4"),
        ("blendshapes", "<f4", (len(BLENDSHAPES),)),
    ]
)
"""The arrays of the .npz file, a row a face and frame."""

_ROWS_AT_A_TIME: Final = 2048


class MeshSink(Sink):
    """Write `NAME.npz`, a row for every face of every frame, or the folder `NAME/` of .obj files.

    npz: arrays frame (index), pts, time (seconds), track (-1 before tracking), points (n x 478 x 3,
    pixels of the upright frame; NaN where not measured), presence, blendshapes (n x 52), and names,
    those of the blendshapes. It is read with `numpy.load`.

    obj: a file for every measured face, `NAME/track_0003/000120.obj` for frame 120; faces without a
    track go to `NAME/untracked/000120_1.obj`. In pixels, y up and z towards the viewer, with triangles.

    Files can be read by the owner only. Rows wait on disk, so that memory stays the same however
    long the clip; the .npz file is put together at the end, also after an error elsewhere.
    """

    format: Literal["npz", "obj"] = Field("npz", description="One file of arrays, or a file a mesh.")

    _out: _Npz | _Objs | None = None

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.npz",) if self.format == "npz" else (f"{name}/",)

    def start(self, target: Target) -> None:
        self._out = _Npz(target) if self.format == "npz" else _Objs(target)

    def process(self, frame: Frame, faces: Faces, mesh: Meshes) -> None:
        """Write one frame.

        Raises:
            UsageError: `mesh` has not a row for every face.
            OutputError: the disk is full or the folder is gone.
        """
        check_rows(faces, mesh=mesh)
        if self._out is not None and len(faces):
            self._out.add(frame, faces, mesh if len(mesh) else Meshes.none(len(faces)))

    def finish(self) -> dict[str, Any]:
        return {} if self._out is None else self._out.finish()

    def close(self) -> None:
        if self._out is not None:
            out, self._out = self._out, None
            out.finish()


class _Npz:
    """Rows in a file beside, until `finish` makes the .npz of them."""

    def __init__(self, target: Target) -> None:
        self._path = target.folder / f"{target.name}.npz"
        self._spool = target.folder / f".{target.name}.rows"
        self._rows = 0
        self._facts: dict[str, Any] | None = None
        with writing(self._spool):
            self._file = os.fdopen(open_private(self._spool), "wb")

    def add(self, frame: Frame, faces: Faces, mesh: Meshes) -> None:
        rows = np.zeros(len(faces), ROW)
        rows["frame"], rows["pts"], rows["time"] = frame.index, frame.pts, float(frame.time)
        rows["track"], rows["points"] = faces.tracks, mesh.points
        rows["presence"], rows["blendshapes"] = mesh.presence, mesh.blendshapes
        with writing(self._spool):
            self._file.write(rows.tobytes())
        self._rows += len(rows)

    def finish(self) -> dict[str, Any]:
        if self._facts is None:
            self._facts = {"files": [self._path.name], "rows": self._rows}
            try:
                with writing(self._spool):
                    self._file.close()
                with writing(self._path):
                    self._put_together()
            finally:
                self._spool.unlink(missing_ok=True)
        return self._facts

    def _put_together(self) -> None:
        rows: NDArray[Any] = np.zeros(0, ROW)
        if self._rows:
            rows = np.memmap(self._spool, ROW, mode="r", shape=(self._rows,))
        with os.fdopen(open_private(self._path), "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name in ROW.names or ():
                _stream(archive, name, rows[name])
            _stream(archive, "names", np.array(BLENDSHAPES))


class _Objs:
    """One file a measured face."""

    def __init__(self, target: Target) -> None:
        self._folder = target.folder / target.name
        self._files: list[str] = []
        _private_folder(self._folder)

    def add(self, frame: Frame, faces: Faces, mesh: Meshes) -> None:
        for row in np.flatnonzero(mesh.known).tolist():
            track = int(faces.tracks[row])
            name = filenames.mesh(track, frame.index, row)
            path = self._folder / name
            _private_folder(path.parent)
            text = obj_of_mesh(mesh.points[row], comment=f"frame {frame.index}, {float(frame.time):.6f} s")
            write_private(path, text.encode())
            self._files.append(f"{self._folder.name}/{name}")

    def finish(self) -> dict[str, Any]:
        return {"files": self._files, "meshes": len(self._files)}


def _private_folder(path: Path) -> None:
    with writing(path):
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)


def _stream(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Write an array as NAME.npy, some rows at a time."""
    head = io.BytesIO()
    np.lib.format.write_array_header_2_0(
        head, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    )
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        entry.write(head.getvalue())
        for first in range(0, len(array), _ROWS_AT_A_TIME):
            entry.write(np.ascontiguousarray(array[first : first + _ROWS_AT_A_TIME]).tobytes())
