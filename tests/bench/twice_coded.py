"""How often a stream that was coded once is taken for one coded twice, and how often the latter is found.

    python tests/bench/twice_coded.py --clips 40 -o tests/bench/results/twice_coded.json

The clips are made here, so that nothing was coded before: a camera drifts over textured walls, with noise of
its own in every picture and a thing that moves across. Each is coded once, and coded by x264 or as MPEG-4
with key frames at an even distance and then coded again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.media._streamread import read_stream
from vidface.media._streamtwice import twice_coded

SIZE = (160, 120)
COUNT = 260
Pictures = Sequence[NDArray[np.uint8]]


def scene(seed: int) -> Pictures:
    """A camera that drifts, with noise, and a thing that comes and goes."""
    random = np.random.default_rng(seed)
    grain, rough = random.uniform(0.5, 3), random.uniform(20, 90)
    wall = cv2.GaussianBlur(random.normal(128, rough, (SIZE[1] + 60, SIZE[0] + 60, 3)), (0, 0), 1.5)
    speed = random.uniform(0.05, 0.8)
    path = np.clip(30 + np.cumsum(random.normal(0, speed, (COUNT, 2)), 0), 0, 59)
    thing = np.cumsum(random.normal(0, 3, (COUNT, 2)), 0) + np.array(SIZE) / 2
    made = []
    for (x, y), place in zip(path.astype(int), thing, strict=True):
        view = wall[y : y + SIZE[1], x : x + SIZE[0]].copy()
        cv2.circle(view, (int(place[0]), int(place[1])), 18, (200, 150, 120), -1)
        made.append(np.clip(view + random.normal(0, grain, view.shape), 0, 255).astype(np.uint8))
    return made


def code(path: Path, pictures: Pictures, codec: str, **options: str) -> Path:
    """Write pictures at 25 a second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        if codec == "mpeg4":
            stream.codec_context.qmin = stream.codec_context.qmax = 5
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def decoded(path: Path) -> Pictures:
    """All pictures of a file."""
    with av.open(str(path)) as container:
        return [np.asarray(one.to_ndarray(format="rgb24"), np.uint8) for one in container.decode(video=0)]


def measured(path: Path) -> dict[str, float]:
    """Strongest period of a file, and its strength."""
    found = twice_coded(read_stream(path, most_pictures=COUNT))
    return (
        {"strength": 0.0, "period": 0}
        if found is None
        else {"strength": round(found.strength, 2), "period": found.period}
    )


def one(seed: int, folder: Path) -> dict[str, Any]:
    """A scene coded once, and twice."""
    random = np.random.default_rng(1000 + seed)
    pictures = scene(seed)
    last = {"preset": "veryfast", "g": "250", "crf": str(int(random.integers(20, 30)))}
    period = int(random.choice([12, 15, 25, 30]))
    first = str(int(random.integers(22, 33)))
    codec = "mpeg4" if seed % 3 == 0 else "libx264"
    how = {"g": str(period)} | ({} if codec == "mpeg4" else {"crf": first, "preset": "veryfast"})
    once = measured(code(folder / "once.mp4", pictures, "libx264", **last))
    before = code(folder / "before.mp4", pictures, codec, **how)
    twice = measured(code(folder / "twice.mp4", decoded(before), "libx264", **last))
    return {"seed": seed, "last": last, "first": {"codec": codec, **how}, "once": once, "twice": twice}


def main() -> None:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("-o", type=Path, required=True)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.clips):
            rows.append(one(seed, Path(folder)))
            print(rows[-1]["once"], rows[-1]["twice"], rows[-1]["first"]["g"], flush=True)
    summary = {}
    for limit in (3.5, 4.0, 4.5, 5.0, 5.5, 6.0):
        hits = [row for row in rows if row["twice"]["strength"] >= limit]
        right = [row for row in hits if row["twice"]["period"] % int(row["first"]["g"]) == 0]
        summary[str(limit)] = {
            "false": sum(row["once"]["strength"] >= limit for row in rows),
            "found": len(hits),
            "with_the_right_period": len(right),
            "clips": len(rows),
        }
    given.o.write_text(json.dumps({"summary": summary, "rows": rows}, indent=1) + "\n")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
