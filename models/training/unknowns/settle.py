"""Settle the thresholds of `vidface gallery unknowns`.

    python settle.py --pack PACK [--part test]

From which cosine on tracks are one person (THRESHOLD), and from which cohesion a group of two, three, four or
more is proposed (COHESIVE). PACK is that of ../embed_face (pack.py). A track is put together from one to four
pictures of a person, all seen at 112, 48, 24, 16 or 12 pixels, fused as a run fuses looks; people with one
picture give one track each. Each draw has up to twelve tracks of each person with many pictures, and three
times as many of strangers.

The threshold taken is the one with the highest mean B-cubed F at beta 0.5 (Amigo et al. 2009), in which
precision counts more: a mixed group is enrolled as one person, a split one is asked about. The cohesion taken
is the least one from which on 98 of 100 tracks belong to the person most of their group is, but never below
the threshold: how many groups that rests on is printed. On --part test nothing is chosen.

Pictures whose median cosine to their person's others lies 0.25 below that of the person are left out: labels
are wrong there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "embed_face"))
from judge import EDGE, shrunk

from vidface.data import Device
from vidface.eval.grouping import BCubed, b_cubed
from vidface.gallery.unknowns import COHESIVE, MIN_EVIDENCE, THRESHOLD
from vidface.infer.embedder import Embedder
from vidface.vision.cluster import cluster
from vidface.vision.looks import fuse

SIDES = (112, 48, 24, 16, 12)
THRESHOLDS = np.round(np.arange(0.2, 0.701, 0.025), 3)
COHESIONS = np.round(np.arange(0.5, 0.81, 0.05), 2)
BETA = 0.5
PURE = 0.98
STRANGERS = 3
WRONG = 0.25
Rows = NDArray[np.float32]


class Pictures(NamedTuple):
    """n pictures: names, and vectors and recognisability at each of `SIDES`."""

    names: NDArray[np.str_]
    vectors: NDArray[np.float32]
    sure: NDArray[np.float32]


class Score(NamedTuple):
    """Of one grouping: how right it is; groups of several as rows (tracks, cohesion, belong)."""

    right: BCubed
    groups: NDArray[np.float64]


def pictures_of(pack: Path, part: str, model: str) -> Pictures:
    """Every picture of a part at every size."""
    items = np.load(pack / "items.npz")
    rows = np.flatnonzero((items["part"] == part) & (items["kind"] == "picture"))
    stored = np.load(pack / "pixels.npy", mmap_mode="r")
    crops = np.stack([stored[row] for row in rows])[:, EDGE:-EDGE, EDGE:-EDGE]
    embedder = Embedder(model, Device())
    looks = [embedder(np.ascontiguousarray(shrunk(crops, side)[..., ::-1])) for side in SIDES]
    print(f"{embedder.fingerprint}, part {part}: {len(rows)} pictures")
    embedder.close()
    found = Pictures(
        items["name"][rows],
        np.stack([look.vectors for look in looks], axis=1),
        np.stack([look.recognisability for look in looks], axis=1),
    )
    keep = ~wrong(found)
    print(f"left out: {int((~keep).sum())} pictures that are unlike their person's others")
    return Pictures(*(column[keep] for column in found))


def wrong(found: Pictures) -> NDArray[np.bool_]:
    """Pictures of people with several that are probably of somebody else."""
    bad = np.zeros(len(found.names), bool)
    for name in set(found.names.tolist()):
        rows = np.flatnonzero(found.names == name)
        if len(rows) < 4:
            continue
        cosines = found.vectors[rows, 0] @ found.vectors[rows, 0].T
        np.fill_diagonal(cosines, np.nan)
        middle = np.nanmedian(cosines, axis=1)
        bad[rows[middle < np.median(middle) - WRONG]] = True
    return bad


def drawn(found: Pictures, rng: np.random.Generator) -> tuple[Rows, NDArray[np.str_]]:
    """Vectors and names of the tracks of one draw."""
    vectors, names = [], []
    counts = dict(zip(*np.unique(found.names, return_counts=True), strict=True))
    many = sorted(name for name, count in counts.items() if count > 1)
    single = np.flatnonzero([counts[name] == 1 for name in found.names])
    for name in many:
        rows = rng.permutation(np.flatnonzero(found.names == name))
        for _ in range(int(rng.integers(4, 13))):
            size = int(rng.integers(1, 5))
            if len(rows) < size:
                break
            vectors.append(_track(found, rows[:size], rng))
            names.append(str(name))
            rows = rows[size:]
    for row in rng.choice(single, min(STRANGERS * len(names), len(single)), replace=False):
        vectors.append(_track(found, np.array([row]), rng))
        names.append(str(found.names[row]))
    keep = [place for place, vector in enumerate(vectors) if vector is not None]
    return np.stack([vectors[place] for place in keep]), np.array(names)[keep]


def _track(found: Pictures, rows: NDArray[np.int64], rng: np.random.Generator) -> Rows | None:
    """Looks of one size, as in a track; None where they are too little to be grouped."""
    side = int(rng.integers(len(SIDES)))
    sure = found.sure[rows, side]
    # A track has several frames of each look; those of one picture are all alike here.
    return fuse(found.vectors[rows, side], sure) if 10 * sure.sum() >= MIN_EVIDENCE else None


def scored(vectors: Rows, names: NDArray[np.str_], threshold: float) -> Score:
    """Group, and compare with the truth."""
    found = cluster(vectors, threshold)
    groups = [
        (len(rows), found.cohesion[number], np.unique(names[rows], return_counts=True)[1].max())
        for number, rows in enumerate(found.members())
        if len(rows) > 1
    ]
    return Score(b_cubed(found.labels, names), np.array(groups, float).reshape(-1, 3))


def rows_of(found: Pictures, draws: int) -> Iterator[tuple[float, list[Score]]]:
    """Scores of the same draws at every threshold."""
    tracks = [drawn(found, np.random.default_rng(seed)) for seed in range(draws)]
    print(f"{draws} draws of {np.mean([len(names) for _, names in tracks]):.0f} tracks on average")
    for threshold in THRESHOLDS.tolist():
        yield threshold, [scored(vectors, names, threshold) for vectors, names in tracks]


def main() -> None:
    """Print a table, and on the part val what is best."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--part", choices=("val", "test"), default="val")
    parser.add_argument("--model", default="vidface-embed")
    parser.add_argument("--draws", type=int, default=60)
    args = parser.parse_args()
    table = list(rows_of(pictures_of(args.pack, args.part, args.model), args.draws))
    print(f"\n| cosine | B-cubed precision | recall | F{BETA} | tracks proposed | of these belong |")
    print("|---|---|---|---|---|---|")
    for threshold, scores in table:
        p, r, f = np.mean([(*s.right, s.right.f(BETA)) for s in scores], axis=0)
        every = np.concatenate([s.groups for s in scores])
        every = every[every[:, 1] >= np.array(COHESIVE)[np.minimum(every[:, 0], 4).astype(int) - 2]]
        share = f"{every[:, 2].sum() / every[:, 0].sum():.3f}" if len(every) else "-"
        mark = " (in use)" if abs(threshold - THRESHOLD) < 1e-6 else ""
        print(
            f"| {threshold:.3f}{mark} | {p:.3f} | {r:.3f} | {f:.3f} | "
            f"{every[:, 0].sum() / len(scores):.0f} | {share} |"
        )
    settle(table, choose=args.part == "val")


def settle(table: list[tuple[float, list[Score]]], *, choose: bool) -> None:
    """Print how pure groups are by size and cohesion, and what to take."""
    at = THRESHOLD
    if choose:
        at = max(table, key=lambda row: float(np.mean([s.right.f(BETA) for s in row[1]])))[0]
        print(f"\nTHRESHOLD {at}")
    scores = min(table, key=lambda row: abs(row[0] - at))[1]
    every = np.concatenate([s.groups for s in scores])
    for size in (2, 3, 4):
        mine = every[(every[:, 0] == size) | ((size == 4) & (every[:, 0] > 4))]
        cells, good = [], []
        for low in COHESIONS.tolist():
            some = mine[mine[:, 1] >= low]
            share = some[:, 2].sum() / max(some[:, 0].sum(), 1)
            good.append(share >= PURE or not len(some))
            cells.append(f"from {low}: {share:.3f} of {len(some)} groups")
        print(f"{size} tracks{' or more' if size == 4 else ''}: {'; '.join(cells)}")
        bad = np.flatnonzero(~np.array(good))
        if choose:
            print(f"    COHESIVE {max(at, COHESIONS[min(bad[-1] + 1, len(good) - 1)] if len(bad) else at)}")


if __name__ == "__main__":
    main()
