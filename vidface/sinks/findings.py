"""findings: what the tests of forensics found, one line each, and their heat maps as pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import filenames
from vidface.data.comments import with_comment
from vidface.data.finding import Finding, Findings
from vidface.data.frame import Frame
from vidface.errors import OutputError
from vidface.node import Sink, Target
from vidface.sinks._files import LineFile, write_private, writing
from vidface.sinks.jsonl import compact


class FindingsSink(Sink):
    """Write `NAME.jsonl`, one line a finding, in the order in which they became complete.

    A line: kind, track (null for what concerns the whole file), first_frame, last_frame, start, end
    (seconds), score (null where the test does not apply), why_not (null where it does), details (name:
    number), and where the test has a map: heat (`heat/KIND_TRACK_FRAME.png`, grey, 255 speaks most for a
    manipulation; in heat_NAME/ where the output is not called findings), face (the crop that it lies over,
    .jpg, null where the node keeps none), heat_frame.
    Windows overlap: a map that was written for one is named again by the next.

    Every file can be read by the owner only. A map stands before the line that names it, and every line is
    whole at any moment, so a run that is cut off leaves what it found.
    """

    _target: Target
    _file: LineFile | None = None
    _maps: dict[str, None]
    _kinds: Counter[str]
    _silent: Counter[str]

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.jsonl", f"{filenames.heat_folder(name)}/")

    def start(self, target: Target) -> None:
        self._target = target
        self._maps, self._kinds, self._silent = {}, Counter(), Counter()
        self._file = LineFile(target.folder / f"{target.name}.jsonl")

    def process(
        self,
        frame: Frame,
        blend: Findings | None = None,
        identity: Findings | None = None,
        drift: Findings | None = None,
        texture: Findings | None = None,
        pulse: Findings | None = None,
        lipsync: Findings | None = None,
    ) -> None:
        """Write what became complete with a frame.

        Raises:
            OutputError: the disk is full or the folder is gone.
        """
        for findings in (blend, identity, drift, texture, pulse, lipsync):
            for one in findings or ():
                self._write(one)

    def finish(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        self._file.close()
        return {
            "files": [self._file.path.name, *self._maps],
            "rows": self._file.lines,
            "applied": dict(self._kinds),
            "did_not_apply": dict(self._silent),
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, one: Finding) -> None:
        (self._kinds if one.applies else self._silent)[one.kind] += 1
        row = one.row()
        if one.heat is not None:
            row |= self._pictures(one, one.heat)
        if self._file is not None:
            self._file.write(compact(row))

    def _pictures(self, one: Finding, heat: NDArray[np.uint8]) -> dict[str, Any]:
        """Write the map and what it lies over, unless they are there; their names."""
        folder = filenames.heat_folder(self._target.name)
        place = f"{folder}/{filenames.heat(one.kind, one.track, one.frame)}"
        pictures = {f"{place}.png": heat}
        if one.picture is not None:
            pictures[f"{place}.jpg"] = np.asarray(cv2.cvtColor(one.picture, cv2.COLOR_RGB2BGR), np.uint8)
        for name, pixels in pictures.items():
            if name not in self._maps:
                _save(self._target.folder / name, pixels, self._target.comment)
                self._maps[name] = None
        face = f"{place}.jpg"
        return {
            "heat": f"{place}.png",
            "face": face if face in self._maps else None,
            "heat_frame": one.frame,
        }


def _save(path: Path, pixels: NDArray[np.uint8], comment: str) -> None:
    with writing(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90] if path.suffix == ".jpg" else []
    done, data = cv2.imencode(path.suffix, pixels, options)
    if not done:
        raise OutputError(f"{path}: OpenCV could not encode a picture of {pixels.shape[1]} pixels")
    write_private(path, with_comment(data.tobytes(), comment))
