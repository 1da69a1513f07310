"""Writes video files for the tests of VideoSink."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.media.make_clips import picture
from vidface.data import Frame, SourceInfo
from vidface.media.decode import open_source
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks.video import VideoSink

FAST: dict[str, Any] = {"preset": "ultrafast", "threads": 1}


SPEED: dict[str, dict[str, Any]] = {
    "h264": FAST,
    "h265": FAST,
    "vp9": {"preset": "8", "threads": 1},
    "av1": {"preset": "12", "threads": 1},
    "ffv1": {"threads": 1},
}


def encode(path: Path, out: Path, **how: Any) -> tuple[Path, dict[str, Any]]:
    """Read `path` and write it again; `target` holds changes of the Target, `cut` start and stop."""
    changes, cut = how.pop("target", {}), how.pop("cut", {})
    source = open_source(path, **cut)
    sink = VideoSink(**{**SPEED[how.get("codec", "h264")], **how})
    sink.start(replace(Target(out, "video", source.info, path, **cut), **changes))
    try:
        for frame in source.frames():
            sink.process(frame)
        facts = sink.finish()
    finally:
        sink.close()
    return out / f"video.{sink.container}", facts


INFO = SourceInfo("made up", "images", "rgb", "yuv420p", 64, 48, Fraction(1, 90000), rate=Fraction(25))


def frame_at(i: int, size: tuple[int, int] = (64, 48)) -> Frame:
    """Frame i of the test picture at 25 frames a second."""
    return frame_from_rgb(picture(i, size), i, Fraction(i, 25), duration=Fraction(1, 25))


def write_frames(frames: list[Frame], out: Path, **how: Any) -> tuple[Path, dict[str, Any]]:
    """Encode frames that were made in Python."""
    info = how.pop("info", INFO)
    sink = VideoSink(**{**SPEED[how.get("codec", "h264")], **how})
    sink.start(Target(out, "video", info))
    try:
        for frame in frames:
            sink.process(frame)
        facts = sink.finish()
    finally:
        sink.close()
    return out / f"video.{sink.container}", facts
