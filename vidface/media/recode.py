"""Real video coding of a short sequence, in memory: what a codec at some rate does to pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

Codec = Literal["h264", "hevc", "mpeg4", "mjpeg"]

_ENCODERS: Final = {"h264": "libx264", "hevc": "libx265", "mpeg4": "mpeg4", "mjpeg": "mjpeg"}
_QUIET: Final = {"libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1"}}


def recode(
    frames: Sequence[NDArray[np.uint8]], codec: Codec, crf: float, *, preset: str = "veryfast", rate: int = 25
) -> list[NDArray[np.uint8]]:
    """Encode and decode a sequence; as many frames come back as went in.

    Args:
        frames: H x W x 3 uint8 RGB, all of one size, sides even and at least 16.
        codec: h264 and hevc by `crf` 0..51; mpeg4 and mjpeg by a quantiser that `crf` / 2 becomes, 1..31.
        crf: higher is worse.
        preset: of h264 and hevc.
        rate: frames a second, which the encoder's rate control looks at.

    Raises:
        ValueError: sizes differ, or a side is odd or below 16.
    """
    shapes = {frame.shape for frame in frames}
    high, wide = frames[0].shape[:2] if len(frames) else (0, 0)
    if len(shapes) != 1 or high % 2 or wide % 2 or min(high, wide) < 16:
        raise ValueError(f"frames to code want one size with even sides of 16 px or more, but got {shapes}")
    store = io.BytesIO()
    with av.open(store, "w", format="matroska") as box:
        stream = box.add_stream(_ENCODERS[codec], rate=rate, options=_options(codec, crf, preset))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = wide, high
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, rate)
        for place, pixels in enumerate(frames):
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            picture.pts = place
            box.mux(stream.encode(picture))
        box.mux(stream.encode(None))
    store.seek(0)
    with av.open(store, "r") as coded:
        coded.streams.video[0].codec_context.thread_count = 1
        return [np.asarray(picture.to_ndarray(format="rgb24"), np.uint8) for picture in coded.decode(video=0)]


def _options(codec: Codec, crf: float, preset: str) -> dict[str, str]:
    if codec in ("mpeg4", "mjpeg"):
        scale = str(round(min(31.0, max(1.0, crf / 2))))
        return {"qmin": scale, "qmax": scale}
    return {"crf": str(crf), "preset": preset, **_QUIET.get(_ENCODERS[codec], {})}
