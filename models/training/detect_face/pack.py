"""Decode the training and validation material once into one flat file of pixels and one of labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
import split
from labels import labelled
from numpy.typing import NDArray
from teacher import Teacher

Image = NDArray[np.uint8]
FRAMES_A_CLIP = 60
FRAMES_A_FACE_FREE_CLIP = 130


@dataclass(frozen=True, slots=True)
class Item:
    """One packed picture: where its pixels lie, what it is, and its faces (xyxy box, five points, score)."""

    offset: int
    shape: tuple[int, int, int]
    kind: str
    name: str
    part: str
    faces: list[list[float]] = field(default_factory=list)


def read_clip(path: Path, every: int) -> Iterator[Image]:
    """Upright BGR frames, every n-th; a clip with damage gives the frames before and after it."""
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % every:
                continue
            image = frame.to_ndarray(format="bgr24")
            yield np.ascontiguousarray(np.rot90(image, frame.rotation // 90 % 4)) if frame.rotation else image


def count_frames(path: Path) -> int:
    """Decoded frames of a clip."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def fit_width(image: Image, width: int) -> Image:
    """Scale to `width` pixels: area when shrinking, linear when growing."""
    scale = width / image.shape[1]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, (width, max(1, round(image.shape[0] * scale))), interpolation=method)


def sources(data: Path) -> Iterator[tuple[str, str, str, Image, list[list[float]]]]:
    """(kind, name, part, picture, known faces) of everything that is not held out."""
    for path in sorted((data / "clips").glob("*/*")):
        name = f"{path.parent.name}/{path.name}"
        if path.suffix in {"", ".md"} or split.clip_part(name) == "test":
            continue
        free = name in split.FACE_FREE_CLIPS
        every = max(1, count_frames(path) // (FRAMES_A_FACE_FREE_CLIP if free else FRAMES_A_CLIP))
        for image in read_clip(path, every):
            small = fit_width(image, 640) if image.shape[1] > 640 else image
            yield "free" if free else "frame", name, split.clip_part(name), small, []
    for path in sorted((data / "crowds").glob("*.jpg")):
        if (part := split.crowd_part(path.name)) in {"train", "val"}:
            yield "crowd", f"crowds/{path.name}", part, cv2.imread(str(path)), []
    for face_set in split.FACE_SETS:
        yield from face_sources(data / "faces" / face_set)


def face_sources(folder: Path) -> Iterator[tuple[str, str, str, Image, list[list[float]]]]:
    """Face crops of one set with their labels."""
    for row, _, place in labelled(folder):
        part = split.face_part(row["from"], place)
        if part in {"train", "val"}:
            face = [*row["box"], *np.ravel(row["points"]).tolist(), row["score"]]
            yield "face", f"{folder.name}/{row['file']}", part, cv2.imread(str(folder / row["file"])), [face]


def teacher_faces(teacher: Teacher, image: Image, grow: float) -> list[list[float]]:
    """The teacher's faces (score >= 0.6) on the picture, enlarged first by `grow`."""
    big = fit_width(image, round(image.shape[1] * grow)) if grow != 1 else image
    faces = teacher.detect(big, 0.6)
    faces[:, :14] /= grow
    return faces.round(2).tolist()


def write(data: Path, out: Path, teacher: Teacher) -> list[Item]:
    """Write pixels.bin and items.json; returns the items."""
    items: list[Item] = []
    with (out / "pixels.bin").open("wb") as pixels:
        for kind, name, part, image, labels in sources(data):
            # Crowds are enlarged for the teacher: their faces are hard positives.
            faces = labels or teacher_faces(teacher, image, 2.0 if kind == "crowd" else 1.0)
            items.append(append(pixels, image, Item(0, (0, 0, 0), kind, name, part, faces)))
    (out / "items.json").write_text(json.dumps([asdict(item) for item in items]))
    return items


def append(pixels: BinaryIO, image: Image, item: Item) -> Item:
    """Append the pixels; returns the item with its place."""
    offset = pixels.tell()
    pixels.write(np.ascontiguousarray(image).tobytes())
    height, width, depth = image.shape
    return Item(offset, (height, width, depth), item.kind, item.name, item.part, item.faces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips/, faces/ and crowds/")
    parser.add_argument("--teacher", type=Path, required=True, help="yunet_n_dynamic.onnx")
    parser.add_argument("--out", type=Path, required=True, help="folder for pixels.bin and items.json")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    items = write(args.data, args.out, Teacher(args.teacher))
    kinds = {kind: sum(item.kind == kind for item in items) for kind in ("frame", "free", "crowd", "face")}
    print(kinds, "validation:", sum(item.part == "val" for item in items))


if __name__ == "__main__":
    main()
