"""forensics.blend on whole clips: a folder of tests/bench/fakes.py, and pairs of a real clip and its fake.

    python models/training/blend_face/clips.py --fakes FOLDER --pair REAL FAKE --real CLIP... --out clips.json

Each clip goes through detector, tracker, mesh and the node, every fifth frame is looked at. `score` is the
mean over the track that was looked at most; `auc_windows` is over windows of 0.2 s, hence single looks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from evaluate import ranked

import vidface

LONGEST_S = 12.0
GRAPH: dict[str, Any] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 5}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        "blend": {
            "use": "forensics.blend",
            "in": {"frame": "source", "faces": "mesh.faces", "mesh": "mesh.mesh"},
            "with": {"window_s": 0.2, "hop_s": 0.2},
        },
    },
    "outputs": {"found": {"use": "findings", "in": {"blend": "blend"}}},
}


def scores_of(clip: Path) -> np.ndarray:
    """Log odds of the looks at the track that was looked at most; empty where none applied."""
    looks: dict[int, list[float]] = {}
    for tick in vidface.run(GRAPH, clip, stop=LONGEST_S):
        for finding in tick["blend"]:
            if finding.applies:
                looks.setdefault(finding.track, []).append(finding.score)
    return np.array(max(looks.values(), key=len, default=[]))


def row_of(clip: Path, **facts: Any) -> tuple[dict[str, Any], np.ndarray]:
    """What the node says of a clip."""
    scores = scores_of(clip)
    row = {"clip": clip.name, **facts, "looks": len(scores)}
    if len(scores):
        row |= {"score": round(float(scores.mean()), 3), "above_0": round(float((scores > 0).mean()), 3)}
    print(json.dumps(row), flush=True)
    return row, scores


def curve(rows: Sequence[dict[str, Any]], scores: Sequence[np.ndarray]) -> dict[str, Any]:
    """Areas under the curve over clips and over windows."""
    kept = [(row, some) for row, some in zip(rows, scores, strict=True) if len(some)]
    fake = np.array([row["label"] == "fake" for row, _ in kept], float)
    if not 0 < fake.sum() < len(fake):
        return {"clips": len(fake)}
    means = np.array([some.mean() for _, some in kept])
    windows = np.concatenate([some for _, some in kept])
    label = np.concatenate([np.full(len(some), value) for (_, some), value in zip(kept, fake, strict=True)])
    areas = {"auc_clips": ranked(means, fake), "auc_windows": ranked(windows, label)}
    return {"clips": len(fake), **{name: round(value, 3) for name, value in areas.items()}}


def of_fakes(folders: Sequence[Path]) -> dict[str, Any]:
    """Rows of the folders, and areas by method and coding against all real clips of that coding."""
    done = []
    for folder in folders:
        told = json.loads((folder / "manifest.json").read_text())["rows"]
        once = {row["file"]: row for row in told}
        done += [
            row_of(folder / name, **{key: row[key] for key in ("label", "method", "crf")})
            for name, row in once.items()
        ]
    areas = {}
    for method in sorted({row["method"] for row, _ in done if row["label"] == "fake"}):
        for crf in sorted({row["crf"] for row, _ in done}):
            part = [one for one in done if one[0]["crf"] == crf and one[0]["method"] in (method, "recoded")]
            areas[f"{method} crf {crf}"] = curve(*zip(*part, strict=True))
    return {"areas": areas, "rows": [row for row, _ in done]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fakes", type=Path, nargs="*", help="made by tests/bench/fakes.py, with manifest.json"
    )
    parser.add_argument("--pair", type=Path, nargs=2, metavar=("REAL", "FAKE"))
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="held-out real clips")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found: dict[str, Any] = {}
    if args.pair:
        done = [row_of(clip, label=label) for clip, label in zip(args.pair, ("real", "fake"), strict=True)]
        found["pair"] = {"rows": [row for row, _ in done], **curve(*zip(*done, strict=True))}
    if args.fakes:
        found["fakes"] = of_fakes(args.fakes)
    found["real"] = [row_of(clip, label="real")[0] for clip in args.real]
    args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
