"""Jitter of a mesh in the live loop: the crop of a frame follows from the mesh of the frame before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from label import Finder, first_mesh, read_clip
from landmarker import MeshTeacher, crop_of_mesh
from net import SIDE
from numpy.typing import NDArray
from stream import Faces

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from testset import h264

Image = NDArray[np.uint8]
Float = NDArray[np.float32]
Reader = Callable[[Image, NDArray[np.float64]], tuple[Float, float]]
Rows = dict[str, dict[str, float]]
STILLS, FRAMES, WINDOW, CLIP_FRAMES = 40, 24, 20, 60


def jitter(track: Float) -> float:
    """RMS of the second difference of x and y over the eyes' distance, percent; track (frames, 478, 3)."""
    second = np.diff(track[..., :2], 2, axis=0)
    eyes = track[:, [33, 133], :2].mean(1) - track[:, [362, 263], :2].mean(1)
    return 100 * float(np.sqrt((second**2).sum(-1).mean()) / np.median(np.hypot(*eyes.T)))


def follow(images: list[Image], first: Float, read: Reader, size: int) -> Float:
    """The loop over frames, from a first mesh."""
    mesh, track = first, []
    for image in images:
        mesh, _ = read(image, crop_of_mesh(mesh, size))
        track.append(mesh)
    return np.stack(track)


def filmed(image: Image, rng: np.random.Generator, coded: bool) -> list[Image]:
    """A still picture as a camera would film it: sensor noise, optionally coded."""
    frames = []
    for _ in range(FRAMES):
        grain = image + rng.normal(0, 4, image.shape)
        frame = np.clip(grain, 0, 255).astype(np.uint8)
        frames.append(h264(frame, rng) if coded else frame)
    return frames


def quiet_windows(track: Float) -> list[slice]:
    """The third of the windows in which the smoothed middle of the face moves least."""
    middle = cv2.blur(track[:, :, :2].mean(1), (1, 5))
    ways = [
        float(np.hypot(*np.diff(middle[i : i + WINDOW], axis=0).T).sum()) for i in range(len(track) - WINDOW)
    ]
    order = np.argsort(ways)[: max(1, len(ways) // 3)]
    return [slice(int(i), int(i) + WINDOW) for i in order]


def summary(pairs: list[list[float]]) -> dict[str, float]:
    """Medians of both, and the share of cases in which the student is steadier."""
    table = np.array(pairs).reshape(-1, 2)
    mine, theirs = np.median(table, 0) if len(table) else (np.nan, np.nan)
    share = float((table[:, 0] < table[:, 1]).mean()) if len(table) else np.nan
    return {
        "cases": len(table),
        "student_pct": round(float(mine), 4),
        "teacher_pct": round(float(theirs), 4),
        "student is steadier": round(share, 3),
    }


def steadiness(data: Path, faces: Faces, student: Reader, teacher: MeshTeacher, find: Finder) -> Rows:
    """Jitter in percent of the eyes' distance, student and teacher alike in a loop of their own."""
    rng, readers = np.random.default_rng(5), ((student, SIDE), (teacher.on, 256))
    rows: Rows = {}
    for coded in (False, True):
        pairs = []
        for number in range(STILLS):
            image, item = faces.item(1, number * faces.lengths[1] // STILLS)
            frames = filmed(image, rng, coded)
            tracks = [follow(frames, item["points"], *reader) for reader in readers]
            pairs.append([jitter(track[2:]) for track in tracks])
        rows[f"still pictures, noise sigma 4{', H.264 CRF 28-43' if coded else ''}"] = summary(pairs)
    pairs = []
    for name in sorted({str(n) for n in faces.names if n.startswith(("talking", "webcam", "speech"))}):
        images = [
            image for index, image in enumerate(read_clip(data / "clips" / name)) if index < CLIP_FRAMES
        ]
        found = find(images[0])
        if found is None or len(images) < WINDOW + 4:
            continue
        first, _ = first_mesh(teacher, images[0], *found)
        tracks = [follow(images, first, *reader) for reader in readers]
        pairs += [[jitter(track[window]) for track in tracks] for window in quiet_windows(tracks[1])]
    rows["quietest windows of held-out clips"] = summary(pairs)
    return rows
