"""Fit the prior of vidface-person to what pack.py read, and write weights and figures.

    python fit.py --pack PACK --out ../../vidface-person

What is fitted: how like its own person's references a picture is (by how many references there are and by
how recognisable it is), the same for the inside and the outside of the face alone, how far one person's
distances lie apart between pictures, what is usual of windows of movement, and how an embedding wanders
within a track. Figures on the same people say how well the tests part them; people held out are
not touched here.
"""

from __future__ import annotations

import argparse
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from fit_clips import drift_of, manner_of, shapes_in_video
from numpy.typing import NDArray

from vidface.data import Device
from vidface.infer import weights
from vidface.infer.embedder import Embedder
from vidface.vision.facegeometry import SIZE, pose_terms, shape_of
from vidface.vision.faceparts import only
from vidface.vision.looks import fuse
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.personlook import MOST_PITCH_DEG, MOST_YAW_DEG
from vidface.vision.personprior import PersonPrior, terms
from vidface.vision.shrink import seen_at

Array = NDArray[np.float64]

SIDES = (112, 48, 24, 16)
COUNTS = (1, 2, 3, 4, 6, 8, 12)
DRAWS = 600
WRONG_LABEL = 0.25
FAR = 4.0


class Views:
    """Embeddings of pictures as if seen with so many pixels: whole, inside, outside."""

    def __init__(self, embedder: Embedder, pack: Any) -> None:
        masks = pack["mask"].astype(np.float32) / 255
        crops = pack["crop"]
        self.person = pack["person"]
        self.rows: dict[int, dict[str, Any]] = {}
        for side in SIDES:
            seen = seen_at(crops, side)
            inside = np.stack([only(crop, mask) for crop, mask in zip(seen, masks, strict=True)])
            outside = np.stack([only(crop, 1 - mask) for crop, mask in zip(seen, masks, strict=True)])
            whole = embedder(seen)
            self.rows[side] = {
                "whole": whole.vectors,
                "sure": whole.recognisability,
                "inner": embedder(inside).vectors,
                "outer": embedder(outside).vectors,
            }

    def pick(self, keep: NDArray[np.bool_]) -> None:
        """Leave pictures out."""
        self.person = self.person[keep]
        for row in self.rows.values():
            for name, values in row.items():
                row[name] = values[keep]


def rightly_labelled(views: Views) -> NDArray[np.bool_]:
    """Pictures whose median likeness to their person's others is not far below that of these."""
    vectors = views.rows[112]["whole"]
    keep = np.zeros(len(vectors), np.bool_)
    for person in np.unique(views.person):
        own = np.flatnonzero(views.person == person)
        middle = np.median(vectors[own] @ vectors[own].T, axis=1)
        keep[own] = middle > np.median(middle) - WRONG_LABEL
    return keep


def around(vectors: Any, mean: Array) -> Array:
    """Unit vectors around a mean."""
    away = np.asarray(vectors, np.float64) - mean
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True))


def likeness(views: Views, means: dict[str, Array]) -> tuple[dict[str, Array], Array, dict[str, Any]]:
    """Fit `whole`, `inner`, `outer` (2 x TERMS each) and `parted`; figures by the way."""
    rng = np.random.default_rng(0)
    people = np.unique(views.person)
    facts: list[Array] = []
    own: dict[str, list[float]] = {name: [] for name in means}
    other: dict[str, list[float]] = {name: [] for name in means}
    units = {(side, name): around(views.rows[side][name], means[name]) for side in SIDES for name in means}
    for _ in range(DRAWS):
        count, person = COUNTS[rng.integers(len(COUNTS))], people[rng.integers(len(people))]
        mine = rng.permutation(np.flatnonzero(views.person == person))
        if len(mine) < count + 4:
            continue
        strangers = rng.permutation(np.flatnonzero(views.person != person))[:4]
        centre = {name: fuse(units[112, name][mine[:count]]).astype(np.float64) for name in means}
        for place, stranger in zip(mine[count : count + 4], strangers, strict=True):
            side = SIDES[rng.integers(len(SIDES))]
            facts.append(terms(count, float(views.rows[side]["sure"][place])))
            for name in means:
                own[name].append(float(units[side, name][place] @ centre[name]))
                other[name].append(float(units[side, name][stranger] @ centre[name]))
    table = np.stack(facts)
    fits = {name: _line(table, np.asarray(own[name])) for name in means}
    whole = {name: _sigmas(table, np.asarray(own[name]), fits[name]) for name in means}
    away = {name: _sigmas(table, np.asarray(other[name]), fits[name]) for name in means}
    sigmas, strange = ({name: np.clip(v, -FAR, FAR) for name, v in one.items()} for one in (whole, away))
    apart = sigmas["inner"] - sigmas["outer"]
    parted = np.array([apart.mean(), apart.std()])
    swapped = (sigmas["inner"] - strange["outer"] - parted[0]) / parted[1]
    replaced = (strange["inner"] - sigmas["outer"] - parted[0]) / parted[1]
    told = np.abs((apart - parted[0]) / parted[1])
    figures = {
        "draws": len(table),
        "people": len(people),
        "auc_appearance": auc(-away["whole"], -whole["whole"]),
        "auc_inner_of_the_person_outer_of_another": auc(np.abs(swapped), told),
        "auc_outer_of_the_person_inner_of_another": auc(np.abs(replaced), told),
        "share_of_own_beyond_3_sigma": float((whole["whole"] < -3).mean()),
    }
    return fits, parted, figures


def _line(table: Array, values: Array) -> Array:
    """2 x TERMS: mean by least squares, spread by least squares on what is left (normal: times 1.2533)."""
    ridge = np.diag([0.0, 1.0, 1.0, 1.0])
    gram = table.T @ table + ridge
    mean = np.linalg.solve(gram, table.T @ values)
    spread = np.linalg.solve(gram, table.T @ np.abs(values - table @ mean)) * 1.2533
    return np.stack([mean, spread])


def _sigmas(table: Array, values: Array, fit: Array) -> Array:
    return np.asarray((values - table @ fit[0]) / np.maximum(table @ fit[1], 0.03))


def shapes_of(pack: Any, keep: NDArray[np.bool_], fitter: MeshFitter) -> tuple[Array, Array, Any]:
    """Shapes, angles and people of pictures that are seen from the front."""
    angles = pack["angles"][keep]
    frontal = (np.abs(angles[:, 0]) < MOST_YAW_DEG) & (np.abs(angles[:, 1]) < MOST_PITCH_DEG)
    shapes = np.stack([shape_of([mesh], fitter) for mesh in pack["mesh"][keep][frontal]])
    return shapes, angles[frontal], pack["person"][keep][frontal]


def geometry(shapes: Array, angles: Array, person: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """`shape_pose`, `shape_cov`, and the level of one picture's root of Mahalanobis' square."""
    lean, lengths = [], []
    table = pose_terms(angles[:, 0], angles[:, 1])
    for one in np.unique(person):
        own = person == one
        lean.append(table[own] - table[own].mean(axis=0))
        lengths.append(shapes[own] - shapes[own].mean(axis=0))
    moved = np.concatenate(lean)
    pose = np.linalg.solve(moved.T @ moved + np.eye(table.shape[1]), moved.T @ np.concatenate(lengths))
    straight = shapes - table @ pose
    rng = np.random.default_rng(1)
    own, other = [], []
    for one in np.unique(person):
        cov = _within(straight[person != one], person[person != one])
        for _ in range(30):
            mine = rng.permutation(np.flatnonzero(person == one))
            count = int(COUNTS[rng.integers(len(COUNTS))])
            if len(mine) < count + 1:
                continue
            centre = straight[mine[:count]].mean(axis=0)
            stranger = rng.permutation(np.flatnonzero(person != one))[0]
            own.append(_root(straight[mine[count]] - centre, cov, count))
            other.append(_root(straight[stranger] - centre, cov, count))
    level = np.array([np.mean(own), np.std(own)])
    found = {"shape_pose": pose, "shape_cov": _within(straight, person), "level": level}
    return found, {
        "auc_geometry_of_pictures": auc(np.asarray(other), np.asarray(own)),
        "pictures": len(shapes),
    }


def _within(shapes: Array, person: Any) -> Array:
    """Covariance within people, a tenth of it on the diagonal alone."""
    away = [shapes[person == one] - shapes[person == one].mean(axis=0) for one in np.unique(person)]
    rows = np.concatenate(away)
    cov = rows.T @ rows / max(1, len(rows) - len(away))
    return np.asarray(0.9 * cov + 0.1 * np.diag(np.diag(cov)))


def _root(away: Array, cov: Array, count: int) -> float:
    return float(np.sqrt(away @ np.linalg.solve(cov, away) / (1 + 1 / count)))


def auc(high: Array, low: Array) -> float:
    """Chance that one of the first lies above one of the second."""
    ranks = np.argsort(np.argsort(np.concatenate([high, low]))) + 1.0
    count = len(high)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(low)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    embedder = Embedder("vidface-embed", Device())
    mesh = weights.verify("vidface-meshmodel")
    fitter = MeshFitter(MeshModel.load(mesh.path), one_person=True)
    pack, many = (np.load(given.pack / f"{name}.npz") for name in ("people", "many"))
    crowd = Views(embedder, many).rows[112]
    means = {name: np.asarray(crowd[name].mean(axis=0), np.float64) for name in ("whole", "inner", "outer")}
    views = Views(embedder, pack)
    keep = rightly_labelled(views)
    views.pick(keep)
    fits, parted, figures = likeness(views, means)
    shape, more = geometry(*shapes_of(pack, keep, fitter))
    recordings = pickle.loads((given.pack / "clips.pkl").read_bytes())
    manner, manner_figures = manner_of(recordings)
    drift, drift_figures = drift_of(recordings)
    video = shapes_in_video(recordings, fitter, shape)
    # The two signers were filmed in one studio: half way to what pictures from anywhere say.
    level = np.stack([shape["level"], [(shape["level"][0] + video[0]) / 2, shape["level"][1]]])
    prior = PersonPrior(
        embedder=np.array(embedder.fingerprint),
        mesh_model=np.array(f"vidface-meshmodel@{mesh.sha256[:12]}"),
        vector_mean=means["whole"], inner_mean=means["inner"], outer_mean=means["outer"],
        whole=fits["whole"], inner=fits["inner"], outer=fits["outer"], parted=parted,
        shape_pose=shape["shape_pose"], shape_cov=shape["shape_cov"].reshape(SIZE, SIZE), shape_level=level,
        **manner, **drift,
    )  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    prior.save(given.out / "model.npz")
    told = figures | more | manner_figures | drift_figures
    told |= {"shape_level_of_pictures": shape["level"].tolist(), "shape_level_in_one_studio": video.tolist()}
    told |= {name: np.round(fit, 4).tolist() for name, fit in fits.items()} | {"parted": parted.tolist()}
    (given.out / "metrics.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    embedder.close()


if __name__ == "__main__":
    main()
