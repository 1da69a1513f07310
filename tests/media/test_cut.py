"""Cut: the part of an input; times that vidface writes mean the frames that they were written of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read, times
from vidface.data.times import time_text
from vidface.errors import UsageError
from vidface.media._audiolanes import in_part
from vidface.media.cut import Cut

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("name", ["ntsc.mp4", "ntsc.ts"])
def test_a_written_time_means_its_frame(clip: Maker, name: str) -> None:
    """At 30000/1001 a second two thirds of the written times are rounded: --from gives each frame first, and
    --to exactly those before it."""
    path = clip(name, pts=tuple(1001 * i for i in range(24)), time_base=Fraction(1, 30000))
    whole = times(read(path))
    rounded = [Fraction(time_text(time)) for time in whole]
    assert any(told > time for told, time in zip(rounded, whole, strict=True))
    assert any(told < time for told, time in zip(rounded, whole, strict=True))
    for index, time in enumerate(whole):
        written = float(time_text(time))
        assert times(read(path, start=written)) == whole[index:]
        assert times(read(path, stop=written)) == whole[:index]


def test_a_written_time_means_its_picture(tmp_path: Path) -> None:
    """The same of a folder of pictures."""
    for i in range(8):
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), picture(i, (16, 16)))
    whole = times(read(tmp_path, rate=NTSC))
    for index, time in enumerate(whole):
        written = float(time_text(time))
        assert times(read(tmp_path, rate=NTSC, start=written)) == whole[index:]
        assert times(read(tmp_path, rate=NTSC, stop=written)) == whole[:index]


def test_sound_is_cut_where_pictures_are() -> None:
    """A packet of a frame's time belongs to the part that begins with the frame, on a shifted clock, too."""
    lead = Fraction(1, 3)
    for index in range(1, 90):
        time = index / NTSC
        written = float(time_text(time))
        assert in_part(time, Cut.of(written, None))
        assert not in_part(time, Cut.of(None, written))
        assert in_part(time - lead, Cut.of(written, None).earlier(lead))


def test_neighbours_a_microsecond_away_are_kept_apart() -> None:
    """What rounds to another time is another moment."""
    cut = Cut.of(1.0, 2.0)
    micro = Fraction(1, 1_000_000)
    assert [cut.before(1 + step * micro) for step in (-1, 0, 1)] == [True, False, False]
    assert [cut.behind(2 + step * micro) for step in (-1, 0, 1)] == [False, True, True]
    with pytest.raises(UsageError, match="must lie after"):
        Cut.of(1.0, 1.0)
