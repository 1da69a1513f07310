"""transforms: the motion of every face's skull, as lines of JSON."""

from __future__ import annotations

from typing import Any

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.rows import check_rows
from vidface.data.times import time_text
from vidface.data.transform import Transforms
from vidface.node import Sink, Target
from vidface.sinks._files import LineFile
from vidface.sinks.jsonl import compact


class TransformsSink(Sink):
    """Write `NAME.jsonl`, one line a frame: frame, time (seconds, 6 decimals), pts, faces.

    A face has its track, the matrix (4 x 4, row by row: from pixels of the frame to where the track's first
    mesh lies) and the scale within it; matrix and scale are null where there was no mesh. Lines are whole
    at any moment, and can be read by the owner only.
    """

    _file: LineFile | None = None
    _moved: int = 0

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.jsonl",)

    def start(self, target: Target) -> None:
        self._moved = 0
        self._file = LineFile(target.folder / f"{target.name}.jsonl")

    def process(self, frame: Frame, faces: Faces, transforms: Transforms) -> None:
        """Write one frame.

        Raises:
            UsageError: `transforms` has not a row for every face.
            OutputError: the disk is full or the folder is gone.
        """
        check_rows(faces, transforms=transforms)
        if not len(transforms):
            transforms = Transforms.none(len(faces))
        rows = []
        for track, known, matrix, scale in zip(
            faces.tracks.tolist(), transforms.known, transforms.matrices, transforms.scales, strict=True
        ):
            rows.append(
                {
                    "track": None if track == NOT_TRACKED else track,
                    "matrix": matrix.round(9).tolist() if known else None,
                    "scale": round(float(scale), 9) if known else None,
                }
            )
        self._moved += int(transforms.known.sum())
        if self._file is not None:
            line = {"frame": frame.index, "time": time_text(frame.time), "pts": frame.pts, "faces": rows}
            self._file.write(compact(line))

    def finish(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        self._file.close()
        return {"files": [self._file.path.name], "rows": self._file.lines, "transforms": self._moved}

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
