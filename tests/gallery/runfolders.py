"""Made folders of runs, as the sinks embeddings, images and jsonl leave them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.gallery.people import MODEL, D, vector

TEMPLATE = np.array([(38.29, 51.7), (73.53, 51.5), (56.03, 71.74), (41.55, 92.37), (70.73, 92.2)])


def made_run(
    folder: Path,
    tracks: Mapping[int, tuple[int, Sequence[tuple[float, float]]]],
    *,
    model: str = MODEL,
    states: Mapping[int, tuple[str, str]] | None = None,
    views: int = 0,
    **arrays: Any,
) -> Path:
    """A run's folder with {number: (person, spans in seconds)}.

    Args:
        states: number -> state and name; unknown where not given.
        views: which look of each person, so that runs differ.
        arrays: to go in place of those of the sink.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"status": "done", "outputs": {}}))
    said = [(states or {}).get(number, ("unknown", "")) for number in tracks]
    firsts = [min(span[0] for span in spans) for _, spans in tracks.values()]
    lasts = [max(span[1] for span in spans) for _, spans in tracks.values()]
    spans = [(number, *span) for number, (_, some) in tracks.items() for span in some]
    rows = [vector(person, 100 * views + number) for number, (person, _) in tracks.items()]
    values: dict[str, Any] = {
        "track": np.array(list(tracks), np.int64),
        "vector": np.array(rows, np.float32).reshape(-1, D),
        "looks": np.full(len(tracks), 5),
        "evidence": 2 + np.arange(len(tracks)) / 10,
        "best_frame": np.round(np.array(firsts) * 25).astype(np.int64),
        "first_frame": np.round(np.array(firsts) * 25).astype(np.int64),
        "last_frame": np.round(np.array(lasts) * 25).astype(np.int64),
        "first_time": np.array(firsts, np.float64),
        "last_time": np.array(lasts, np.float64),
        "state": np.array([state for state, _ in said], np.str_),
        "name": np.array([name for _, name in said], np.str_),
        "span_track": np.array([span[0] for span in spans], np.int64),
        "span_first": np.array([span[1] for span in spans], np.float64),
        "span_last": np.array([span[2] for span in spans], np.float64),
        "model": np.array(model),
    }
    values |= arrays
    np.savez(folder / "people.npz", **{name: value for name, value in values.items() if value is not None})
    return folder


def dots(marks: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """A grey picture with a dark dot at each landmark."""
    image = np.full((side, side, 3), 200, np.uint8)
    for x, y in marks:
        # OpenCV counts from the first pixel's centre.
        cv2.circle(image, (round(16 * (x - 0.5)), round(16 * (y - 0.5))), 16 * 4, (0, 0, 0), -1, shift=4)
    return image


def add_shot(
    folder: Path, track: int, crop: str = "box", *, marks: bool = True, quality: float = 0.7
) -> Path:
    """A best shot of a track: a face of 150 x 160 pixels, turned a little, on frame 3."""
    turn = np.array([(0.98, 0.17), (-0.17, 0.98)]) * 1.6
    points = TEMPLATE @ turn + (300, 200)
    box = (310.0, 230.0, 460.0, 390.0)
    if crop == "box":
        side, corner = 224, (385 - 112, 310 - 112)
        here = points - corner
    else:
        side, here = 112, TEMPLATE
    shots = folder / "shots"
    shots.mkdir(exist_ok=True)
    path = shots / f"track_{track:04d}.png"
    cv2.imwrite(str(path), dots(here, side))
    row = {"track": track, "file": path.name, "frame": 3, "quality": quality, "box": box, "crop": crop}
    with (shots / "index.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    if marks:
        face = {"track": track, "landmarks": points.tolist()}
        lines = [{"frame": 2, "faces": []}, {"frame": 3, "faces": [{"track": None}, face]}]
        with (folder / "faces.jsonl").open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    return path
