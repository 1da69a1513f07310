"""The best shot of a track as an aligned crop, as a gallery keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.errors import InputError
from vidface.gallery.runs import Shot, Track, lines_of
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.bestshot import square_crop
from vidface.vision.resize import resize

TEMPLATE: Final = "arcface112"
_BOX_GROW: Final = 1.4
"""How much larger than the box a shot of crop `box` is, see `vidface.sinks.images`."""

Points = NDArray[np.float64]


def pictures_of(tracks: list[Track]) -> dict[int, bytes]:
    """Place in `tracks` -> the aligned crop (PNG) of its best shot, where it has one that can be aligned.

    A shot cut out by the box is aligned by the landmarks in the run's .jsonl; without them there is no
    picture.

    Raises:
        InputError: a picture or a line of the run is damaged.
    """
    wanted: dict[Path, set[tuple[int, int]]] = {}
    for track in tracks:
        if track.shot is not None and track.shot.crop not in ("", TEMPLATE):
            wanted.setdefault(track.run, set()).add((track.shot.frame, track.number))
    marks = {run: _landmarks(run, rows) for run, rows in wanted.items()}
    found = {}
    for place, track in enumerate(tracks):
        if track.shot is not None:
            points = marks.get(track.run, {}).get((track.shot.frame, track.number))
            data = _aligned(track.shot, points)
            if data is not None:
                found[place] = data
    return found


def _landmarks(run: Path, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Points]:
    """(frame, track) -> 5 x 2."""
    frames = {frame for frame, _ in wanted}
    found: dict[tuple[int, int], Points] = {}
    for path in sorted(run.glob("*.jsonl")):
        if path.name.endswith("tracks.jsonl"):
            continue
        for line in lines_of(path):
            if line.get("frame") in frames:
                found |= _marks_in(line, wanted)
    return found


def _marks_in(line: dict[str, Any], wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Points]:
    found = {}
    for face in line.get("faces", ()):
        place = (line["frame"], face.get("track"))
        if place in wanted and face.get("landmarks") is not None:
            points = np.asarray(face["landmarks"], np.float64)
            if points.shape == (5, 2) and np.isfinite(points).all():
                found[place] = points
    return found


def _aligned(shot: Shot, points: Points | None) -> bytes | None:
    known = shot.crop == TEMPLATE or (points is not None and shot.crop in ("box", *TEMPLATES))
    if not known:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(shot.path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise InputError(f"{shot.path} cannot be read: {error}") from error
    if image is None:
        raise InputError(
            f"{shot.path} is no picture that can be read; remove it from the run, or run it again"
        )
    if points is not None and shot.crop != TEMPLATE:
        try:
            image = _turned(np.asarray(image), shot, points)
        except ValueError:  # points that fix no crop
            return None
    done, data = cv2.imencode(".png", image)
    return data.tobytes() if done else None


def _turned(image: NDArray[Any], shot: Shot, points: Points) -> NDArray[Any]:
    """From the shot's crop to the template."""
    side = TEMPLATES[TEMPLATE].size
    if shot.crop == "box":
        cut = square_crop(np.array(shot.box), image.shape[1], grow=_BOX_GROW)
    else:
        cut = to_template(points, shot.crop)
    here = points @ cut[:, :2].T + cut[:, 2]
    matrix = to_template(here, TEMPLATE)
    shrink = max(1.0, float(np.linalg.det(matrix[:, :2])) ** -0.5)
    small = resize(image, (max(1, round(image.shape[1] / shrink)), max(1, round(image.shape[0] / shrink))))
    scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
    linear = matrix[:, :2] * scale
    # OpenCV puts the centre of the first pixel at (0, 0).
    warp = np.column_stack([linear, linear @ (0.5, 0.5) + matrix[:, 2] - 0.5])
    return np.asarray(cv2.warpAffine(small, warp, (side, side), flags=cv2.INTER_LINEAR))
