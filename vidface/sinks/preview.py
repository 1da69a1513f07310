"""preview: a small copy of the clip that every browser plays, beside a report."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from vidface.data.frame import Frame
from vidface.data.times import time_text
from vidface.media.pixels import AvPixels
from vidface.node import Sink, Target
from vidface.sinks._files import open_private, writing
from vidface.sinks.video import VideoSink

_FORMAT = "yuv420p"


class Preview(Sink):
    """Write `NAME.mp4`: the frames at most `height` pixels tall, H.264 of 8 bits, with the input's sound.

    It is for looking at and for finding a place, not for measuring: as many frames as came, at the same
    times. Its facts say the time of the first frame, since players count from there. The file can be read by
    the owner only, from the first byte on.
    """

    height: int = Field(
        480, ge=64, le=2160, description="Pixels, at most; smaller pictures stay as they are."
    )
    crf: float = Field(27, ge=0, le=51, description="Constant quality, lower is better.")
    audio: Literal["copy", "none"] = Field(
        "copy", description="Copy the sound of the input, or leave it out."
    )
    threads: int = Field(1, ge=1, le=64, description="Threads of the encoder.")

    _video: VideoSink | None = None
    _target: Target
    _size: tuple[int, int] | None = None
    _first: Fraction | None = None

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.mp4",)

    def start(self, target: Target) -> None:
        self._target, self._size, self._first = target, None, None
        self._video = VideoSink(crf=self.crf, preset="veryfast", audio=self.audio, threads=self.threads)
        self._video.start(target)

    def process(self, frame: Frame) -> None:
        """Encode one frame.

        Raises:
            OutputError: the disk is full or the folder is gone.
        """
        if self._video is None:
            raise RuntimeError("Preview.process wants start() first")
        if self._size is None or self._first is None:
            self._size, self._first = _fitting(frame.size, self.height), frame.time
            path = self._target.folder / f"{self._target.name}.mp4"
            with writing(path):
                os.close(open_private(path))  # FFmpeg empties a file that is there, and leaves its mode
        pixels = AvPixels.of(frame)
        small = pixels.encodable(_FORMAT, self._size)
        # Scaled pictures carry no tags: those of the whole one, else HDR and others are shown as SDR.
        colour = pixels.upright()[1]
        told = replace(colour, full_range=AvPixels(small).colour.full_range)
        self._video.process(frame.with_pixels(AvPixels(small, colour=told)))

    def finish(self) -> dict[str, Any]:
        if self._video is None:
            return {}
        facts = self._video.finish()
        if self._size is None or self._first is None:
            return facts
        return facts | {"size": list(self._size), "first_time": time_text(self._first)}

    def close(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None


def _fitting(size: tuple[int, int], height: int) -> tuple[int, int]:
    """Width and height, both even, as near to the picture's shape as that goes."""
    scale = min(1.0, height / size[1])
    wide, high = (max(2, 2 * round(side * scale / 2)) for side in size)
    return wide, high
