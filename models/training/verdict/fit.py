"""Weights of the fusion from clips of known origin: python -m models.training.verdict.fit MANIFEST KEEP

KEEP holds the findings of `collect`. Cross-validated by person: a clip is judged by weights that saw neither
its body's nor its face's person. Writes models/vidface-verdict.

The references of these clips are of the same recording or day, which makes clips look more like them than
usual. The tests that compare with references give standard deviations of honest looks from other occasions
(models/vidface-person). So in half of the copies all clips, real and fake, are moved by what takes the real
ones to mean 0 and deviation 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.training.verdict import card
from vidface.cli._deepfakecases import Case, claims_of, read_cases
from vidface.cli._deepfakeclip import Evidence, evidence_of, kept_files, person_files
from vidface.data.findingkinds import KINDS
from vidface.eval.deepfake import Clips, auc, brier, calibration_error
from vidface.vision.kindfusion import Fusion, KindWeight

Array = NDArray[np.float64]

CLIP: Final = 3.0
"""Standard steps at which a test's score is clipped."""
WIDE: Final = 4.0
"""The same for tests that compare with references."""
FEWEST: Final = 6
"""Real clips, and fakes, without which a test is not weighed."""
DRAWS: Final = 12
"""Copies of each case with tests left out."""
LEFT_OUT: Final = 0.3
"""Chance of a test to be left out of a copy."""
WITHOUT: Final = 0.5
"""Chance of a copy to be without references."""
OTHER_DAY: Final = 0.5
"""Chance of a copy to be held against references of another occasion, see `other_day`."""
RIDGE: Final = 0.02
"""Pull of the weights to 0, as a share of the mean loss, in squared log odds."""
OFFSET_RIDGE: Final = 0.1
"""That of the offsets."""
MARGIN: Final = 0.5
"""Log odds by which the threshold of "manipulated" lies above the real clips at hand."""
SMALL: Final = 0.03
"""A weight below this is none."""
NAMES: Final = tuple(KINDS)
SIGN: Final = np.array([-1.0 if kind.high == "authentic" else 1.0 for kind in KINDS.values()])
OTHER_DAYS: Final = (-1.64, 0.0, 1.64)
"""Percentiles of what is usual on another occasion."""
FOLDED: Final = ("inner_outer",)
"""Tests whose score is a size without a sign: what is usual of them is the normal law folded at 0."""
FOLDED_DAYS: Final = (0.06, 0.67, 1.96)
WANTS: Final = np.array([kind.references for kind in KINDS.values()])


class Table(NamedTuple):
    """n cases: fake, weight, people, findings; and the steps of each test after `scaled`."""

    cases: list[Case]
    found: list[Evidence]
    fake: NDArray[np.bool_]
    weight: Array


def read(manifest: Path, keep: Path) -> Table:
    """All cases whose findings are there."""
    cases = read_cases(manifest)
    people, _ = person_files(claims_of(cases), keep)
    kept, found = [], []
    for case in cases:
        names = {one.claim for one in cases if one.file == case.file and one.claim in people}
        mine = {name: people[name] for name in ordered(cases, case, names)}
        if all(path.is_file() for path in kept_files(case.file, mine, keep)):
            found.append(evidence_of(case, mine, keep))
            kept.append(case)
        else:
            sys.stderr.write(f"{case.file.name}: nothing was collected of it\n")
    fake = np.array([case.fake for case in kept])
    # Each file counts once, whatever the number of its claims; real and fake clips weigh alike in total.
    times = np.array([1 / sum(one.file == case.file for one in kept) for case in kept])
    weight = np.where(fake, times / times[fake].sum(), times / times[~fake].sum())
    return Table(kept, found, fake, weight)


def ordered(cases: Sequence[Case], case: Case, names: set[str]) -> list[str]:
    """Claims of a file in the order of the manifest, as `collect` had them."""
    return list(dict.fromkeys(one.claim for one in cases if one.file == case.file and one.claim in names))


def raw_scores(table: Table) -> list[dict[str, list[float]]]:
    """Scores of every window of each case, by test."""
    rows = []
    for case, found in zip(table.cases, table.found, strict=True):
        scores: dict[str, list[float]] = {}
        for one in [*found.findings[""], *found.findings.get(case.claim, [])]:
            if one.applies:
                scores.setdefault(one.kind, []).append(one.score)
        rows.append(scores)
    return rows


def scales(scores: Sequence[Mapping[str, list[float]]], fake: NDArray[np.bool_]) -> dict[str, KindWeight]:
    """Centre and spread of each test: of the means of real clips and fakes together, robustly."""
    made = {}
    for name in NAMES:
        means = np.array([np.mean(row[name]) if name in row else np.nan for row in scores])
        real, false = means[~fake & np.isfinite(means)], means[fake & np.isfinite(means)]
        if len(real) < FEWEST or len(false) < FEWEST:
            if len(real):
                low, middle, high = np.percentile(real, (5, 50, 95)).tolist()
                made[name] = KindWeight(middle, 1.0, -CLIP, CLIP, 0.0, 0.0, (low, middle, high))
            continue
        low, middle, high = np.percentile(real, (5, 50, 95)).tolist()
        if KINDS[name].references:
            usual = FOLDED_DAYS if name in FOLDED else OTHER_DAYS
            made[name] = KindWeight(1.0, 1.0, -WIDE, WIDE, 1.0, 0.0, usual)
            continue
        spread = float(np.percentile(real, 84) - np.percentile(real, 16)) / 2
        centre = (middle + float(np.median(false))) / 2
        made[name] = KindWeight(centre, max(spread, 1e-3), -CLIP, CLIP, 1.0, 0.0, (low, middle, high))
    return made


def steps(scores: Sequence[Mapping[str, list[float]]], kinds: Mapping[str, KindWeight]) -> Array:
    """n x k mean standard steps; NaN where a test does not apply or is not weighed."""
    table = np.full((len(scores), len(NAMES)), np.nan)
    for row, values in enumerate(scores):
        for column, name in enumerate(NAMES):
            if name in values and name in kinds and kinds[name].weighed:
                table[row, column] = np.mean([kinds[name].steps(one) for one in values[name]])
    return table


def other_day(table: Array, real: Array, rng: np.random.Generator) -> Array:
    """Steps as against references of another occasion.

    Args:
        real: m x k, steps of real clips.
    """
    with warnings.catch_warnings():
        # A test that applies to no clip has no mean.
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, spread = np.nanmean(real, axis=0), np.nanstd(real, axis=0)
    folded = np.isin(NAMES, FOLDED)
    usual, wide = np.where(folded, np.sqrt(2 / np.pi), 0.0), np.where(folded, 1 - 2 / np.pi, 1.0)
    # A score of 0 lies at -1: centre and scale of these tests are 1.
    moved = table + usual - 1.0 - mean
    moved += rng.normal(0, 1, table.shape) * np.sqrt(np.maximum(0, wide - spread**2))
    moved = np.where(folded, np.abs(moved + 1) - 1, moved)
    return np.where(WANTS & np.isfinite(table), np.clip(moved, -WIDE, WIDE), table)


def fit_weights(
    table: Array, fake: NDArray[np.bool_], weight: Array, *, seed: int = 0
) -> tuple[float, Array, Array]:
    """Bias, weights (not against the tests' meaning) and offsets, with tests left out at random."""
    rng = np.random.default_rng(seed)
    many, truth = np.tile(table, (DRAWS, 1)), np.tile(fake, DRAWS)
    other = rng.random(len(many)) < OTHER_DAY
    many[other] = other_day(many[other], table[~fake], rng)
    gone = rng.random(many.shape) < LEFT_OUT
    gone[rng.random(len(many)) < WITHOUT] |= WANTS
    gone[: len(table)] = False
    many[gone] = np.nan
    share = np.tile(weight, DRAWS) / DRAWS / 2
    fitted = _solved(many, truth.astype(float), share)
    many[:, np.abs(fitted[1]) < SMALL] = np.nan
    return _solved(many, truth.astype(float), share)


def _solved(table: Array, truth: Array, share: Array) -> tuple[float, Array, Array]:
    there, z, k = np.isfinite(table), np.nan_to_num(table), len(NAMES)
    pull = np.concatenate([[0], np.full(k, RIDGE), np.full(k, OFFSET_RIDGE)])

    def loss(at: Array) -> tuple[float, Array]:
        logit = at[0] + (z * at[1 : k + 1] + there * at[k + 1 :]).sum(axis=1)
        chance = 1 / (1 + np.exp(-np.clip(logit, -40, 40)))
        value = -(share @ (truth * np.log(chance + 1e-12) + (1 - truth) * np.log(1 - chance + 1e-12)))
        gap = share * (chance - truth)
        slope = np.concatenate([[gap.sum()], gap @ z, gap @ there])
        return float(value + pull @ at**2), slope + 2 * pull * at

    bounds: list[tuple[float | None, float | None]] = [(None, None)]
    bounds += [(0, None) if sign > 0 else (None, 0) for sign in SIGN]
    bounds += [(None, None)] * k
    at = minimize(loss, np.zeros(2 * k + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    small = np.abs(at[1 : k + 1]) < SMALL
    return float(at[0]), np.where(small, 0, at[1 : k + 1]), np.where(small, 0, at[k + 1 :])


def logits(table: Array, fitted: tuple[float, Array, Array]) -> Array:
    """Log odds; NaN where no weighed test applies."""
    bias, weights, offsets = fitted
    there = np.isfinite(table) & (weights != 0)
    total = bias + np.where(there, np.nan_to_num(table) * weights + offsets, 0).sum(axis=1)
    return np.where(there.any(axis=1), total, np.nan)


def crossed(table: Table, scores: Sequence[Mapping[str, list[float]]]) -> dict[str, Array]:
    """Probability of each case by weights that saw neither of its persons.

    With its references, as if those were of another occasion, and without.
    """
    found = {name: np.full(len(table.cases), np.nan) for name in ("with references", "other day", "without")}
    rng = np.random.default_rng(1)
    for people in sorted({frozenset(case.people) for case in table.cases}, key=sorted):
        out = np.array([bool(people & set(case.people)) for case in table.cases])
        mine = np.array([frozenset(case.people) == people for case in table.cases])
        kinds = scales([scores[i] for i in np.flatnonzero(~out)], table.fake[~out])
        rows = steps(scores, kinds)
        fitted = fit_weights(rows[~out], table.fake[~out], table.weight[~out])
        other = other_day(rows, rows[~out & ~table.fake], rng)
        for name, seen in (
            ("with references", rows),
            ("other day", other),
            ("without", np.where(WANTS, np.nan, rows)),
        ):
            found[name][mine] = 1 / (1 + np.exp(-logits(seen[mine], fitted)))
    return found


def thresholds(chances: Array, fake: NDArray[np.bool_]) -> tuple[float, float]:
    """authentic_at: at most 5 % of fakes below it. manipulated_at: above 98 % of real clips by `MARGIN`.

    A few dozen clips of ten people do not tell where two in a hundred lie, hence the margin.
    """
    real, false = chances[~fake & np.isfinite(chances)], chances[fake & np.isfinite(chances)]
    most = float(np.quantile(real, 0.98, method="higher"))
    high = 1 / (1 + np.exp(-(np.log(most / (1 - most)) + MARGIN)))
    low = float(np.quantile(false, 0.05, method="lower")) - 0.01
    return min(max(low, 0.02), 0.4), min(max(high, 0.6), 0.98)


def figures_of(chances: Array, fake: NDArray[np.bool_]) -> dict[str, float]:
    """AUC, ECE, Brier."""
    clips = Clips(chances, fake)
    return {"auc": auc(clips), "ece": calibration_error(clips), "brier": brier(clips)}


def main() -> None:
    """Fit, cross-validate, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    args = parser.parse_args()
    table = read(args.manifest, args.keep)
    scores = raw_scores(table)
    kinds = scales(scores, table.fake)
    rows = steps(scores, kinds)
    bias, weights, offsets = fit_weights(rows, table.fake, table.weight)
    chances = crossed(table, scores)
    low, high = thresholds(np.concatenate(list(chances.values())), np.tile(table.fake, len(chances)))
    fitted = {
        name: KindWeight(
            one.centre, one.scale, one.low, one.high,
            weights[NAMES.index(name)], offsets[NAMES.index(name)],
            one.real,
        )
        for name, one in kinds.items()
    }  # fmt: skip
    cross = {name: figures_of(values, table.fake) for name, values in chances.items()}
    facts = facts_of(table, scores, cross)
    fusion = Fusion(fitted, bias, low, high, facts=facts)
    sys.stdout.write(json.dumps(fusion.row(), indent=1) + "\n")
    for name, column in zip(NAMES, rows.T, strict=True):
        single = auc(Clips(column * SIGN[NAMES.index(name)], table.fake))
        count = int(np.isfinite(column).sum())
        sys.stdout.write(f"{name}: AUC {single:.3f} on {count} cases\n")
    if not args.dry:
        card.write(fusion)


def facts_of(table: Table, scores: Sequence[Any], cross: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """What the card says of the data and of the cross-validation."""
    files = {case.file: case for case in table.cases}
    real = sum(not case.fake for case in files.values())
    methods = sorted({case.method for case in files.values() if case.fake})
    people = sorted({name for case in table.cases for name in case.people if name})
    crfs = sorted({case.crf for case in files.values()})
    said = "; ".join(
        f"{name}: AUC {one['auc']:.3f}, ECE {one['ece']:.3f}, Brier {one['brier']:.3f}"
        for name, one in cross.items()
    )
    return {
        "n_kinds": len(NAMES),
        "data": f"{real} real clips (cut and coded anew) and {len(files) - real} fakes "
        f"({', '.join(methods)}; `tests/bench/fakes.py`) of {len(people)} people of the parts train and "
        f"val of `models/training/detect_face/split.py`, three seconds each, CRF {' and '.join(crfs)}. "
        "References: the rest of each person's clip, or another clip. Licence tag: research-data.",
        "cross": said + ".",
        "cases": len(table.cases),
        "applies": {name: sum(name in row for row in scores) for name in NAMES},
    }


if __name__ == "__main__":
    main()
