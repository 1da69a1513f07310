"""Set the level of a fitted prior by people and clips that the embedder did not learn from.

    python settle.py --val VAL --out ../../vidface-person

The embedder learnt from the training pictures and clips (without names), so it is steadier on them than on
anybody else. The level and the spread of the drift are moved to what validation clips say. Validation
people are only compared with: there are two, too few to move anything by. People and clips held out are
not touched.
"""

from __future__ import annotations

import argparse
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fit import Views, around, rightly_labelled
from fit_clips import stretches
from numpy.typing import NDArray

from vidface.data import Device
from vidface.infer.embedder import Embedder
from vidface.vision.looks import fuse
from vidface.vision.personprior import PersonPrior, terms
from vidface.vision.wander import wander

Array = NDArray[np.float64]

COUNTS = (1, 2, 4, 8, 12)
DRAWS = 200
PARTS = ("whole", "inner", "outer")


def likeness(prior: PersonPrior, views: Views) -> dict[str, Any]:
    """How far validation people lie from the level of `whole`, `inner` and `outer`, and how they spread."""
    rng = np.random.default_rng(2)
    means = {"whole": prior.vector_mean, "inner": prior.inner_mean, "outer": prior.outer_mean}
    units = {
        (side, name): around(row[name], means[name]) for side, row in views.rows.items() for name in PARTS
    }
    table: list[Array] = []
    cosines: dict[str, list[float]] = {name: [] for name in PARTS}
    for _ in range(DRAWS):
        for person in np.unique(views.person):
            count, mine = int(rng.choice(COUNTS)), rng.permutation(np.flatnonzero(views.person == person))
            side = int(rng.choice(list(views.rows)))
            probes = mine[count : count + 3]
            table += [terms(count, float(views.rows[side]["sure"][probe])) for probe in probes]
            for name in PARTS:
                centre = fuse(units[112, name][mine[:count]])
                cosines[name] += (units[side, name][probes] @ centre).tolist()
    rows, figures = np.stack(table), {}
    for name in PARTS:
        mean, spread = (rows @ line for line in getattr(prior, name))
        off = np.asarray(cosines[name]) - mean
        shift, spreads = float(off.mean()), float(((off - off.mean()) / spread).std())
        figures[f"val_{name}_shift_and_spread"] = [round(shift, 4), round(spreads, 4)]
    return figures | {"val_people": len(np.unique(views.person)), "val_pictures": len(views.person)}


def drift(prior: PersonPrior, recordings: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """`drift` and `drift_sd` with the level of validation clips, each counting alike."""
    means = []
    for recording in recordings.values():
        wanders = [found for part in stretches(recording) if (found := wander(part)) is not None]
        if wanders:
            means.append(float(np.mean([np.log(one.degrees) - one.terms @ prior.drift for one in wanders])))
    shift, spread = float(np.mean(means)), float(np.std(means, ddof=1))
    moved = prior.drift.copy()
    moved[0] += shift
    sd = float(np.hypot(prior.drift_sd[0], spread))
    figures = {"val_drift_shift": shift, "val_drift_spread": spread, "val_drift_clips": len(means)}
    return {"drift": moved, "drift_sd": np.array([sd])}, figures | {"drift_sd": sd}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--val", type=Path, required=True, help="what pack.py --part val wrote")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    path = given.out / "model.npz"
    told = json.loads((given.out / "metrics.json").read_text(encoding="utf-8"))
    if "val_people" in told:
        parser.error(f"{path} is settled already; run fit.py first")
    prior = PersonPrior.load(path)
    embedder = Embedder("vidface-embed", Device())
    views = Views(embedder, np.load(given.val / "people.npz"))
    embedder.close()
    views.pick(rightly_labelled(views))
    figures = likeness(prior, views)
    moved, more = drift(prior, pickle.loads((given.val / "clips.pkl").read_bytes()))
    replace(prior, **moved).save(path)
    text = json.dumps(told | figures | more, indent=1) + "\n"
    (given.out / "metrics.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
