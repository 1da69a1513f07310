"""Cut clean faces out of clips and pictures: the ffhq512 crop halved (256 px), with 32 px more on every side.

The pack is a folder with
    pixels.npy  uint8 RGB (n, 320, 320, 3), the frames of one piece of a clip one after the other
    items.npz   start (m,), length (m,) rows of each item (1 for a picture), scale (m,) source pixels per
                stored pixel (below 1 the picture was enlarged and is soft), name (m,), part (m,), grey (m,)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "embed_face"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import split
from labels import labelled
from pack_tools import Mesh, of_five, scale_of, smoothed, warp
from teacher import Teacher

import vidface
from vidface.vision.align import to_template
from vidface.vision.meshtopology import five_of_mesh

STORE, CROP, MARGIN = 320, 256, 32
PIECE, PIECES = 10, {"train": 14, "val": 3, "test": 3}
SOFTEST = {"train": 0.45, "val": 0.8, "test": 0.8}
SAME_PERSON = 0.3
LONGEST_S = 20.0
FOLLOW: dict[str, Any] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 3}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
    },
    "outputs": {"faces": {"use": "jsonl", "in": {"faces": "mesh.faces"}}},
}


class Item(NamedTuple):
    """Some frames of one face."""

    frames: list[NDArray[np.uint8]]
    scale: float
    name: str
    part: str
    grey: bool


def pieces(clip: Path, name: str) -> Iterator[Item]:
    """Pieces of the track that is seen longest, spread over the clip."""
    part = split.clip_part(name)
    followed = [(tick.index, tick["mesh.faces"]) for tick in vidface.run(FOLLOW, clip, stop=LONGEST_S)]
    tracks = np.concatenate([np.asarray(faces.tracks) for _, faces in followed])
    if not len(tracks[tracks >= 0]):
        return
    longest = int(np.bincount(tracks[tracks >= 0]).argmax())
    places = {
        index: faces.landmarks[np.flatnonzero(faces.tracks == longest)[0]]
        for index, faces in followed
        if longest in faces.tracks
    }
    runs = np.split(np.array(sorted(places)), np.flatnonzero(np.diff(sorted(places)) > 1) + 1)
    starts = [int(at) for run in runs for at in run[: max(0, len(run) - PIECE + 1)]]
    chosen = sorted(set(np.array(starts)[np.linspace(0, len(starts) - 1, PIECES[part]).astype(int)].tolist()))
    wanted = {index for at in chosen for index in range(at, at + PIECE)}
    steady = {
        int(i): five for run in runs for i, five in zip(run, smoothed([places[i] for i in run]), strict=True)
    }
    cut: dict[int, NDArray[np.uint8]] = {}
    scales: dict[int, float] = {}
    with av.open(clip) as box:
        for index, frame in enumerate(box.decode(video=0)):
            if index > max(wanted):
                break
            if index in wanted:
                matrix = of_five(steady[index], MARGIN)
                cut[index] = warp(frame.to_ndarray(format="rgb24"), matrix, STORE)
                scales[index] = 1 / scale_of(matrix)
    for at in chosen:
        indices = range(at, at + PIECE)
        if all(index in cut for index in indices) and min(scales[i] for i in indices) >= SOFTEST[part]:
            yield Item(
                [cut[i] for i in indices], float(np.mean([scales[i] for i in indices])), name, part, False
            )


def pictures(data: Path, face_set: str, mesh: Mesh) -> Iterator[Item]:
    """Labelled pictures whose face is large enough."""
    for row, _, place in labelled(data / "faces" / face_set):
        part = split.face_part(row["from"], place)
        part = "train" if face_set == "us_congress_modern" else part
        image = cv2.imread(str(data / "faces" / face_set / row["file"]))
        if part == "unused" or image is None:
            continue
        rgb = np.ascontiguousarray(image[..., ::-1])
        matrix = of_five(five_of_mesh(mesh(rgb, np.array(row["points"]))[None])[0], MARGIN)
        scale = 1 / scale_of(matrix)
        if scale >= SOFTEST[part]:
            yield Item(
                [warp(rgb, matrix, STORE)], scale, f"{face_set}/{row['file']}", part, bool(row["grey"])
            )


def strangers(items: list[Item], others: list[Item], teacher: Teacher) -> list[Item]:
    """The items that show nobody of the others, as far as the teacher can tell."""
    there, here = vectors(others, teacher), vectors(items, teacher)
    keep = (here @ there.T).max(1) < SAME_PERSON
    print("left out as perhaps held-out people:", int((~keep).sum()), "of", len(items), flush=True)
    return [item for item, ok in zip(items, keep, strict=True) if ok]


def vectors(items: list[Item], teacher: Teacher) -> NDArray[np.float32]:
    """Unit vectors of the first frames."""
    matrix = arcface_of_store()
    crops = np.stack([warp(item.frames[0], matrix, 112)[..., ::-1] for item in items])
    return teacher(crops)


def arcface_of_store() -> NDArray[np.float64]:
    """Stored pixels -> arcface112."""
    from vidface.vision.align import TEMPLATES

    return to_template(TEMPLATES["ffhq512"].points / 2 + MARGIN, "arcface112")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/ and clips/")
    parser.add_argument("--teacher", type=Path, required=True, help="face-reidentification-retail-0095.onnx")
    parser.add_argument("--mesh", type=Path, required=True, help="models/vidface-facemesh/model.onnx")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    mesh, items = Mesh(args.mesh), list[Item]()
    for folder in ("talking", "webcam", "edge"):
        for clip in sorted((args.data / "clips" / folder).glob("*.m*")):
            found = list(pieces(clip, f"{folder}/{clip.name}"))
            items += found
            print(clip.name, len(found), [round(one.scale, 2) for one in found[:3]], flush=True)
    for face_set in ("us_congress_hi", "uk_parliament", "web_portraits"):
        items += pictures(args.data, face_set, mesh)
        print(face_set, len(items), flush=True)
    held_out = [item for item in items if item.part != "train"]
    low = [Item(*one[:3], "test", one.grey) for one in pictures_low(args.data, mesh)]
    modern = list(pictures(args.data, "us_congress_modern", mesh))
    items += strangers(modern, held_out + low, Teacher(args.teacher))
    write(args.out, items)


def pictures_low(data: Path, mesh: Mesh) -> Iterator[Item]:
    """Held-out people of the small portraits of the same parliament."""
    return (item for item in pictures(data, "us_congress_lo", mesh) if item.part != "train")


def write(out: Path, items: list[Item]) -> None:
    """pixels.npy and items.npz."""
    out.mkdir(parents=True, exist_ok=True)
    lengths = np.array([len(item.frames) for item in items])
    shape = (int(lengths.sum()), STORE, STORE, 3)
    pixels = np.lib.format.open_memmap(out / "pixels.npy", "w+", np.uint8, shape)
    starts = np.cumsum(lengths) - lengths
    for start, item in zip(starts, items, strict=True):
        pixels[start : start + len(item.frames)] = np.stack(item.frames)
    pixels.flush()
    columns: dict[str, Any] = {
        name: np.array([getattr(item, name) for item in items]) for name in ("scale", "name", "part", "grey")
    }
    np.savez(out / "items.npz", start=starts, length=lengths, **columns)
    print(len(items), "items,", shape[0], "frames")


if __name__ == "__main__":
    main()
