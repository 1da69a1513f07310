"""preview: small, of a kind that browsers play, private, at the input's times."""

from __future__ import annotations

import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.media.make_clips import Clip, make
from tests.sinks.test_jsonl import BASE, target
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.sinks.preview import Preview


def test_it_is_small_and_at_the_same_times(tmp_path: Path) -> None:
    """Height as asked, even sides, 8 bits 4:2:0, every frame at its time (uneven ones too)."""
    pts = [6400, 6912, 8000, 9000]
    sink = Preview(height=96)
    sink.start(target(tmp_path, "preview"))
    for index, when in enumerate(pts):
        pixels = np.full((241, 321, 3), 40 * index, np.uint8)
        sink.process(replace(frame_from_rgb(pixels, index), pts=when, time_base=BASE))
    facts = sink.finish()
    sink.close()
    path = tmp_path / "preview.mp4"
    source = open_source(path)
    assert (source.info.width, source.info.height) == (128, 96)
    assert source.info.pixel_format == "yuv420p"
    assert [frame.time for frame in source.frames()] == [when * BASE for when in pts]
    source.close()
    assert facts["first_time"] == "0.500000"
    assert facts["size"] == [128, 96]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_private_while_it_grows(tmp_path: Path) -> None:
    """From the first frame on, also in place of a file that all could read: a kill leaves no open one."""
    path = tmp_path / "preview.mp4"
    path.write_bytes(b"old")
    path.chmod(0o644)
    sink = Preview()
    sink.start(target(tmp_path, "preview"))
    for index in range(2):
        pixels = np.full((64, 64, 3), 40 * index, np.uint8)
        sink.process(replace(frame_from_rgb(pixels, index), pts=6400 + 512 * index, time_base=BASE))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sink.finish()
    sink.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_frames_there_is_no_file(tmp_path: Path) -> None:
    """An empty run says so and ends well."""
    sink = Preview()
    sink.start(target(tmp_path, "preview"))
    assert sink.finish()["files"] == []
    sink.close()


def test_it_says_the_colours_of_the_whole_picture(tmp_path: Path) -> None:
    """Scaled down and to 8 bits, HDR stays tagged as such, else browsers show it grey."""

    clip = make(
        tmp_path / "in.mkv", Clip(codec="ffv1", pixel_format="yuv420p10le", bare_options={}, pts=(0,))
    )
    with closing(open_source(clip)) as source:
        frame = next(iter(source.frames()))
    pixels = AvPixels.of(frame)
    colour = replace(pixels.upright()[1], matrix="bt2020", tag=9, primaries=9, transfer=16, source="tags")
    sink = Preview(height=64)
    sink.start(target(tmp_path, "preview"))
    sink.process(frame.with_pixels(AvPixels(pixels.upright()[0], colour=colour)))
    sink.finish()
    sink.close()
    info = open_source(tmp_path / "preview.mp4").info
    assert info.matrix == "bt2020"
    assert (info.extra["primaries"], info.extra["transfer"]) == (9, 16)
