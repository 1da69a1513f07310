"""Frames go as soon as nobody holds them; they do not wait for the garbage collector."""

from __future__ import annotations

import gc
from pathlib import Path

from vidface.media.decode import open_source


def test_frames_are_free_of_reference_cycles(samples: Path) -> None:
    """Of 60 frames that were looked at, collecting finds at most one: a 1080p picture is 3 MB, 4K is 12."""
    source = open_source(samples / "two_people.mp4")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for frame in source.frames():
            frame.bgr(width=320)
            frame.planes()
            if frame.index == 60:
                break
        del frame
        gc.collect()
        kept = sum(type(thing).__name__ == "VideoFrame" for thing in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        source.close()
    assert kept <= 1
