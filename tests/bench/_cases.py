"""The contestants: each reads the same clip its own way, alone in its process, and says what it cost."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidface.data.memory import peak_mb

ROOT = Path(__file__).resolve().parent.parent.parent
GRAPH = ROOT / "graphs" / "track.yaml"
PRESET = "superfast"
CRF = 23
PARTS = (
    "vidface.graph.run",
    "vidface.media.decode",
    "vidface.nodes.detect.face",
    "vidface.nodes.track.faces",
    "vidface.nodes.draw.boxes",
    "vidface.sinks.video",
    "vidface.sinks.jsonl",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is equal for all contestants: clip, weights for OpenCV's detector, cadence, input width."""

    clip: str
    weights: str
    every: int = 3
    width: int = 640


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: frames, faces seen, seconds by the clock and of CPU (user and system), peak resident MB."""

    frames: int
    faces: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def decode_only(setting: Setting) -> tuple[int, int]:
    """PyAV decodes to YUV with as many threads as it likes; nobody looks."""
    import av

    with av.open(setting.clip) as source:
        source.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in source.decode(video=0)), 0


def vidface_faces(setting: Setting) -> tuple[int, int]:
    """graphs/track.yaml without its video: detect, track, write faces.jsonl."""
    return _vidface(setting, ("faces",))


def vidface_video(setting: Setting) -> tuple[int, int]:
    """graphs/track.yaml with annotated video and faces.jsonl."""
    return _vidface(setting, ("video", "faces"), f"outputs.video.preset={PRESET}", f"outputs.video.crf={CRF}")


def cv2_loop(setting: Setting) -> tuple[int, int]:
    """cv2.VideoCapture reads every frame, cv2.FaceDetectorYN looks at one in `every`."""
    return _cv2(setting, skip=False)


def cv2_loop_grab(setting: Setting) -> tuple[int, int]:
    """The same, but frames that nobody looks at are decoded and not converted: the better-written loop."""
    return _cv2(setting, skip=True)


def rgb_loop(setting: Setting) -> tuple[int, int]:
    """PyAV decodes, each frame becomes BGR, OpenCV detects and draws, PyAV converts back and encodes."""
    import av

    with (
        tempfile.TemporaryDirectory() as folder,
        av.open(setting.clip) as source,
        av.open(str(Path(folder) / "video.mp4"), "w") as sink,
    ):
        return _rgb(setting, source, sink)


def decode_x264(setting: Setting) -> tuple[int, int]:
    """PyAV decodes and x264 encodes, nothing else: what no program that does both can go below."""
    import av

    with (
        tempfile.TemporaryDirectory() as folder,
        av.open(setting.clip) as source,
        av.open(str(Path(folder) / "video.mp4"), "w") as sink,
    ):
        stream = source.streams.video[0]
        stream.thread_type = "AUTO"
        out = _x264(sink, stream)
        frames = 0
        for frame in source.decode(stream):
            frame.pict_type = 0
            sink.mux(out.encode(frame))
            frames += 1
        sink.mux(out.encode())
        return frames, 0


CASES: dict[str, Callable[[Setting], tuple[int, int]]] = {
    case.__name__: case
    for case in (decode_only, vidface_faces, cv2_loop, cv2_loop_grab, vidface_video, rgb_loop, decode_x264)
}


def measured(name: str, setting: Setting) -> Cost:
    """Run a case in a process of its own.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    return Cost(**told(name, [__name__, name, json.dumps(asdict(setting))]))


def told(name: str, words: Sequence[str]) -> Any:
    """What a module with its arguments, run in a process of its own, prints as its last line of JSON.

    Raises:
        RuntimeError: it failed; `name` and its last words are in the message.
    """
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(arguments: Sequence[str]) -> None:
    """Run the named case here and print its cost as JSON."""
    name, setting = arguments[0], Setting(**json.loads(arguments[1]))
    _warm_imports()
    began, used = time.perf_counter(), _cpu_s()
    frames, faces = CASES[name](setting)
    cost = Cost(frames, faces, time.perf_counter() - began, _cpu_s() - used, peak_mb())
    print(json.dumps(asdict(cost)))


def _vidface(setting: Setting, outputs: tuple[str, ...], *more: str) -> tuple[int, int]:
    import vidface

    overrides = (f"detect.every={setting.every}", f"detect.width={setting.width}", *more)
    frames = faces = 0
    with tempfile.TemporaryDirectory() as folder:
        run = vidface.run(
            GRAPH, setting.clip, out=Path(folder) / "out", outputs=outputs, overrides=overrides, device="cpu"
        )
        for tick in run:
            frames += 1
            faces += len(tick["faces"].boxes)
    return frames, faces


def _cv2(setting: Setting, *, skip: bool) -> tuple[int, int]:
    import cv2

    detect = _opencv_detector(setting)
    capture = cv2.VideoCapture(setting.clip)
    frames = faces = 0
    while capture.grab() if skip else capture.read()[0]:
        if frames % setting.every == 0:
            faces += len(detect(capture.retrieve()[1]))
        frames += 1
    capture.release()
    return frames, faces


def _rgb(setting: Setting, source: Any, sink: Any) -> tuple[int, int]:
    import av

    detect = _opencv_detector(setting)
    stream = source.streams.video[0]
    stream.thread_type = "AUTO"
    out = _x264(sink, stream)
    frames = faces = 0
    rows: Any = []
    for frame in source.decode(stream):
        picture = frame.to_ndarray(format="bgr24")
        if frames % setting.every == 0:
            rows = detect(picture)
            faces += len(rows)
        _draw(picture, rows)
        painted = av.VideoFrame.from_ndarray(picture, format="bgr24")
        painted.pts, painted.time_base = frame.pts, frame.time_base
        sink.mux(out.encode(painted))
        frames += 1
    sink.mux(out.encode())
    return frames, faces


def _x264(sink: Any, stream: Any) -> Any:
    """An encoder like the one of vidface_video for pictures like the stream's, PyAV's own threads."""
    out = sink.add_stream("libx264", rate=stream.average_rate, options={"preset": PRESET, "crf": str(CRF)})
    out.width, out.height, out.pix_fmt = stream.width, stream.height, "yuv420p"
    return out


def _opencv_detector(setting: Setting) -> Callable[[Any], Any]:
    """A function from a BGR picture to OpenCV's rows of faces, in pixels of the picture."""
    import cv2

    detector = cv2.FaceDetectorYN.create(setting.weights, "", (setting.width, setting.width), 0.6, 0.3)

    def detect(picture: Any) -> Any:
        height, width = picture.shape[:2]
        size = (setting.width, round(height * setting.width / width))
        detector.setInputSize(size)
        rows = detector.detect(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))[1]
        if rows is None:
            return []
        rows[:, :14] *= width / setting.width
        return rows

    return detect


def _draw(picture: Any, rows: Any) -> None:
    import cv2

    for row in rows:
        x, y, w, h = (int(v) for v in row[:4])
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 255, 0), 2)
        cv2.putText(picture, f"{row[14]:.2f}", (x, y - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 0), 2)


def _warm_imports() -> None:
    """Loading libraries is not what is measured, and all contestants load them, so memory compares."""
    for name in ("av", "cv2", "onnxruntime", "vidface", *PARTS):
        importlib.import_module(name)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
