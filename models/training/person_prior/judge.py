"""How the tests with references do on people held out: one picture each against references of theirs.

    python judge.py --data DATA --out ../../vidface-person/heldout.json

Eight well-known people (`people.TEST_CELEBRITIES`), up to 24 pictures each as they are labelled, some
wrongly. References and probes are drawn 400 times; swaps are put together from the inside of one face and the
outside of another, as read. Nothing is fitted to them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from fit import auc
from numpy.typing import NDArray
from pack import MOST, pictures, test_people

from vidface.data import Device
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.infer import weights
from vidface.infer.embedder import Embedder
from vidface.vision.facegeometry import SIZE, shape_of
from vidface.vision.faceparts import only
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.personlook import MOST_PITCH_DEG, MOST_YAW_DEG, Look
from vidface.vision.personprior import PersonPrior
from vidface.vision.personscore import Appearance, Geometry, InnerOuter

COUNTS = (1, 4, 8)
DRAWS = 400


def looks_of(found: dict[str, list[Any]]) -> list[Look]:
    """A look of each picture."""
    embedder = Embedder("vidface-embed", Device())
    fitter = MeshFitter(MeshModel.load(weights.verify("vidface-meshmodel").path), one_person=True)
    crops, masks = np.stack(found["crop"]), np.stack(found["mask"]).astype(np.float32) / 255
    whole = embedder(crops)
    inner = embedder(np.stack([only(crop, mask) for crop, mask in zip(crops, masks, strict=True)])).vectors
    outer = embedder(
        np.stack([only(crop, 1 - mask) for crop, mask in zip(crops, masks, strict=True)])
    ).vectors
    embedder.close()
    looks = []
    for n, (yaw, pitch, _) in enumerate(np.asarray(found["angles"]).tolist()):
        frontal = abs(yaw) < MOST_YAW_DEG and abs(pitch) < MOST_PITCH_DEG
        shape = shape_of([found["mesh"][n]], fitter) if frontal else np.full(SIZE, np.nan)
        looks.append(
            Look(whole.vectors[n], float(whole.recognisability[n]), inner[n], outer[n], shape, yaw, pitch,
                 35.0, vectors=1, parts=1, meshes=int(frontal))
        )  # fmt: skip
    return looks


def references_of(looks: list[Look]) -> PersonReferences:
    """Each look is a picture of its own."""
    count = len(looks)
    return PersonReferences(
        *("", "e", "m"),
        sources=tuple(ReferenceSource(str(n), "", clip=False) for n in range(count)),
        source=np.arange(count),
        vectors=np.stack([look.vector for look in looks]),
        inner=np.stack([look.inner for look in looks]),
        outer=np.stack([look.outer for look in looks]),
        recognisability=np.array([look.recognisability for look in looks], np.float32),
        shapes=np.stack([look.shape for look in looks]),
        angles=np.array([(look.yaw, look.pitch) for look in looks], np.float32),
        eyes_px=np.full(count, 35, np.float32),
    )


def judge(looks: list[Look], person: NDArray[np.str_], count: int, prior: PersonPrior) -> dict[str, Any]:
    """Scores of one's own pictures, of strangers' and of swaps, with `count` references."""
    rng = np.random.default_rng(count)
    scores: dict[str, list[float]] = {
        name: [] for name in ("own", "other", "parts", "onto", "into", "shape", "shape_other")
    }
    for _ in range(DRAWS):
        who = rng.choice(np.unique(person))
        mine = rng.permutation(np.flatnonzero(person == who))
        stranger = looks[int(rng.choice(np.flatnonzero(person != who)))]
        known = references_of([looks[place] for place in mine[:count]])
        probe = looks[int(mine[count])]
        appearance, parts = Appearance(known, prior), InnerOuter(known, prior)
        scores["own"].append(appearance(probe).score)
        scores["other"].append(appearance(stranger).score)
        scores["parts"].append(parts(probe).score)
        scores["onto"].append(parts(probe._replace(outer=stranger.outer)).score)
        scores["into"].append(parts(probe._replace(inner=stranger.inner)).score)
        if known.shaped.any() and probe.meshes and stranger.meshes:
            shape = Geometry(known, prior)
            scores["shape"].append(shape(probe).score)
            scores["shape_other"].append(shape(stranger).score)
    found = {name: np.asarray(values) for name, values in scores.items()}
    own, other = found["own"], found["other"]
    return {
        "references": count,
        "appearance_own_mean_sd": [round(float(own.mean()), 2), round(float(own.std()), 2)],
        "appearance_other_mean_sd": [round(float(other.mean()), 2), round(float(other.std()), 2)],
        "own_above_3": round(float((own > 3).mean()), 4),
        "auc_appearance": round(auc(other, own), 4),
        "auc_claimed_face_on_somebody": round(auc(found["onto"], found["parts"]), 4),
        "auc_other_face_on_the_person": round(auc(found["into"], found["parts"]), 4),
        "auc_geometry": round(auc(found["shape_other"], found["shape"]), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=24, help=f"pictures of a person, up to {MOST}")
    given = parser.parse_args()
    rows = test_people(given.data / "faces" / "celeb_crops")
    found = pictures({person: own[: given.most] for person, own in rows.items()})
    prior = PersonPrior.load(weights.verify("vidface-person").path)
    looks, person = looks_of(found), np.asarray(found["person"])
    told = {"people": len(np.unique(person)), "pictures": len(looks)}
    told |= {f"with_{count}": judge(looks, person, count, prior) for count in COUNTS}
    given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
