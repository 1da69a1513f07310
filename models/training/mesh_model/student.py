"""What pose and measures make of a mesh network's points instead of the teacher's, on held-out clips."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from answers import LEAST, columns
from labels import Labels
from numpy.typing import NDArray
from turned import SIDE

from vidface.data.device import Device
from vidface.infer import session
from vidface.nodes.mesh.measures import KINDS

sys.path.append(str(Path(__file__).resolve().parents[1] / "mesh_face"))
from landmarker import crop_of_mesh, inverse, move, warp

STATES = ("blink_left", "blink_right", "blink_count")


def meshes_of(network: session.Model, images: NDArray[np.uint8], around: NDArray[np.float32]) -> Any:
    """n x 478 x 3 points of the network on BGR pictures, each seen through the crop around a mesh."""
    size = int(network.inputs[0].shape[2] or 0)
    found = []
    for image, mesh in zip(images, around, strict=True):
        matrix = crop_of_mesh(mesh, size)
        blob = warp(np.array(image), matrix, size)[None, :, :, ::-1].transpose(0, 3, 1, 2)
        points = network(np.ascontiguousarray(blob, np.float32))["points"][0]
        found.append(move(points, inverse(matrix)))
    return np.array(found, np.float32)


def compare(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """From ((columns, angles) of the teacher's mesh, the same of the network's) of each clip."""
    names = [kind.name for kind in KINDS]
    table = {}
    for place, name in enumerate(names):
        rows = []
        for (theirs, _), (ours, _) in pairs:
            known = np.isfinite(theirs[:, place]) & np.isfinite(ours[:, place])
            if name not in STATES and known.sum() >= LEAST and theirs[known, place].std() > 1e-3:
                rows.append(float(np.corrcoef(theirs[known, place], ours[known, place])[0, 1]))
        if rows:
            table[name] = round(float(np.median(rows)), 3)
    shut = [names.index("blink_left"), names.index("blink_right")]
    theirs = np.concatenate([a[0][:, shut] == 1 for a, _ in pairs])
    ours = np.concatenate([b[0][:, shut] == 1 for _, b in pairs])
    angles = np.concatenate([np.abs(a[1] - b[1]) for a, b in pairs]).mean(axis=0, dtype=np.float64)
    return {
        "clips": len(pairs),
        "correlation_median": table,
        "pose_difference_deg": dict(zip(("yaw", "pitch", "roll"), angles.round(2).tolist(), strict=True)),
        "shut_on_teacher": int(theirs.sum()),
        "shut_on_network": int(ours.sum()),
        "shut_on_both": int((ours & theirs).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of labelled meshes")
    parser.add_argument("--model", type=Path, required=True, help="folder of metrics.json")
    parser.add_argument("--network", default="vidface-facemesh", help="name of the mesh network")
    args = parser.parse_args()
    network = session.load(args.network, Device(), threads=1)
    labels = Labels.read(args.pack)
    rows = np.flatnonzero((labels.part != "train") & ~labels.portrait)
    held = labels.pick(rows)
    pixels = np.memmap(args.pack / "clips" / "pixels.bin", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    pairs = []
    for group in held.groups(least=LEAST):
        order = group[np.argsort(held.frame[group])]
        points = held.points[order]
        pairs.append((columns(points), columns(meshes_of(network, pixels[rows[order]], points))))
    found = {"network": args.network, "sha256": network.sha256} | compare(pairs)
    path = args.model / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"network": found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
