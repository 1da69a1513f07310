"""Clips played as cameras: --realtime and chaos, through the same source."""

from __future__ import annotations

import time
from pathlib import Path

from tests.media.make_clips import Clip, make
from vidface.media.live.address import live_address
from vidface.media.live.entry import Entrant
from vidface.media.live.options import LiveOptions
from vidface.media.live.source import LiveSource


def played(
    address: str,
    *,
    realtime: bool = False,
    lasts_s: float | None = None,
    staleness_s: float = 5,
    stall_s: float = 5,
) -> LiveSource:
    found = live_address(address, realtime=realtime)
    assert found is not None
    options = LiveOptions(stall_s=stall_s, first_wait_s=0.2, seed=1, staleness_s=staleness_s)
    return LiveSource(found, options, lasts_s=lasts_s)


def test_a_file_played_as_live_takes_its_time(camera_clip: Path) -> None:
    """Every frame once, from the first on, in the time that the clip lasts, and then the end."""
    source = played(str(camera_clip), realtime=True)
    began = time.monotonic()
    frames = list(source.frames())
    assert time.monotonic() - began > 0.9
    assert len(frames) + source.dropped.total() == 25
    assert frames[0].time == 0 or source.dropped.total() > 0
    assert source.info.live


def test_what_is_played_before_anybody_takes_it_is_counted(camera_clip: Path) -> None:
    """The film begins when somebody watches, however late the first frame is fetched."""
    source = played(str(camera_clip), realtime=True)
    take = source._entry.take

    def late(timeout_s: float | None = None) -> Entrant | None:
        time.sleep(0.4 if not source.dropped else 0)
        return take(timeout_s)

    source._entry.take = late  # type: ignore[method-assign]
    frames = list(source.frames())
    assert source.facts()["before_the_run"] == 0
    assert len(frames) + source.dropped.total() == 25


def test_a_turned_clip_stands_upright(tmp_path: Path) -> None:
    """The display matrix does not travel with packets, and comes through all the same."""
    clip = make(tmp_path / "turned.mp4", Clip(rotation=90, pts=range(3)))
    source = played(str(clip), realtime=True)
    assert (source.info.width, source.info.height) == (48, 64)
    assert next(source.frames()).size == (48, 64)
    source.close()


def test_watching_ends_in_time(camera_clip: Path) -> None:
    """Two seconds of a clip that is played for ever."""
    source = played(f"chaos:{camera_clip}?loops=forever", lasts_s=2)
    began = time.monotonic()
    assert 0 < len(list(source.frames())) <= 51
    assert time.monotonic() - began < 60


def test_lost_and_damaged_packets_are_survived(camera_clip: Path) -> None:
    """Fewer pictures than packets, and what the decoder says of it is a hole."""
    source = played(f"chaos:{camera_clip}?drop=20%&corrupt=50%&loops=2&speed=4&seed=5")
    frames = list(source.frames())
    assert 10 < len(frames) + source.dropped.total() < 50
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_a_leap_of_the_clock_is_a_new_epoch(camera_clip: Path) -> None:
    """Half a minute forward after a second; the hole says so."""
    source = played(f"chaos:{camera_clip}?jump=30s&every=1s&loops=2&speed=2")
    frames = list(source.frames())
    assert [frames[0].epoch, frames[-1].epoch] == [0, 1]
    assert frames[-1].time - frames[0].time > 30
    assert any("clock leapt" in hole.cause for hole in source.holes())


def test_a_cut_and_a_freeze_are_reconnections(camera_clip: Path) -> None:
    """Refused for a while, back where the camera is by now; silent for longer than a stall, called again."""
    faults = "cut=0.2s&freeze=1.2s&every=1.4s&loops=forever"
    source = played(f"chaos:{camera_clip}?{faults}", lasts_s=60, stall_s=0.5)
    causes: set[str] = set()
    for _ in source.frames():
        causes = {hole.cause.partition(" for ")[0].partition(";")[0] for hole in source.holes()}
        if len(causes) == 2:
            break
    source.close()
    assert causes == {"camera lost: the camera ended the connection", "camera lost: nothing came"}
    assert source.facts()["lost_s"] > 0.5
