"""What the peers share: numbers that follow a face, the file that they write, the account of what it cost.

Only the standard library is used, since each peer runs in an environment of its own.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Box = Sequence[float]
Face = tuple[Box, Sequence[Sequence[float]]]
"""Box x1 y1 x2 y2 and points, in pixels of the frame."""

_SAME_FACE_IOU = 0.3
_PATIENCE = 15


class Numbers:
    """The usual few lines: a box gets the number of the box of the frames before that it overlaps most."""

    def __init__(self) -> None:
        self._next = 1
        self._seen: dict[int, tuple[Box, int]] = {}

    def of(self, frame: int, boxes: Sequence[Box]) -> list[int]:
        """One number a box; a face that is away for more than 15 frames gets a new one."""
        self._seen = {number: item for number, item in self._seen.items() if frame - item[1] <= _PATIENCE}
        pairs = sorted(
            (
                (_iou(box, last), row, number)
                for row, box in enumerate(boxes)
                for number, (last, _) in self._seen.items()
            ),
            reverse=True,
        )
        rows: dict[int, int] = {}
        for overlap, row, number in pairs:
            if overlap >= _SAME_FACE_IOU and row not in rows and number not in rows.values():
                rows[row] = number
        for row in range(len(boxes)):
            if row not in rows:
                rows[row] = self._next
                self._next += 1
        self._seen |= {number: (boxes[row], frame) for row, number in rows.items()}
        return [rows[row] for row in range(len(boxes))]


def work(find: Callable[[Path, int], Iterable[list[Face]]], packages: Sequence[str], note: str = "") -> None:
    """Run a peer as the command line says (CLIP OUT.jsonl FRAMES), write its file, print what it cost.

    Loading libraries is not counted, for nobody; loading models is.
    """
    clip, out, frames = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    began, used = time.perf_counter(), time.process_time()
    count = faces = points = 0
    numbers = Numbers()
    with out.open("w", encoding="utf-8") as file:
        for count, found in enumerate(find(clip, frames), start=1):
            ids = numbers.of(count, [box for box, _ in found])
            rows = [_row(number, *face) for number, face in zip(ids, found, strict=True)]
            file.write(json.dumps({"frame": count - 1, "faces": rows}, separators=(",", ":")) + "\n")
            faces += len(found)
            points = max([points, *(len(face[1]) for face in found)])
    cost = {
        "frames": count,
        "faces": faces,
        "points": points,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - used,
        "peak_mb": peak_mb(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "note": note,
    }
    print(json.dumps(cost))


def _row(number: int, box: Box, points: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {
        "track": number,
        "box": [round(value, 2) for value in box],
        "points": [[round(value, 2) for value in point] for point in points],
    }


def _iou(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


def peak_mb() -> float:
    """Of this program alone; ru_maxrss counts the one that started it, too."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    found = next((line for line in lines if line.startswith("VmHWM:")), None)
    return (
        int(found.split()[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )
