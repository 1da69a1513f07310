"""Parts of `tests.bench.fakes`: runs that cut, code and forge clips."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from tests.bench._cases import ROOT
from tests.bench._fakeface import LARGEST, Looks, cut_of, moved, square_of
from vidface.graph.run import run

FIND: Final[dict[str, Any]] = {
    "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 3}},
    "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
    "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
}
_SEEN: Final[dict[str, Any]] = {
    "version": 1,
    "nodes": FIND,
    "outputs": {"faces": {"use": "table", "in": {"faces": "mesh.faces", "mesh": "mesh.mesh"}}},
}
_LOOKS: Final = 8
_AROUND: Final = 1.3


class Span(NamedTuple):
    """Seconds of a clip."""

    clip: Path
    start: float
    stop: float


def code(span: Span, out: Path, *, crf: int) -> None:
    """The span coded anew, nothing else done to it."""
    # A graph wants a node.
    idle = {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 1000}}
    _write({"detect": idle}, "source", span, out, crf=crf)


def swap(span: Span, out: Path, *, crf: int, looks: Path, blend: str) -> None:
    """The largest face of the span becomes that of `looks`."""
    node = {
        "use": str(ROOT / "tests" / "bench" / "_swapnode.py"),
        "in": {"frame": "source", "faces": "mesh.faces", "mesh": "mesh.mesh"},
        "with": {"looks": str(looks), "blend": blend},
    }
    _write(FIND | {"swap": node}, "swap", span, out, crf=crf)


def animate(span: Span, out: Path, *, crf: int, still: Path) -> None:
    """The person of a picture moves as the span's does, by the mesh and without a network."""
    node = {
        "use": "reenact.portrait",
        "in": {"frame": "source", "faces": "mesh.faces", "mesh": "mesh.mesh"},
        "with": {"source": str(still), "engine": "warp"},
    }
    _write(FIND | {"portrait": node}, "portrait.frame", span, out, crf=crf)


def look_at(span: Span, out: Path) -> None:
    """Some frames of the largest face of a span, spread over it and over its turns: a file of `Looks`."""
    kept: list[tuple[Any, Any]] = []
    for tick in run(_SEEN, span.clip, start=span.start, stop=span.stop):
        faces, mesh = tick["mesh.faces"], tick["mesh.mesh"]
        known = [row for row in np.argsort(-faces.heights).tolist() if mesh.known[row]]
        if known:
            points = mesh.points[known[0]]
            matrix, side = square_of(points)
            # Squares of one size, so that they stack; small faces are grown here rather than later.
            matrix = matrix * (LARGEST / side)
            kept.append((cut_of(tick.frame, matrix, LARGEST), moved(points, matrix)))
    if not kept:
        raise SystemExit(f"{span.clip}: no face from {span.start} to {span.stop} s")
    chosen = np.linspace(0, len(kept) - 1, _LOOKS + 2).round().astype(int)[1:-1]
    Looks(np.stack([kept[i][0] for i in chosen]), np.stack([kept[i][1] for i in chosen])).save(out)


def still_of(span: Span, out: Path) -> None:
    """The largest face of the first frame with one, and the head around it, as a picture."""
    for tick in run(_SEEN, span.clip, start=span.start, stop=span.stop):
        faces, mesh = tick["mesh.faces"], tick["mesh.mesh"]
        known = [row for row in np.argsort(-faces.heights).tolist() if mesh.known[row]]
        if known:
            flat = mesh.points[known[0], :, :2]
            low, high = flat.min(0), flat.max(0)
            room = _AROUND * (high - low).max()
            left, top = np.maximum((low + high) / 2 - room, 0).astype(int)
            right, bottom = ((low + high) / 2 + room).astype(int)
            cv2.imwrite(str(out), tick.frame.bgr()[top:bottom, left:right])
            return
    raise SystemExit(f"{span.clip}: no face from {span.start} to {span.stop} s")


def _write(nodes: dict[str, Any], last: str, span: Span, out: Path, *, crf: int) -> None:
    video = {"use": "video", "in": last, "with": {"crf": crf, "preset": "medium", "label": "none"}}
    graph = {"version": 1, "nodes": nodes, "outputs": {"video": video}}
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        work = Path(folder) / "run"
        consent = "made to try the checks of this project on; kept in the folder given and shown to nobody"
        for _ in run(graph, span.clip, work, start=span.start, stop=span.stop, consent=consent):
            pass
        shutil.move(work / "video.mp4", out)
