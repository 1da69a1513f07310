"""Figures on clips that no weight has seen, against trivial baselines; writes metrics.json."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from corpus import HELD_OUT, Clip, clips_in, windows
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import HOP, RATE, lip_sync

Array = NDArray[np.float64]
Method = Callable[[Clip], Array]
LAGS = np.arange(-0.2, 0.201, 0.02)
SHIFTS = np.arange(-20, 21) * 0.02


def mean_face(clips: list[Clip], _: Mouth) -> Method:
    """The mouth of the mean, always."""
    rest = np.nanmean(np.concatenate([clip.moves for clip in clips]), 0)
    return lambda clip: np.tile(rest, (len(clip.times), 1))


def loudness(clip: Clip, lag: float) -> Array:
    """Envelope at each frame over its loudest moment in the last second."""
    at = clip.voice_start + np.arange(len(clip.voice)) * HOP / RATE
    level = np.array([clip.voice[(at > t - 1) & (at < t + 0.25)].max(initial=1e-3) for t in clip.times])
    return np.asarray(np.interp(clip.times - lag, at, clip.voice) / level, np.float64)


def from_envelope(clips: list[Clip], _: Mouth) -> Method:
    """Linear in the envelope, at the lag that fits the clips of training best."""

    def fit(lag: float) -> tuple[float, Array]:
        x = np.concatenate([loudness(clip, lag) for clip in clips])
        y = np.concatenate([clip.moves for clip in clips])
        known = np.isfinite(y).all(1)
        a = np.column_stack([x[known], np.ones(known.sum())])
        weights, *_ = np.linalg.lstsq(a, y[known], rcond=None)
        return float(((a @ weights - y[known]) ** 2).sum()), weights

    best = min(LAGS, key=lambda lag: fit(float(lag))[0])
    weights = fit(float(best))[1]
    return lambda clip: np.column_stack([loudness(clip, float(best)), np.ones(len(clip.times))]) @ weights


def ridge(clips: list[Clip], _: Mouth) -> Method:
    """Linear in the whole window of features, with a penalty."""
    x, y = [], []
    for clip in clips:
        known = np.flatnonzero(np.isfinite(clip.moves).all(1))
        x.append(windows(clip, known).reshape(len(known), -1))
        y.append(clip.moves[known])
    a, b = np.concatenate(x).astype(np.float64), np.concatenate(y).astype(np.float64)
    mean, rest = a.mean(0), b.mean(0)
    a = a - mean
    weights = a.T @ np.linalg.solve(a @ a.T + 300 * np.eye(len(a)), b - rest)
    return lambda clip: (
        (windows(clip, range(len(clip.times))).reshape(len(clip.times), -1) - mean) @ weights + rest
    )


def network(path: Path) -> Method:
    """The exported weights."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda clip: session.run(None, {"mel": windows(clip, range(len(clip.times)))})[0].astype(
        np.float64
    )


def narrowed(path: Path) -> Method:
    """The same before its output is widened, as least squares left it."""
    facts, whole = json.loads((path.parent / "facts.json").read_text()), network(path)
    middle = np.array(facts["middle"])
    return lambda clip: middle + (whole(clip) - middle) / facts["gain"]


def _pearson(one: Array, other: Array) -> float:
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 1e-9 else 0.0


def row_of(clip: Clip, said: Array, mouth: Mouth) -> dict[str, float]:
    """Figures of one clip."""
    known = np.isfinite(clip.moves).all(1)
    off = (said - clip.moves)[known] @ mouth.lower.T
    gap, wanted = mouth.gap(said)[known] - mouth.gap(np.zeros(said.shape[1])), clip.opening[known]
    moving = gap.std() > 1e-6
    best = lip_sync(clip.times, mouth.gap(said), clip.voice, voice_start=clip.voice_start) if moving else None
    when = clip.times
    shifted = [_pearson(np.interp(when[known] - lag, when[known], gap), wanted) for lag in SHIFTS]
    steps = [np.diff(values) - np.diff(values).mean() for values in (gap, wanted)]
    return {
        "correlation": float(np.corrcoef(gap, wanted)[0, 1]) if moving else 0.0,
        "best_correlation": max(shifted) if moving else 0.0,
        "best_lag_s": float(SHIFTS[int(np.argmax(shifted))]) if moving else 0.0,
        "correlation_of_steps": float(np.corrcoef(*steps)[0, 1]) if moving else 0.0,
        "lips_pct": 100 * float(np.sqrt(np.einsum("ni,ij,nj->n", off, mouth.metric, off)).mean()),
        "opening_ratio": float(gap.std() / wanted.std()),
        "lag_to_voice_s": best.lag_s if best else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--mesh-model", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="model.onnx")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    mouth = Mouth(MeshModel.load(args.mesh_model))
    clips = clips_in(args.pack, mouth)
    seen = [clip for clip in clips if clip.name not in HELD_OUT]
    fresh = [clip for clip in clips if clip.name in HELD_OUT]
    methods = {
        "mean face": mean_face(seen, mouth),
        "jaw = envelope": from_envelope(seen, mouth),
        "linear in the window": ridge(seen, mouth),
        "network, not widened": narrowed(args.model),
        "network": network(args.model),
    }
    result: dict[str, Any] = {
        "training": {"clips": len(seen), "frames": sum(len(c.times) for c in seen)},
        "clips": [clip.name for clip in fresh],
        "frames": sum(len(c.times) for c in fresh),
    }
    for name, method in methods.items():
        rows = {clip.name: row_of(clip, method(clip), mouth) for clip in fresh}
        keys = next(iter(rows.values()))
        real = [row for clip, row in rows.items() if "vexpress" not in clip]
        made = [row for clip, row in rows.items() if "vexpress" in clip]
        result[name] = {
            what: {key: round(float(np.mean([row[key] for row in part])), 4) for key in keys}
            for what, part in (("all", list(rows.values())), ("people", real), ("generated", made))
        } | {"clips": {clip: {k: round(v, 4) for k, v in row.items()} for clip, row in rows.items()}}
        print(
            name,
            json.dumps(result[name]["all"]),
            json.dumps({c: round(r["correlation"], 2) for c, r in rows.items()}),
        )
    if args.model.exists():
        rows = {clip.name: row_of(clip, methods["network"](clip), mouth) for clip in seen}
        result["network"]["seen"] = round(float(np.mean([row["correlation"] for row in rows.values()])), 4)
        print("seen", {name: round(row["correlation"], 2) for name, row in rows.items()})
    args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
