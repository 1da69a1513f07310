"""Beside: title and date go along, what else an input holds is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.sinks.video_files import encode
from vidface.media._beside import beside

TAGS = {"title": "A walk", "creation_time": "2020-01-02T03:04:05.000000Z", "artist": "Me"}
LIGHT = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1):max-cll=1000,400"


def rich(path: Path, out: Path) -> Path:
    """The same pictures with tags, two chapters and a second video stream."""
    with av.open(str(path)) as source, av.open(str(out), "w") as made:
        made.metadata.update(TAGS)
        chapters: list[Any] = [
            {"id": i, "start": i, "end": i + 1, "time_base": source.streams[0].time_base, "metadata": {}}
            for i in range(2)
        ]
        made.set_chapters(chapters)
        lanes = [made.add_stream_from_template(source.streams.video[0]) for _ in range(2)]
        for packet in source.demux():
            for lane in lanes if packet.dts is not None else ():
                packet.stream = lane
                made.mux_one(packet)
    return out


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_title_and_date_go_along_and_the_rest_is_told(clip: Maker, tmp_path: Path, container: str) -> None:
    path = rich(clip("in.mp4"), tmp_path / f"rich.{container}")
    out, facts = encode(path, tmp_path, container=container)
    assert facts["notes"] == ["left out of what the input holds: 1 further video stream, 2 chapters, 1 tag"]
    with av.open(str(out)) as made:
        told = {key.lower(): text for key, text in made.metadata.items()}
    assert told["title"] == TAGS["title"]
    assert told["creation_time"] == TAGS["creation_time"]
    assert told["comment"].startswith("made with vidface")


@pytest.mark.parametrize(
    "how", [{"cut": {"stop": 0.5}}, {"target": {"hidden_by": ("anonymize.faces",)}}], ids=["part", "hidden"]
)
def test_a_part_and_hidden_people_keep_no_tags(clip: Maker, tmp_path: Path, how: dict[str, Any]) -> None:
    """The date of a part is another one, and a title can be a name."""
    path = rich(clip("in.mp4"), tmp_path / "rich.mkv")
    out, facts = encode(path, tmp_path, **how)
    assert any("3 tags" in note for note in facts["notes"])
    assert "walk" not in str(out.read_bytes())


def test_light_levels_of_hdr10_are_told(clip: Maker, tmp_path: Path) -> None:
    """Only of an input that holds them."""
    said = []
    for name, light in (("plain.mp4", ""), ("hdr.mp4", f":hdr10=1:{LIGHT}")):
        path = tmp_path / name
        with av.open(str(path), "w") as made:
            # With B-frames, the decoding time that x265 gives a lone picture is whatever lay in memory.
            options = {"preset": "ultrafast", "x265-params": f"log-level=none:bframes=0{light}"}
            stream: Any = made.add_stream("libx265", rate=25, options=options)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p10le"
            stream.codec_context.color_trc = 16
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
        _, facts = encode(path, tmp_path)
        said.append(facts["notes"])
    assert said == [[], ["HDR10 mastering data (light levels of the display and the content) was left out"]]


def test_nothing_is_said_of_a_file_that_is_gone(tmp_path: Path) -> None:
    assert beside(tmp_path / "gone.mp4", keep=True).notes == ()
