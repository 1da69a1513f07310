"""What is done to an input between opening and reading."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read
from vidface.errors import InputError
from vidface.media.opening import open_input, show_first


class Watched:
    """A container and its stream, whose decoder notes what it is given."""

    def __init__(self, path: Path) -> None:
        self._real = av.open(str(path))
        self.given: list[int | None] = []
        real = self._real.streams.video[0].codec_context
        decode = lambda packet: self.given.append(packet.pts)  # noqa: E731
        context = SimpleNamespace(codec=real.codec, profile=real.profile, decode=decode)
        self.stream: Any = SimpleNamespace(codec_context=context)

    def demux(self, _stream: Any) -> Iterator[Any]:
        return iter(self._real.demux(self._real.streams.video[0]))


@pytest.mark.parametrize(("pixel_format", "given"), [("yuv444p", [0]), ("yuv420p", [])])
def test_the_first_packet_is_shown_to_the_decoder_where_it_says_how_to_read_the_rest(
    clip: Maker, pixel_format: str, given: list[int]
) -> None:
    """Streams of x264 up to build 150 in 4:4:4 are garbage without it, which today's x264 cannot make."""
    watched: Any = Watched(clip("a.mp4", pixel_format=pixel_format))
    show_first(watched, watched.stream)
    assert watched.given == given


def test_a_part_of_a_444_stream_is_that_of_the_whole(clip: Maker) -> None:
    path = clip("a.mp4", pixel_format="yuv444p")
    wanted = [one for one in read(path) if one.time >= Fraction("0.5")]
    got = read(path, start=0.5)
    assert [one.time for one in got] == [one.time for one in wanted]
    assert all(np.array_equal(a.rgb(), b.rgb()) for a, b in zip(got, wanted, strict=True))


CONCAT = "ffconcat version 1.0\nfile real.ts"
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nreal.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("name", "text", "kind"), [("clip.mp4", CONCAT, "concat"), ("clip.m3u8", HLS, "hls")]
)
def test_a_file_that_only_names_others_is_refused(
    clip: Maker, tmp_path: Path, name: str, text: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg would play it, and the input's hash be that of a few lines. It is closed again."""
    (tmp_path / "real.ts").write_bytes(clip("real.ts").read_bytes())
    (tmp_path / name).write_text(text)
    opened: list[Any] = []
    real = av.open

    def noting(*words: Any, **options: Any) -> Any:
        opened.append(real(*words, **options))
        return opened[-1]

    monkeypatch.setattr(av, "open", noting)
    with pytest.raises(InputError, match=rf"\({kind}\) that only says which others to play.*ffmpeg -i"):
        open_input(tmp_path / name)
    with pytest.raises(AssertionError, match="not open"):
        next(opened[0].demux())


@pytest.mark.parametrize(("name", "part"), [("clip.MLV", "clip.M00"), ("clip.mlv", "clip.m00")])
def test_a_recording_of_one_part_is_read_and_one_of_several_refused(
    tmp_path: Path, name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Magic Lantern's frames are in the file itself; those of clip.M00 FFmpeg would show without a word."""
    (tmp_path / name).write_bytes(b"MLVI")
    shut: list[bool] = []
    whole = SimpleNamespace(format=SimpleNamespace(name="mlv"), close=lambda: shut.append(True))
    monkeypatch.setattr(av, "open", lambda *_words, **_options: whole)
    container: Any = open_input(tmp_path / name)
    assert container is whole
    (tmp_path / part).touch()
    with pytest.raises(InputError, match=rf"first part of a recording \(mlv\) that goes on in {part}"):
        open_input(tmp_path / name)
    assert shut == [True]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_percent_in_a_picture_s_name_names_no_row_of_files(tmp_path: Path, suffix: str) -> None:
    """FFmpeg would show 1%d.png as 10.png, 11.png and so on."""
    for name, i in (("1%d", 5), ("10", 20), ("11", 25)):
        assert cv2.imwrite(str(tmp_path / f"{name}.{suffix}"), picture(i)[..., ::-1])
    frames = read(tmp_path / f"1%d.{suffix}")
    assert len(frames) == 1
    assert np.abs(frames[0].rgb().astype(int) - picture(5)).mean() < 4
