"""Label every face with the teacher, and pack aligned crops once.

The pack is two folders, clips and faces, each with
    pixels.bin  uint8 BGR crops, 240 x 240 x 3 each, one behind the other: upright by the eyes, side 2.2 times
                the larger side of the mesh's extent (a face is about 109 px); black outside the picture
    items.npz   points (n, 478, 3) float32 in crop pixels (first pixel's centre at 0.5), presence (n,),
                blendshapes (n, 52), face_px (n,) extent of the mesh in the source's pixels, name (n,) clip
                "folder/file" or "set/person", frame (n,) index in the clip or 0, part (n,) train | val | test

Clips give frames spread over their length; test and validation clips give runs of consecutive frames. The
crop of a frame follows from the teacher's own mesh of the frame before, or from the detector, refined once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from landmarker import MeshTeacher, crop_of_face, crop_of_mesh, move, warp
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import split  # the held-out people are the same throughout the project
from labels import labelled

STORE, STORE_ROOM = 240, 2.2
FRAMES_A_CLIP, RUN, MIN_FACE_PX, MIN_PRESENCE = 100, 60, 40, 0.9
Image = NDArray[np.uint8]


class Pack:
    """The open pixel file and the rows so far."""

    def __init__(self, out: Path) -> None:
        self.out, self.rows = out, dict[str, list[Any]]()
        self.pixels = (out / "pixels.bin").open("wb")

    def add(self, image: Image, mesh: NDArray[np.float32], teacher: MeshTeacher, **row: Any) -> None:
        """Store the aligned crop and what the teacher says of it."""
        matrix = crop_of_mesh(mesh, STORE, STORE_ROOM)
        points = move(mesh, matrix)
        self.pixels.write(np.ascontiguousarray(warp(image, matrix, STORE)).tobytes())
        row |= {"points": points, "blendshapes": teacher.blendshapes(points)}
        row["face_px"] = float(np.ptp(mesh[:, :2], 0).max())
        for key, value in row.items():
            self.rows.setdefault(key, []).append(value)

    def close(self) -> None:
        """Write the rows."""
        self.pixels.close()
        columns = {key: np.array(values) for key, values in self.rows.items()}
        np.savez(
            self.out / "items.npz",
            **{k: v.astype(np.float32) if v.dtype == float else v for k, v in columns.items()},
        )


def read_clip(path: Path) -> Iterator[Image]:
    """Upright BGR frames."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            image = frame.to_ndarray(format="bgr24")
            yield np.ascontiguousarray(np.rot90(image, frame.rotation // 90 % 4)) if frame.rotation else image


def count_frames(path: Path) -> int:
    """Decoded frames of a clip."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


class Finder:
    """The largest face of a picture: YuNet on 640 pixels of width."""

    def __init__(self, model: Path) -> None:
        self._net = cv2.FaceDetectorYN.create(str(model), "", (640, 640), 0.75)

    def __call__(self, image: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Box (xyxy) and five points in viewer order, or None."""
        scale = 640 / image.shape[1]
        small = cv2.resize(image, (640, max(1, round(image.shape[0] * scale))), interpolation=cv2.INTER_AREA)
        self._net.setInputSize(small.shape[1::-1])
        faces = self._net.detect(small)[1]
        if faces is None:
            return None
        face = faces[np.argmax(faces[:, 2] * faces[:, 3])].astype(float) / scale
        return np.r_[face[:2], face[:2] + face[2:4]], face[4:14].reshape(5, 2)


def first_mesh(teacher: MeshTeacher, image: Image, box: Any, five: Any) -> tuple[NDArray[np.float32], float]:
    """The mesh by the detector's crop, then once more by its own."""
    mesh, _ = teacher.on(image, crop_of_face(np.asarray(box, float), np.asarray(five, float), 256))
    return teacher.on(image, crop_of_mesh(mesh, 256))


def clip_rows(
    path: Path, part: str, teacher: MeshTeacher, find: Finder
) -> Iterator[tuple[int, Image, Any, float]]:
    """(frame, picture, mesh, presence): spread over a training clip, else consecutive runs."""
    total = count_frames(path)
    step = max(1, total // FRAMES_A_CLIP)
    starts = (total // 3,) if part != "train" else ()
    mesh = None
    for index, image in enumerate(read_clip(path)):
        wanted = index % step == 0 if part == "train" else any(s <= index < s + RUN for s in starts)
        if not wanted:
            mesh = None
            continue
        if mesh is None or step > 1:
            found = find(image)
            if found is None:
                mesh = None
                continue
            mesh, chance = first_mesh(teacher, image, *found)
        else:
            mesh, chance = teacher.on(image, crop_of_mesh(mesh, 256))
        if chance < MIN_PRESENCE or np.ptp(mesh[:, :2], 0).max() < MIN_FACE_PX:
            mesh = None
            continue
        yield index, image, mesh, chance


def pack_clips(pack: Pack, data: Path, teacher: MeshTeacher, find: Finder) -> None:
    """All clips but the ones without faces and the face-swapped one."""
    for path in sorted((data / "clips").glob("*/*")):
        name = f"{path.parent.name}/{path.name}"
        if path.suffix in {"", ".md"} or name in split.FACE_FREE_CLIPS or "deepfakes" in name:
            continue
        part, before = split.clip_part(name), len(pack.rows.get("frame", []))
        for index, image, mesh, chance in clip_rows(path, part, teacher, find):
            pack.add(image, mesh, teacher, presence=chance, name=name, frame=index, part=part)
        print(name, part, len(pack.rows.get("frame", [])) - before, flush=True)


def pack_faces(pack: Pack, data: Path, teacher: MeshTeacher) -> None:
    """The sets of face crops, by their labels."""
    for face_set in split.FACE_SETS:
        folder = data / "faces" / face_set
        for row, person, place in labelled(folder):
            part = split.face_part(row["from"], place)
            if part == "unused":
                continue
            image = cv2.imread(str(folder / row["file"]))
            box, five = np.array(row["box"]), np.array(row["points"])
            mesh, chance = teacher.on(image, crop_of_face(box, five, 256))
            if chance >= MIN_PRESENCE:
                name = f"{face_set}/{person}"
                pack.add(image, mesh, teacher, presence=chance, name=name, frame=0, part=part)
        print(face_set, len(pack.rows["frame"]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with clips/ and faces/")
    parser.add_argument("--teachers", type=Path, required=True, help="folder with the two MediaPipe nets")
    parser.add_argument("--detector", type=Path, required=True, help="yunet_n_640_640.onnx")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--what", choices=("clips", "faces"), required=True, help="each goes to its own folder in OUT"
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    out = args.out / args.what
    out.mkdir(parents=True, exist_ok=True)
    pack, teacher = Pack(out), MeshTeacher(args.teachers)
    if args.what == "clips":
        pack_clips(pack, args.data, teacher, Finder(args.detector))
    else:
        pack_faces(pack, args.data, teacher)
    pack.close()


if __name__ == "__main__":
    main()
