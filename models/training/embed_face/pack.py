"""Align every labelled face once, with room around it, and note where its features lie.

The pack is a folder with
    pixels.npy  uint8 BGR (n, 160, 160, 3): the arcface112 crop with 24 pixels more on every side
    items.npz   points (n, 478, 2) float32 in stored pixels (by vidface-facemesh), name (n,) "set/person",
                part (n,) train | val | test, kind (n,) picture | clip
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
import people
import split
from labels import labelled
from numpy.typing import NDArray

from vidface.vision.align import to_template
from vidface.vision.meshcrop import crop_of_landmarks
from vidface.vision.meshtopology import five_of_mesh

STORE, MARGIN, MESH_SIDE = 160, 24, 160
Image = NDArray[np.uint8]
Float = NDArray[np.float64]


def warp(image: Image, matrix: Float, side: int) -> Image:
    """`matrix` counts pixels from corners, OpenCV from centres; area filter where the crop shrinks."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.7:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = matrix.copy()
        matrix[:, :2] /= scale
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(image, shift, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def aligned(image: Image, five: Any) -> tuple[Image, Float]:
    """The stored crop and its matrix."""
    matrix = to_template(five, "arcface112")
    matrix[:, 2] += MARGIN
    return warp(image, matrix, STORE), matrix


class Mesh:
    """478 points of an upright face."""

    def __init__(self, model: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]).run

    def __call__(self, image: Image, five: Any) -> NDArray[np.float32]:
        """(478, 2) in pixels of `image`."""
        matrix = crop_of_landmarks(five, MESH_SIDE)
        crop = cv2.cvtColor(warp(image, matrix, MESH_SIDE), cv2.COLOR_BGR2RGB)
        points = self._run(["points"], {"image": crop.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        back = cv2.invertAffineTransform(matrix)
        return (points[:, :2] @ back[:, :2].T + back[:, 2]).astype(np.float32)


def pictures(data: Path, mesh: Mesh) -> Iterator[tuple[Image, NDArray[np.float32], str, str, str]]:
    """Every labelled face crop of the sets: stored crop, points, name, part, kind."""
    for face_set in split.FACE_SETS:
        for row, person, place in labelled(data / "faces" / face_set):
            part = people.part_of(face_set, row["from"], place)
            if part == "unused":
                continue
            image = cv2.imread(str(data / "faces" / face_set / row["file"]))
            crop, matrix = aligned(image, row["points"])
            five = np.asarray(row["points"]) @ matrix[:, :2].T + matrix[:, 2]
            yield crop, mesh(crop, five), f"{face_set}/{person}", part, "picture"
        print(face_set, flush=True)


def clip_frames(mesh_pack: Path) -> Iterator[tuple[Image, NDArray[np.float32], str, str, str]]:
    """Frames of the training clips, from the pack that the mesh was trained on."""
    items = np.load(mesh_pack / "clips" / "items.npz")
    pixels = np.memmap(mesh_pack / "clips" / "pixels.bin", np.uint8, "r").reshape(-1, 240, 240, 3)
    for row in np.flatnonzero((items["part"] == "train") & (items["face_px"] >= 70)):
        points = items["points"][row][:, :2]
        crop, matrix = aligned(np.array(pixels[row]), five_of_mesh(points))
        yield (
            crop,
            (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32),
            str(items["name"][row]),
            "train",
            "clip",
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--mesh-pack", type=Path, help="pack of ../mesh_face, for frames of clips too")
    parser.add_argument("--mesh", type=Path, required=True, help="models/vidface-facemesh/model.onnx")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    mesh, rows = Mesh(args.mesh), list[tuple[Image, NDArray[np.float32], str, str, str]]()
    rows += pictures(args.data, mesh)
    if args.mesh_pack is not None:
        rows += clip_frames(args.mesh_pack)
    crops, points, names, parts, kinds = zip(*rows, strict=True)
    np.save(args.out / "pixels.npy", np.stack(crops))
    np.savez(args.out / "items.npz", points=np.stack(points), name=names, part=parts, kind=kinds)
    print(len(rows), "faces")


if __name__ == "__main__":
    main()
