r"""What the restorer gains for groups of people and kinds of pictures, on held-out pictures set in motion.

python groups.py --data DATA --mesh ../../vidface-facemesh/model.onnx --independent TEACHER \
    --out ../../vidface-restore/groups.json

Every picture becomes four frames that move a little, is made bad at the level medium and restored crop by
crop; the last frame is compared with the clean one. Shown is half of the change, its wide shades off, as
restore.face does; there is no mask, so the whole crop counts. Sex is known of the well-known people of one
set alone; skin tone is measured from the picture, light included; age is not known of anybody.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "embed_face"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import people
from labels import labelled
from pack_tools import Mesh, of_five, scale_of, warp
from skintone import typology_angle
from views import CROP, MARGIN, STORE, Sequence, sequence

from vidface.cli._restorejudge import open_judge, placed
from vidface.data import Device
from vidface.eval import pictures
from vidface.media.degrade import LEVELS
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.restore._network import RestoreNetwork
from vidface.vision.align import TEMPLATES
from vidface.vision.meshtopology import five_of_mesh
from vidface.vision.paste import colour_matched
from vidface.vision.skinpatches import patch_rings

WOMEN = ("Halle_Berry", "Jessica_Alba", "Miley_Cyrus", "Victoria_Beckham")
SHARE = 0.5
FRAMES = 4
A_PERSON = 10
"""Pictures of one person at most."""
LEAST = {"web_portraits": 0.5, "celeb_crops": 0.35, "us_congress_hi": 0.6}
"""Source pixels a pixel of the crop."""
STEPS = {"web_portraits": 1, "celeb_crops": 1, "us_congress_hi": 4}
"""Every so manieth picture of a set is taken."""
TURNED = 0.28
"""Of the distance between the eyes: how far the nose lies beside their middle, at about 25 degrees of yaw."""
DARK = 0.3
"""Light that is left of a picture made dark."""


class Portrait(NamedTuple):
    """A held-out picture on the recipe's canvas, 320 x 320 RGB, and what is known of it."""

    image: NDArray[np.uint8]
    face_set: str
    person: str
    skin: float
    aside: float
    grey: bool


def portraits(data: Path, face_set: str, mesh: Mesh) -> Iterator[Portrait]:
    """Pictures of people that neither the restorer nor the judge was trained with."""
    folder = data / "faces" / face_set
    taken: dict[str, int] = {}
    for row, person, place in labelled(folder):
        if people.part_of(face_set, row["from"], place) != "test" or taken.get(person, 0) >= A_PERSON:
            continue
        bgr = cv2.imread(str(folder / row["file"]))
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        points = mesh(rgb, np.array(row["points"]))
        five = five_of_mesh(points[None])[0]
        matrix = of_five(five, MARGIN)
        if 1 / scale_of(matrix) < LEAST[face_set]:
            continue
        taken[person] = taken.get(person, 0) + 1
        eyes = five[1] - five[0]
        aside = abs(float((five[2] - five[:2].mean(0)) @ eyes / (eyes @ eyes)))
        yield Portrait(
            warp(rgb, matrix, STORE), face_set, person, skin_angle(rgb, points), aside, bool(row["grey"])
        )


def skin_angle(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> float:
    """Typology angle of the cheeks, degrees: larger is lighter; 0 where they are not in the picture."""
    cheeks = np.zeros(rgb.shape[:2], np.uint8)
    for ring in patch_rings(points)[-2:]:
        cv2.fillPoly(cheeks, [np.rint(ring).astype(np.int32)], 1)
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[cheeks > 0]
    return typology_angle(lab) if len(lab) else 0.0


def restored(network: RestoreNetwork, made: Sequence) -> NDArray[np.uint8]:
    """The last frame, as it is shown."""
    state, crop = network.blank()[None], made.seen[-1]
    for one in made.seen:
        found = network(one[None], state, np.zeros((1, network.known), np.float32))
        state, crop = found.states, found.crops[0]
    change = colour_matched(crop - made.seen[-1], np.ones((CROP, CROP), np.float32))
    return np.asarray(np.clip(made.seen[-1] + SHARE * change + 0.5, 0, 255), np.uint8)


def likeness(judges: dict[str, Any], crops: list[NDArray[np.uint8]]) -> dict[str, list[float]]:
    """Cosines of all crops but the last to the last one, by judge."""
    five = TEMPLATES["ffhq512"].points * (CROP / TEMPLATES["ffhq512"].size)
    found = {}
    for name, judge in judges.items():
        size = (judge.size, judge.size)
        looks = [frame_from_rgb(crop).crop(placed(judge, five), size) for crop in crops]
        vectors = judge(np.stack(looks)).vectors
        found[name] = (vectors[:-1] @ vectors[-1]).tolist()
    return found


def row_of(one: Portrait, network: RestoreNetwork, judges: dict[str, Any], seed: int) -> dict[str, float]:
    """What restoration gains on a picture."""
    rng = np.random.default_rng(seed)
    made = sequence(one.image[None], FRAMES, rng, LEVELS["medium"])
    seen, clean, shown = made.seen[-1], made.clean[-1], restored(network, made)
    everywhere = np.ones((CROP, CROP), np.bool_)
    row = {
        "psnr_before": pictures.psnr(seen, clean, everywhere),
        "psnr_db": pictures.psnr(shown, clean, everywhere) - pictures.psnr(seen, clean, everywhere),
        "ssim": pictures.ssim(shown, clean, everywhere) - pictures.ssim(seen, clean, everywhere),
    }
    for name, (before, after) in likeness(judges, [seen, shown, clean]).items():
        row |= {f"{name}_before": before, name: after - before}
    return row


def groups_of(found: list[Portrait]) -> dict[str, list[int]]:
    """Name of a group -> its rows."""
    web = [row for row, one in enumerate(found) if one.face_set == "web_portraits" and not one.grey]
    order = sorted(web, key=lambda row: found[row].skin)
    third = len(order) // 3
    known = [row for row, one in enumerate(found) if one.face_set == "celeb_crops"]
    return {
        "skin, darkest third": order[:third],
        "skin, middle third": order[third : len(order) - third],
        "skin, lightest third": order[len(order) - third :],
        "women": [row for row in known if found[row].person in WOMEN],
        "men": [row for row in known if found[row].person not in WOMEN],
        "seen from the front": [row for row, one in enumerate(found) if one.aside < TURNED],
        "turned, beyond about 25 degrees": [row for row, one in enumerate(found) if one.aside >= TURNED],
        "grey pictures": [row for row, one in enumerate(found) if one.grey],
    }


def summary(rows: list[dict[str, float]], members: list[int], found: list[Portrait]) -> dict[str, float]:
    """Means, and of the gains the standard error over people."""
    out: dict[str, float] = {"pictures": len(members), "people": len({found[row].person for row in members})}
    for name in rows[0] if members else ():
        each: dict[str, list[float]] = {}
        for row in members:
            each.setdefault(found[row].person, []).append(rows[row][name])
        means = np.array([np.mean(values) for values in each.values()])
        out[name] = round(float(means.mean()), 4)
        if len(means) > 1:
            out[f"{name}_error"] = round(float(means.std(ddof=1) / np.sqrt(len(means))), 4)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--mesh", type=Path, required=True, help="models/vidface-facemesh/model.onnx")
    parser.add_argument("--independent", required=True, help="another judge: an ONNX file")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    mesh, network = Mesh(args.mesh), RestoreNetwork("vidface-restore", Device())
    judges = {"ids": open_judge("vidface-embed"), "ids_independent": open_judge(args.independent)}
    found = [
        one for face_set, step in STEPS.items() for one in [*portraits(args.data, face_set, mesh)][::step]
    ]
    rows = [row_of(one, network, judges, place) for place, one in enumerate(found)]
    table = {name: summary(rows, members, found) for name, members in groups_of(found).items()}
    dim = [row for row, one in enumerate(found) if one.face_set == "web_portraits"][::3]
    darker = [found[row]._replace(image=np.rint(found[row].image * DARK).astype(np.uint8)) for row in dim]
    dark = [row_of(one, network, judges, place) for place, one in zip(dim, darker, strict=True)]
    table["every third web portrait"] = summary(rows, dim, found)
    table["the same, made dark"] = summary(dark, list(range(len(dark))), darker)
    args.out.write_text(json.dumps({"level": "medium", "share": SHARE, "groups": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
