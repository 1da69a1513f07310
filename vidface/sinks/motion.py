"""motion: how every face moved, as one .npz file that reenact nodes replay."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.motion import Motions
from vidface.data.rows import check_rows
from vidface.node import Sink, Target
from vidface.sinks._files import write_private

_COLUMNS = ("frame", "pts", "time", "track", "valid", "scale")
_PARTS = ("rotation", "shift", "expression", "neutral", "gaze")


class MotionSink(Sink):
    """Write `NAME.npz`, a row for every face of every frame.

    Arrays: frame (index), pts, time (seconds), track (-1 before tracking), valid, rotation (n x 3),
    shift (n x 3), scale, expression (n x m), neutral (n x m, or n x 0 where nobody said) and gaze
    (n x 2 x 2), as in `Motion`; and start, the time of the first frame, with or without a face. It is read
    with `numpy.load`, and replayed by `motion:` of reenact.portrait and reenact.face. The rows wait in
    memory, less than 1 KB each. The file can be read by the owner only, and is written at the end, also
    after an error elsewhere.
    """

    _target: Target | None = None
    _rows: list[tuple[Any, ...]]
    _parts: dict[str, list[Any]]
    _begin: float | None

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.npz",)

    def start(self, target: Target) -> None:
        self._target = target
        self._begin = None
        self._rows, self._parts = [], {name: [] for name in _PARTS}

    def process(self, frame: Frame, faces: Faces, motions: Motions) -> None:
        """Note one frame.

        Raises:
            UsageError: `motions` has not a row for every face.
        """
        check_rows(faces, motions=motions)
        if self._begin is None:
            self._begin = float(frame.time)
        for row, motion in enumerate(motions.rows):
            track = int(faces.tracks[row])
            self._rows.append((frame.index, frame.pts, float(frame.time), track, motion.valid, motion.scale))
            for name in _PARTS:
                self._parts[name].append(getattr(motion, name))

    def finish(self) -> dict[str, Any]:
        """Write the file.

        Raises:
            OutputError: the disk is full or the folder is gone.
        """
        target = self._target
        if target is None:
            return {}
        self._target = None
        name = f"{target.name}.npz"
        file = io.BytesIO()
        np.savez_compressed(file, start=np.float64(self._begin or 0), **self._arrays())
        write_private(target.folder / name, file.getvalue())
        return {"files": [name], "rows": len(self._rows)}

    def close(self) -> None:
        self.finish()

    def _arrays(self) -> dict[str, Any]:
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(_COLUMNS)
        kinds = ("i8", "i8", "f8", "i8", "?", "f4")
        found = {
            name: np.array(column, kind) for name, column, kind in zip(_COLUMNS, columns, kinds, strict=True)
        }
        shapes: dict[str, tuple[int, ...]] = {"rotation": (-1, 3), "shift": (-1, 3), "gaze": (-1, 2, 2)}
        for name, rows in self._parts.items():
            most = max((len(one) for one in rows), default=0)
            long = rows if name in shapes else [np.pad(one, (0, most - len(one))) for one in rows]
            found[name] = np.array(long, "f4").reshape(shapes.get(name, (len(rows), most)))
        return found
