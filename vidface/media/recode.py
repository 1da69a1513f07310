"""Real video coding of a short sequence, in memory: what a codec at some rate does to pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from platform import machine
from typing import Final, Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

Codec = Literal["h264", "hevc", "mpeg4", "mjpeg"]

_ENCODERS: Final = {"h264": "libx264", "hevc": "libx265", "mpeg4": "mpeg4", "mjpeg": "mjpeg"}
_OWN: Final = {
    # With AVX2 x264's macroblock tree reads beyond small frames, and codes them otherwise from time to time.
    "libx264": {"x264-params": "asm=MMX2,SSE2Fast,SSSE3,SSE4.2,AVX"}
    if machine() in ("x86_64", "AMD64")
    else {},
    "libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1"},
}
EXACT: Final = int(Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND)
"""swscale's quick way to RGB cuts instead of rounding, and so darkens by a grey level or more."""
_LEAST: Final = {"hevc": 128}
"""x265 writes where it must not when a side is below 64 px, of which the process may die, and reads there
at 64; smaller frames are filled up."""


def recode(
    frames: Sequence[NDArray[np.uint8]], codec: Codec, crf: float, *, preset: str = "veryfast", rate: int = 25
) -> list[NDArray[np.uint8]]:
    """Encode and decode a sequence; as many frames come back as went in, the same each time.

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
    size = [max(side, _LEAST.get(codec, 0)) for side in (high, wide)]
    room = ((0, size[0] - high), (0, size[1] - wide), (0, 0))
    store = io.BytesIO()
    with av.open(store, "w", format="matroska") as box:
        stream = box.add_stream(_ENCODERS[codec], rate=rate, options=_options(codec, crf, preset))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, rate)
        for place, pixels in enumerate(frames):
            picture = VideoFrame.from_ndarray(
                np.ascontiguousarray(np.pad(pixels, room, "edge")), format="rgb24"
            )
            picture.pts = place
            box.mux(stream.encode(picture))
        box.mux(stream.encode(None))
    store.seek(0)
    with av.open(store, "r") as coded:
        coded.streams.video[0].codec_context.thread_count = 1
        whole = [
            picture.reformat(format="rgb24", interpolation=EXACT).to_ndarray()
            for picture in coded.decode(video=0)
        ]
    return [np.ascontiguousarray(picture[:high, :wide], np.uint8) for picture in whole]


def _options(codec: Codec, crf: float, preset: str) -> dict[str, str]:
    if codec in ("mpeg4", "mjpeg"):
        scale = str(round(min(31.0, max(1.0, crf / 2))))
        return {"qmin": scale, "qmax": scale}
    return {"crf": str(crf), "preset": preset, **_OWN[_ENCODERS[codec]]}
