"""Real faces, large and sharp enough to be blended with themselves, out of the mesh recipe's pack.

The pack is a folder with
    pixels.npy  uint8 RGB (n, 192, 192, 3): upright by the eyes, a face's mesh is about 109 px large
    items.npz   mesh float32 (n, 478, 2) in stored pixels (first pixel's centre at 0.5), name (n,)
                "folder/file" of a clip or "set/person", clip (n,) bool, part (n,) train | val | test,
                face_px (n,) extent of the mesh where it was found
Which person is in which part says models/training/detect_face/split.py. Soft faces are left out: only what is
sharp can be told from what was made soft.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FROM, STORE = 240, 192
TOO_TIGHT = ("celeb_crops",)
"""Sets whose pictures end where the face ends."""
Image = NDArray[np.uint8]


def detail(image: Image) -> float:
    """How much fine detail the middle of the picture has."""
    grey = cv2.cvtColor(image[48:-48, 48:-48], cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())


def chosen(
    source: Path, least_px: float, least_detail: float
) -> tuple[Image, dict[str, NDArray[np.generic]]]:
    """Pixels and rows of one of the two folders of the mesh recipe's pack."""
    items = np.load(source / "items.npz")
    pixels = np.memmap(source / "pixels.bin", np.uint8, "r").reshape(-1, FROM, FROM, 3)
    cut = slice((FROM - STORE) // 2, (FROM + STORE) // 2)
    sets = np.array([name.partition("/")[0] for name in items["name"]])
    rows, kept = [], []
    for row in np.flatnonzero((items["face_px"] >= least_px) & ~np.isin(sets, TOO_TIGHT)):
        image = np.ascontiguousarray(pixels[row][cut, cut, ::-1])
        if detail(image) >= least_detail:
            rows.append(int(row))
            kept.append(image)
    names = ("points", "name", "part", "face_px")
    table = {name: items[name][rows] for name in names}
    mesh = table.pop("points")[..., :2] - np.float32((FROM - STORE) / 2)
    clip = np.full(len(rows), source.name == "clips")
    return np.stack(kept), {**table, "mesh": mesh, "clip": clip}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mesh-pack", type=Path, required=True, help="made by models/training/mesh_face")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--least-px",
        type=float,
        default=60,
        help="extent of the mesh in its source; a smaller one is blown up",
    )
    parser.add_argument(
        "--least-detail", type=float, default=3, help="mean absolute Laplacian of the face, grey levels"
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    pixels, tables = zip(
        *(chosen(args.mesh_pack / what, args.least_px, args.least_detail) for what in ("clips", "faces")),
        strict=True,
    )
    np.save(args.out / "pixels.npy", np.concatenate(pixels))
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    np.savez(args.out / "items.npz", **columns)
    for part in ("train", "val", "test"):
        here = columns["part"] == part
        names = len(set(columns["name"][here].tolist()))
        print(part, int(here.sum()), "faces,", names, "people or clips,", int(columns["clip"][here].sum()))


if __name__ == "__main__":
    main()
