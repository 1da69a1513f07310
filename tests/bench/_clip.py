"""A long 1080p H.264 clip with one to two faces, made from the project's sample and kept in a folder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

BASE_FRAMES = 500
SIZE = (1920, 1080)
RATE = 25
GRAIN = 2.0
"""Standard deviation of the noise over the enlarged sample, which would be too easy to decode without."""


def long_clip(sample: Path, folder: Path, frames: int) -> Path:
    """The clip with that many frames, a multiple of `BASE_FRAMES`; made once, by copying packets."""
    if frames % BASE_FRAMES:
        raise ValueError(f"frames must be a multiple of {BASE_FRAMES}, but is {frames}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"faces_1080p_{frames}.mp4"
    if path.is_file():
        return path
    base = folder / f"faces_1080p_{BASE_FRAMES}.mp4"
    if not base.is_file():
        _encode(sample, base)
    if frames > BASE_FRAMES:
        _repeat(base, path, frames // BASE_FRAMES)
    return path


def _encode(sample: Path, path: Path) -> None:
    """Enlarge the sample, add grain, play it again from the start where it is too short."""
    draft = path.with_suffix(".draft.mp4")
    rng = np.random.default_rng(1)
    grain = [rng.normal(0, GRAIN, SIZE[::-1]).astype(np.float32) for _ in range(4)]
    with av.open(str(sample)) as source:
        pictures = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)]
    with av.open(str(draft), "w") as sink:
        stream = sink.add_stream("libx264", rate=RATE, options={"preset": "medium", "crf": "23"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(BASE_FRAMES):
            large = cv2.resize(pictures[index % len(pictures)], SIZE, interpolation=cv2.INTER_CUBIC)
            noisy = np.clip(large + grain[index % 4][..., None], 0, 255).astype(np.uint8)
            sink.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        sink.mux(stream.encode())
    draft.replace(path)


def _repeat(base: Path, path: Path, times: int) -> None:
    """The base clip so many times over, packet by packet, nothing encoded again."""
    draft = path.with_suffix(".draft.mp4")
    with av.open(str(draft), "w") as sink:
        out = None
        for turn in range(times):
            with av.open(str(base)) as source:
                stream = source.streams.video[0]
                out = out or sink.add_stream_from_template(stream)
                length = int(BASE_FRAMES / (RATE * (stream.time_base or Fraction(1, RATE))))
                for packet in source.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += turn * length
                    packet.dts += turn * length
                    packet.stream = out
                    sink.mux(packet)
    draft.replace(path)
