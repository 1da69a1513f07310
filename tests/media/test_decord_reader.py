"""decord as a second decoder: the contract with a stand-in, and with the real one where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read, times
from vidface.errors import InputError, UsageError
from vidface.media.decode import open_source


class _Reader:
    """What decord 0.6.0 gives: float times from zero, RGB arrays."""

    def __init__(self, path: str, ctx: Any, num_threads: int) -> None:
        if "refuse" in path:
            raise RuntimeError("decord says no")

    def __len__(self) -> int:
        return 20

    def get_frame_timestamp(self, place: int) -> Any:
        return np.array([place * 0.04, place * 0.04 + 0.04], np.float32)

    def __getitem__(self, place: int) -> Any:
        return SimpleNamespace(asnumpy=lambda: picture(place))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in decord's place."""
    fake = SimpleNamespace(
        VideoReader=_Reader, cpu=lambda n: n, __version__="0.6.0", DECORDError=RuntimeError
    )
    monkeypatch.setitem(sys.modules, "decord", fake)


def test_not_installed_says_how_to_install(clip: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra's name stands in the sentence."""
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(UsageError, match=r"pip install 'vidface\[decord\]'"):
        open_source(clip("h264.mp4"), decoder="decord")


@pytest.mark.usefixtures("stand_in")
def test_frames_at_decords_times(clip: Maker) -> None:
    """Its float times land on the stream's own clock; what it lost against the promise is a hole."""
    source = open_source(clip("h264.mp4"), decoder="decord")
    frames = list(source.frames())
    assert times(frames) == [Fraction(i, 25) for i in range(20)]
    assert np.array_equal(frames[3].rgb(), picture(3))
    assert source.info.decoder == "decord"
    assert "decord 0.6.0" in source.info.extra["decoder"]
    assert [hole.frames for hole in source.holes()] == [4]
    source.close()
    source.close()


@pytest.mark.usefixtures("stand_in")
def test_part_of_a_clip(clip: Maker) -> None:
    """start <= time < stop, as with PyAV."""
    frames = list(open_source(clip("h264.mp4"), decoder="decord", start=0.2, stop=0.4).frames())
    assert times(frames) == [Fraction(i, 25) for i in range(5, 10)]
    assert [f.index for f in frames] == list(range(5))


@pytest.mark.usefixtures("stand_in")
def test_refusal_is_an_input_error(clip: Maker) -> None:
    """What decord cannot open, PyAV may."""
    with pytest.raises(InputError, match="use --decoder pyav"):
        open_source(clip("refuse.mp4"), decoder="decord")


def test_real_decord_agrees_with_pyav(clip: Maker) -> None:
    """On a plain clip both tell the same frames and times."""
    if importlib.util.find_spec("decord") is None:
        pytest.skip("decord is not installed")
    path = clip("plain.mp4", size=(96, 64))
    ours, theirs = read(path), read(path, decoder="decord")
    assert times(ours) == times(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a.rgb().astype(int) - b.rgb()).mean() < 4
