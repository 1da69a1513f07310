"""What is done to an input between opening and reading."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read
from vidface.media.opening import show_first


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
