"""Clips with sound become arrays: the main face's mesh in every frame, and the sound beside it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import vidface
from vidface.data.mesh import POINTS
from vidface.data.sound import SOUND_RATE
from vidface.media.probe import probe
from vidface.media.sound import SoundReader

GRAPH: dict[str, Any] = {
    "version": 1,
    "device": "cpu",
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 3}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
    },
    "outputs": {
        "faces": {"use": "mesh", "in": {"faces": "mesh.faces", "mesh": "mesh.mesh"}},
    },
}


def meshes_of(path: Path, most: int) -> dict[str, np.ndarray]:
    """Times, meshes and blendshapes of the track that is seen in most frames (NaN where it is not)."""
    rows: list[tuple[float, int, dict[int, tuple[Any, Any]]]] = []
    with vidface.run(GRAPH, path) as run:
        for tick in run:
            mesh, faces = tick["mesh.mesh"], tick["mesh.faces"]
            seen = {
                int(track): (mesh.points[i], mesh.blendshapes[i])
                for i, track in enumerate(faces.tracks)
                if mesh.known[i]
            }
            rows.append((float(tick.time), tick.frame.epoch, seen))
            if len(rows) >= most:
                break
    size: Counter[int] = Counter()
    for *_, seen in rows:
        for track, (points, _) in seen.items():
            size[track] += float(np.ptp(points[:, 0]))
    main = size.most_common(1)[0][0] if size else -1
    empty = np.full((POINTS, 3), np.nan, np.float32), np.full(52, np.nan, np.float32)
    picked = [seen.get(main, empty) for *_, seen in rows]
    return {
        "times": np.array([time for time, *_ in rows]),
        "points": np.stack([points for points, _ in picked]).astype(np.float32),
        "blendshapes": np.stack([shapes for _, shapes in picked]).astype(np.float16),
    }


def sound_of(path: Path, start: float, end: float) -> tuple[np.ndarray, int]:
    """Samples from one second before `start` to one behind `end`, and the first one's place on the grid."""
    reader = SoundReader(path)
    first, last = round((start - 1) * SOUND_RATE), round((end + 1) * SOUND_RATE)
    samples = np.zeros(last - first, np.float32)
    try:
        for block in reader.blocks():
            low, high = max(first, block.first), min(last, block.end)
            if high > low:
                samples[low - first : high - first] = block.samples[low - block.first : high - block.first]
    finally:
        reader.close()
    return (samples * 32767).astype(np.int16), first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder with talking/ and speech/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1500, help="frames of a clip")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted([*args.clips.glob("talking/*"), *args.clips.glob("speech/*")]):
        target = args.out / f"{path.parent.name}_{path.stem}.npz"
        if target.exists() or not path.is_file() or not probe(path).audio:
            continue
        arrays = meshes_of(path, args.most)
        samples, first = sound_of(path, arrays["times"][0], arrays["times"][-1])
        np.savez_compressed(target, samples=samples, first=first, **arrays)
        known = np.isfinite(arrays["points"]).all((1, 2)).mean()
        loud = np.abs(samples.astype(np.float64)).mean() / 32768
        facts = {"clip": target.stem, "frames": len(arrays["times"]), "known": known, "loud": loud}
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
