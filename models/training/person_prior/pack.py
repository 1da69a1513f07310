"""What people's looks, shapes and movements are read from: people and clips that train or validate.

    python pack.py --data DATA --out PACK
    python pack.py --data DATA --out VAL --part val

`people.npz`: up to 40 pictures of each training person of celeb_crops, aligned (arcface112), with mesh and
pose. `many.npz`: the same of one picture each of 400 other training people. `clips.pkl`: the recordings
of the training clips that show real people (the generated ones are left out), as `vidface references`
reads them.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vidface.cli._references_read import Reader
from vidface.data import Device
from vidface.errors import VidfaceError
from vidface.infer import weights
from vidface.media.stills import still_frame
from vidface.nodes.mesh._network import MeshNetwork
from vidface.vision.align import to_template
from vidface.vision.facemask import outline_of_mesh
from vidface.vision.faceparts import hull_mask
from vidface.vision.meshcrop import crop_of_landmarks, crop_of_mesh
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import five_of_mesh
from vidface.vision.rigid import angles_of

sys.path.append(str(Path(__file__).resolve().parents[1] / "embed_face"))
import people
import split
from labels import labelled

MOST = 40
MANY = {"web_portraits": 200, "uk_parliament": 100, "us_congress_hi": 100}
GENERATED = ("talking/echomimic", "talking/vexpress")
NO_FACE_OF_USE = (*split.FACE_FREE_CLIPS, "scenes/store-aisle-detection.gif")


def pictures(rows: dict[str, list[tuple[Path, Any]]]) -> dict[str, list[Any]]:
    """Person -> files with landmarks, to aligned crops, masks, meshes and angles."""
    network = MeshNetwork("vidface-facemesh", Device())
    model = MeshModel.load(weights.verify("vidface-meshmodel").path)
    found: dict[str, list[Any]] = {name: [] for name in ("person", "crop", "mask", "mesh", "angles")}
    for person, own in sorted(rows.items()):
        for path, landmarks in own:
            read = _picture(path, landmarks, network, model)
            if read is not None:
                for name, value in zip(found, (person, *read), strict=True):
                    found[name].append(value)
    network.close()
    return found


def known_people(root: Path, part: str) -> dict[str, list[tuple[Path, Any]]]:
    """Pictures of the people of celeb_crops that train or validate."""
    by_person: dict[str, list[tuple[Path, Any]]] = {}
    for row, person, place in labelled(root):
        if people.part_of("celeb_crops", row["from"], place) == part:
            own = by_person.setdefault(person, [])
            own.append((root / row["file"], np.asarray(row["points"], np.float32)))
    return {person: own[:: max(1, len(own) // MOST)][:MOST] for person, own in by_person.items()}


def test_people(root: Path) -> dict[str, list[tuple[Path, Any]]]:
    """Pictures of the people held out, for judge.py alone."""
    return known_people(root, "test")


def many_people(root: Path) -> dict[str, list[tuple[Path, Any]]]:
    """One colour picture each of training people of the other sets."""
    found: dict[str, list[tuple[Path, Any]]] = {}
    for face_set, count in MANY.items():
        own = [
            row
            for row, _, place in labelled(root / face_set)
            if not row["grey"] and split.face_part(row["from"], place) == "train"
        ]
        for row in own[:: max(1, len(own) // count)][:count]:
            points = np.asarray(row["points"], np.float32)
            found[f"{face_set}/{row['from']}"] = [(root / face_set / row["file"], points)]
    return found


def _picture(path: Path, landmarks: Any, network: MeshNetwork, model: MeshModel) -> tuple[Any, ...] | None:
    frame = still_frame(path)
    try:
        first = network(frame, [crop_of_landmarks(landmarks, network.size)])
        read = network(frame, [crop_of_mesh(first.points[0], network.size)])
    except ValueError:
        return None
    if read.presence[0] < 0.5:
        return None
    points = read.points[0]
    way = to_template(five_of_mesh(points), "arcface112")
    outline = outline_of_mesh(points, forehead=0.06, grow=0.0)
    mask = hull_mask(outline @ way[:, :2].T + way[:, 2], 112)
    angles = angles_of(model.place(points[None]).similarity.rotations)[0]
    return frame.crop(way, (112, 112)), np.round(mask * 255).astype(np.uint8), points, angles


def clips(root: Path, out: Path, part: str) -> None:
    """Recordings of the clips that train or validate, written one by one."""
    found: dict[str, Any] = {}
    with Reader("vidface-embed") as reader:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            wanted = path.is_file() and path.suffix not in ("", ".md", ".txt")
            if not wanted or split.clip_part(name) != part or name.startswith(GENERATED):
                continue
            if name in NO_FACE_OF_USE or name.startswith("openh264/"):
                continue
            try:
                found[name] = reader(path)
            except VidfaceError as error:
                print(name, error)
                continue
            print(name, len(found[name].samples), found[name].problem, flush=True)
            out.write_bytes(pickle.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="holds clips/ and faces/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=("people", "many", "clips"))
    parser.add_argument("--part", choices=("train", "val"), default="train")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    faces = given.data / "faces"
    for name, rows in (
        ("people", known_people(faces / "celeb_crops", given.part) if given.only in (None, "people") else {}),
        ("many", many_people(faces) if given.only in (None, "many") and given.part == "train" else {}),
    ):
        if rows:
            found = {key: np.asarray(column) for key, column in pictures(rows).items()}
            np.savez_compressed(given.out / f"{name}.npz", **found)
            print(name, len(found["person"]), flush=True)
    if given.only in (None, "clips"):
        clips(given.data / "clips", given.out / "clips.pkl", given.part)


if __name__ == "__main__":
    main()
