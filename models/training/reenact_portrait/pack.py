"""Frames of talking heads in one fixed square a clip, with meshes: pairs of them train the portrait network.

The pack is a folder with
    pixels.npy  uint8 RGB (n, 320, 320, 3), the frames of one clip one after the other
    items.npz   start (m,), length (m,) rows of each clip, name (m,), part (m,), scale (m,) source pixels per
                stored pixel, mesh float32 (n, 478, 3) stored pixels, times float32 (n,) seconds
A clip's square stays where it is, so that only the person moves in it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "restore_face"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import split
from pack_tools import scale_of, warp

import vidface
from vidface.vision.headsquare import square_around_all
from vidface.vision.meshcrop import to_crop

STORE, FRAMES, LONGEST_S = 320, 60, 20.0
LEAST_HEIGHT = 60.0
FOLDERS = ("talking", "webcam", "speech", "scenes", "edge")
FOLLOW: dict[str, Any] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 5}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
    },
    "outputs": {"faces": {"use": "table", "in": {"faces": "mesh.faces", "mesh": "mesh.mesh"}}},
}


class Item(NamedTuple):
    """Some frames of one clip."""

    frames: list[NDArray[np.uint8]]
    mesh: NDArray[np.float32]
    times: list[float]
    name: str
    part: str
    scale: float


def followed(clip: Path) -> dict[int, tuple[NDArray[np.float32], float]]:
    """Frame number -> mesh and time of the track that is seen longest."""
    seen: dict[int, dict[int, tuple[NDArray[np.float32], float]]] = {}
    for tick in vidface.run(FOLLOW, clip, stop=LONGEST_S):
        faces, meshes = tick["mesh.faces"], tick["mesh.mesh"]
        for row, track in enumerate(faces.tracks):
            points = meshes.points[row]
            if track >= 0 and np.isfinite(points).all():
                seen.setdefault(int(track), {})[tick.index] = (points, float(tick.time))
    return max(seen.values(), key=len, default={})


def square(meshes: NDArray[np.float32]) -> tuple[NDArray[np.float64], float] | None:
    """Picture -> stored pixels of a square that holds the head in every frame; None for a small face."""
    height = float(np.median(np.ptp(meshes[..., 1], axis=1)))
    if height < LEAST_HEIGHT:
        return None
    matrix = square_around_all(meshes, STORE)
    return matrix, 1 / scale_of(matrix)


def item_of(clip: Path, name: str) -> Item | None:
    """Frames spread over the clip; None where no face is large enough."""
    places = followed(clip)
    if len(places) < 10:
        return None
    order = sorted(places)
    laid = square(np.stack([places[i][0] for i in order]))
    if laid is None:
        return None
    matrix, scale = laid
    wanted = {order[i] for i in np.linspace(0, len(order) - 1, min(FRAMES, len(order))).astype(int)}
    frames, mesh, times = [], [], []
    with av.open(clip) as box:
        for index, frame in enumerate(box.decode(video=0)):
            if index > max(wanted):
                break
            if index in wanted:
                frames.append(warp(frame.to_ndarray(format="rgb24"), matrix, STORE))
                points, time = places[index]
                mesh.append(to_crop(points, matrix))
                times.append(time)
    return Item(frames, np.stack(mesh).astype(np.float32), times, name, split.clip_part(name), scale)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds clips/")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    items = []
    for folder in FOLDERS:
        for clip in sorted((args.data / "clips" / folder).iterdir()):
            name = f"{folder}/{clip.name}"
            if clip.suffix in (".mp4", ".mkv", ".mpg", ".mov") and name not in split.FACE_FREE_CLIPS:
                item = item_of(clip, name)
                print(name, "left out" if item is None else f"{len(item.frames)} frames", flush=True)
                items += [item] if item is not None else []
    lengths = np.array([len(item.frames) for item in items])
    np.save(args.out / "pixels.npy", np.stack([frame for item in items for frame in item.frames]))
    np.savez(
        args.out / "items.npz",
        start=np.cumsum(lengths) - lengths,
        length=lengths,
        name=np.array([item.name for item in items]),
        part=np.array([item.part for item in items]),
        scale=np.array([item.scale for item in items]),
        mesh=np.concatenate([item.mesh for item in items]),
        times=np.concatenate([np.array(item.times, np.float32) for item in items]),
    )


if __name__ == "__main__":
    main()
