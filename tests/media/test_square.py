"""Square pixels: sizes, the picture itself, turns, and who refuses `square`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read
from vidface.errors import UsageError
from vidface.media.decode import open_source
from vidface.media.live.options import LiveOptions
from vidface.media.probe import probe
from vidface.media.square import squared


@pytest.mark.parametrize(
    ("stored", "aspect", "shown"),
    [
        ((72, 58), "16/15", (76, 58)),  # 76.8 is nearer to 76 than to 78
        ((72, 48), "8/9", (72, 54)),
        ((64, 48), "2/1", (128, 48)),
        ((64, 48), "1/2", (64, 96)),
    ],
)
def test_the_longer_side_of_pixels_is_enlarged(
    clip: Maker, stored: tuple[int, int], aspect: str, shown: tuple[int, int]
) -> None:
    """Never the other one shrunk: what was stored is all there."""
    path = clip("one.mp4", size=stored, pts=(0, 1, 2), aspect=Fraction(aspect))
    source = open_source(path, square=True)
    assert (source.info.width, source.info.height) == shown
    assert "sample_aspect_ratio" not in source.info.extra
    said = f"pixels were {aspect.replace('/', ':')} (wide to high), {stored[0]} x {stored[1]}"
    assert source.info.extra["made_square"] == said
    frames = list(source.frames())
    assert [frame.rgb().shape[1::-1] for frame in frames] == [shown] * 3
    assert [frame.time for frame in frames] == [frame.time for frame in read(path)]


def test_what_is_seen_is_the_stored_picture_stretched(clip: Maker) -> None:
    """Shrunk again it is the stored one, nowhere shifted: the mean difference is below a grey level."""
    path = clip("one.mp4", size=(64, 48), pts=(0,), aspect=Fraction(2))
    (plain,), (wide,) = read(path), open_source(path, square=True).frames()
    back = wide.rgb().astype(float).reshape(48, 64, 2, 3).mean(2)
    assert np.abs(back - plain.rgb()).mean() < 1


@pytest.mark.parametrize("said", [0, 90])
@pytest.mark.parametrize("rotate", [0, 90])
def test_turned_pixels_are_long_the_other_way(clip: Maker, said: int, rotate: int) -> None:
    """The ratio is the stored picture's, whoever turns it."""
    path = clip("one.mp4", size=(64, 48), pts=(0,), aspect=Fraction(2), rotation=said)
    source = open_source(path, square=True, rotate=rotate)
    (frame,) = source.frames()
    assert (source.info.width, source.info.height) == frame.rgb().shape[1::-1]
    assert sorted((source.info.width, source.info.height)) == [48, 128]
    assert (source.info.width == 48) == ((said + rotate) % 180 == 90)


def test_square_pixels_are_left_alone(clip: Maker) -> None:
    """The source itself, with no stage in between."""
    source = open_source(clip("one.mp4", pts=(0,)))
    assert squared(source) is source
    source.close()


def test_notes_of_the_reader_still_arrive(clip: Maker, tmp_path: Path) -> None:
    """What it finds odd about the times while it reads stands in the stretched source's account."""
    path = clip("one.mkv", pts=(0, 1, 100, 101), aspect=Fraction(2))
    source = open_source(path, square=True)
    for _ in source.frames():
        pass
    assert source.holes() == ()
    assert source.info.extra["longest_gap"].startswith("3.96")
    assert probe(path).extra["sample_aspect_ratio"] == "2:1"


def test_who_cannot_says_so(clip: Maker) -> None:
    """Another decoder, and what is live."""
    path = clip("one.mp4", pts=(0,), aspect=Fraction(2))
    with pytest.raises(UsageError, match="--square is for the decoder pyav: leave --decoder out"):
        open_source(path, square=True, decoder="decord")
    with pytest.raises(UsageError, match=r"--square is for files, but .* is live"):
        open_source(f"chaos:{path}", square=True, live=LiveOptions(retry=0))
