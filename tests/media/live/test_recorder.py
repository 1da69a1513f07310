"""Recorder: every packet in exactly one segment, whatever happens to camera, disk and process."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from av.error import ArgumentError, InvalidDataError

from tests.media.live.sent import pictures, plain, recorded, sent, timed
from tests.media.make_clips import Clip, make
from vidface.data.event import Event
from vidface.media.live import _reel
from vidface.media.live import recorder as recorder_module
from vidface.media.live._diskreason import disk_reason
from vidface.media.live.address import live_address
from vidface.media.live.options import LiveOptions
from vidface.media.live.recorder import Recorder
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.live.source import LiveSource
from vidface.media.live.wire import Coded, Trouble

ALWAYS = RecordSettings(when="always", segment_s=1, keep_h=None, keep_gb=None, free_gb=0)
LOST = Trouble("lost", "gone")
CODINGS = {
    "h264 with B-frames": Clip(pts=range(60)),
    "h265": Clip("libx265", pts=range(40)),
    "mpeg4": Clip("mpeg4", pts=range(40), time_base=Fraction(1, 25)),
    "mjpeg": Clip("mjpeg", "yuvj420p", pts=range(40)),
    "vp8": Clip("libvpx", pts=range(40), options={"deadline": "realtime", "cpu-used": "8", "g": "12"}),
    "uneven times": Clip(pts=[0, 1, 3, 4, 9, 10, 11, 13, *range(20, 60)]),
}
SUFFIX = {"vp8": ".webm", "mjpeg": ".mkv"}


@pytest.fixture
def make_recorder(tmp_path: Path) -> Iterator[Callable[..., Recorder]]:
    """Recorders into one folder; what they tell stands in `told`."""
    made: list[Recorder] = []

    def begin(settings: RecordSettings = ALWAYS, **options: Any) -> Recorder:
        made.append(Recorder(tmp_path / "recordings", settings, name="door", **options))
        return made[-1]

    yield begin
    for recorder in made:
        recorder.close()


def feed(recorder: Recorder, *messages: Any) -> None:
    for message in messages:
        if isinstance(message, list):
            feed(recorder, *message)
        else:
            recorder.take(message)


def served(recorder: Recorder) -> None:
    """Wait until everything that came so far was dealt with."""
    done = threading.Event()
    recorder._reel.missed, before = lambda _: done.set(), recorder._reel.missed  # type: ignore[method-assign,assignment]
    with recorder._changed:
        recorder._queue.append(recorder_module._Missed(0))
        recorder._changed.notify()
    assert done.wait(60)
    recorder._reel.missed = before  # type: ignore[method-assign]


@pytest.mark.parametrize("coding", CODINGS)
def test_every_packet_stands_in_exactly_one_segment(
    coding: str, tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """Bytes and times are the source's over all segments, each begins with a key frame, all pictures show."""
    clip = make(tmp_path / f"clip{SUFFIX.get(coding, '.mp4')}", CODINGS[coding])
    opened, packets = sent(clip)
    recorder = make_recorder()
    feed(recorder, opened, packets, LOST)
    recorder.close()
    rows = recorder.recordings.rows()
    assert len(rows) >= 2
    assert recorded(recorder.recordings) == plain(packets)
    files = [recorder.recordings.folder / row["file"] for row in rows]
    assert [pictures(path) for path in files] == [row["packets"] for row in rows]
    assert all(next(packet for packet in packets if packet.pts == row["pts"]).key for row in rows)
    assert all(path.suffix == (".mkv" if coding == "vp8" else ".mp4") for path in files)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert all(a["end"] == b["dts"] for a, b in pairwise(rows))
    assert recorder.facts()["packets"] == len(packets)
    assert (recorder.facts()["lost"], recorder.facts()["moved"]) == (0, 0)


def test_a_source_records_what_it_plays(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """Through the camera's process: every packet of the clip, once, though the player begins twice."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(60)))
    recorder = make_recorder(always(segment_s=0.6))
    address = live_address(f"chaos:{clip}?speed=2")
    assert address is not None
    source = LiveSource(address, LiveOptions(recorder=recorder, retry=0))
    assert sum(1 for _ in source.frames()) > 0
    source.close()
    recorder.close()
    assert recorded(recorder.recordings) == plain(sent(clip)[1])
    assert len(recorder.recordings.rows()) == 2


def test_a_slow_graph_costs_no_recording(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """Packets that are left out before the decoder are recorded all the same."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(100), options={"preset": "ultrafast", "g": "5"}))
    recorder = make_recorder()
    address = live_address(f"chaos:{clip}?speed=8")
    assert address is not None
    source = LiveSource(address, LiveOptions(recorder=recorder, retry=0, staleness_s=0.02))
    for _ in source.frames():
        time.sleep(0.1)
    source.close()
    recorder.close()
    assert sum(source.dropped.values()) > 0
    assert recorded(recorder.recordings) == plain(sent(clip)[1])


def test_each_connection_begins_a_segment(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """After a loss nothing is recorded before a key frame, as nothing can be decoded."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(24))))
    recorder = make_recorder(always(segment_s=60))
    feed(recorder, opened, packets[:6], LOST, opened, packets[6:])
    recorder.close()
    assert [row["packets"] for row in recorder.recordings.rows()] == [6, 12]
    assert recorder.facts()["early"] == 6


def test_headers_that_change_begin_a_segment(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """A camera that changes its picture's size in mid-stream: the new file states the new size and plays."""
    options = {"preset": "ultrafast", "g": "12", "bf": "0"}
    opened, small = sent(make(tmp_path / "a.mp4", Clip(pts=range(12), options=options)), start_codes=True)
    wide = sent(
        make(tmp_path / "b.mp4", Clip(size=(96, 48), pts=range(12, 36), options=options)), start_codes=True
    )[1]
    recorder = make_recorder(always(segment_s=60))
    feed(recorder, opened, timed([*small, *wide], opened.time_base), LOST)
    recorder.close()
    rows = recorder.recordings.rows()
    assert [(row["size"], row["packets"]) for row in rows] == [([64, 48], 12), ([96, 48], 24)]
    assert [pictures(recorder.recordings.folder / row["file"]) for row in rows] == [12, 24]


def test_pictures_of_another_size_begin_a_segment(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """MJPEG: one file of two sizes showed the first of them, with what came later cut or stretched."""
    opened, small = sent(make(tmp_path / "a.mkv", CODINGS["mjpeg"]))
    wide = sent(make(tmp_path / "b.mkv", replace(CODINGS["mjpeg"], size=(96, 48), pts=range(40, 60))))[1]
    recorder = make_recorder(always(segment_s=60))
    feed(recorder, opened, timed([*small, *wide], opened.time_base), LOST)
    recorder.close()
    rows = recorder.recordings.rows()
    assert [(row["size"], row["packets"]) for row in rows] == [([64, 48], 40), ([96, 48], 20)]


def test_a_stream_without_headers_is_told_in_a_sentence(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """It said "invalid argument" and no more; with the first headers it begins at once."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(24), options=NO_B))
    opened, packets = sent(clip, start_codes=True)
    picture = packets[0].data[packets[0].data.index(b"\x00\x00\x01\x65") :]
    told: list[str] = []
    recorder = make_recorder(always(segment_s=60), tell=told.append)
    packets[0] = replace(packets[0], data=picture)
    feed(recorder, replace(opened, extradata=b"", size=(0, 0)), packets, LOST)
    recorder.close()
    assert len(told) == 2
    assert "no headers that say how large its pictures are" in told[0]
    assert "set it to send them (SPS and PPS) before each key frame; watching goes on" in told[0]
    assert told[1] == "door: recording goes on."
    assert [row["packets"] for row in recorder.recordings.rows()] == [12]


def test_what_a_file_does_not_take_is_told_in_a_sentence() -> None:
    """FFmpeg's own words name neither what nor why."""
    said = disk_reason(ArgumentError(errno.EINVAL, "Invalid argument"))
    assert said.startswith("the file does not take what the camera sends (invalid argument); set the camera")


def test_a_leap_of_the_clock_is_taken_out(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """The file goes on as if there had been no leap, and the next key frame begins another."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(36), options=NO_B)))
    units = round(30 / opened.time_base)
    moved = [moved_by(packet, -units) if place >= 18 else packet for place, packet in enumerate(packets)]
    recorder = make_recorder(always(segment_s=60))
    feed(recorder, opened, moved, LOST)
    recorder.close()
    rows = recorder.recordings.rows()
    assert [row["packets"] for row in rows] == [24, 12]
    assert [pictures(recorder.recordings.folder / row["file"]) for row in rows] == [24, 12]
    assert recorder.facts()["moved"] == 0


def test_streams_without_times_or_key_frames_are_recorded(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that renews its picture bit by bit begins anywhere; missing times are made up."""
    monkeypatch.setattr(_reel, "MOST_TO_KEY", 5)
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(60), options=NO_B)))
    bare = [replace(packet, pts=None, dts=None, key=False) for packet in packets]
    recorder = make_recorder()
    feed(recorder, opened, bare, LOST)
    recorder.close()
    assert [data for _, data in recorded(recorder.recordings)] == [packet.data for packet in bare[5:]]
    assert len(recorder.recordings.rows()) == 3


def test_an_event_keeps_what_was_before_it(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """By whole groups: from the key frame at or before, to the first key frame after its time is over."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(150), options=NO_B)))
    packets = shifted(slower(packets, 100), -300.0)  # the first 75 are in the past when the event happens
    recorder = make_recorder(around(before_s=100, after_s=100, segment_s=1000))
    feed(recorder, opened, packets[:75])
    served(recorder)
    assert 100 <= recorder.facts()["held_s"] <= 200
    recorder.send(event("unknown_lingering"))
    feed(recorder, packets[75:], LOST)
    recorder.close()
    kept = recorded(recorder.recordings)
    places = [place for place, packet in enumerate(plain(packets)) if packet in kept]
    assert len(kept) == len(places) == places[-1] - places[0] + 1
    assert (places[0], places[-1]) == (48, 107)
    row = recorder.recordings.rows()[0]
    assert (row["why"], row["events"]) == ("events", {"unknown_lingering": 1})


def test_a_face_is_recorded_until_it_leaves(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """However long that is, and `after_s` beyond."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(250), options=NO_B)))
    recorder = make_recorder(around(before_s=0, after_s=1))
    feed(recorder, opened, packets[:1])
    served(recorder)
    recorder.send(event("track_started", track="1-7"))
    feed(recorder, packets[1:200])
    served(recorder)
    assert recorder.facts()["state"] == "recording"
    recorder.send(event("track_left", track="1-7"))
    feed(recorder, packets[200:], LOST)
    recorder.close()
    assert recorded(recorder.recordings) == plain(packets[:204])


def test_a_face_is_recorded_on_after_the_camera_was_lost(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """It is still there when the camera is back: everything up to its leaving, however long that takes."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(0, 1500, 5), options=NO_B)))
    packets = shifted(packets, 3600.0)  # long after the last event
    recorder = make_recorder(around(before_s=0, after_s=1))
    feed(recorder, opened, packets[:24])
    served(recorder)
    recorder.send(event("track_started", track="1-7"))
    feed(recorder, LOST, opened, packets[24:])
    served(recorder)
    assert recorder.facts()["state"] == "recording"
    recorder.send(event("track_left", track="1-7"))
    recorder.close()
    assert recorded(recorder.recordings)[-276:] == plain(packets[24:])


def test_a_face_is_gone_once_nobody_tells_of_it_any_more(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """A graph that failed tells of no leaving; nor is there one for events that were not asked for."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(72), options=NO_B)))
    packets = shifted(packets, 3600.0)
    left = partial(Recorder.send, event=event("track_left", "1"))
    ways: tuple[Callable[[Recorder], None], ...] = (Recorder.nobody, left)
    for number, ends in enumerate(ways):
        recorder = make_recorder(around(before_s=0, after_s=1, on=("track_started",)))
        feed(recorder, opened, packets[:1])
        served(recorder)
        recorder.send(event("track_started", track="1"))
        feed(recorder, packets[1:20])
        ends(recorder)
        served(recorder)
        feed(recorder, packets[20:], LOST)
        recorder.close()
        assert len(recorded(recorder.recordings)) == 24 * (number + 1)  # up to the next key frame


def test_nothing_is_swept_after_a_segment_while_there_is_room(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only once the segments are more than may be kept; then at once."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(240), options=NO_B)))
    recorder = make_recorder(always(keep_gb=1.0))
    served(recorder)
    swept: list[float | None] = []
    sweep = recorder.recordings.sweep

    def noted(keep_h: float | None, keep_gb: float | None) -> list[dict[str, Any]]:
        swept.append(keep_gb)
        return sweep(keep_h, keep_gb)

    monkeypatch.setattr(recorder.recordings, "sweep", noted)
    feed(recorder, opened, packets[:120])
    served(recorder)
    assert len(recorder.recordings.rows()) >= 2
    assert swept == []
    recorder.keep(always(keep_gb=1e-9))
    feed(recorder, packets[120:], LOST)
    recorder.close()
    assert len(swept) >= 2
    assert recorder.recordings.rows() == []


def test_nothing_is_recorded_where_nothing_happens(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """Also not for a kind of event that was not asked for."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(30))))
    recorder = make_recorder(around(on=("track_identified",)))
    recorder.send(event("track_started", track="1"))
    feed(recorder, opened, packets, LOST)
    recorder.close()
    assert not (tmp_path / "recordings").exists()


def test_the_seconds_before_a_camera_was_lost_are_kept(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """The loss is an event like others, though no packet comes after it."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(30))))
    recorder = make_recorder(around(before_s=10))
    feed(recorder, opened, shifted(packets, -2.0), LOST)
    served(recorder)
    recorder.send(event("camera_lost"))
    recorder.close()
    assert recorded(recorder.recordings) == plain(packets)


def test_a_full_disk_stops_the_recording_with_one_sentence(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was whole plays and is in the index; recording goes on, from a key frame, once there is room."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(120), options=NO_B)))
    disk = _Disk(room=sum(len(packet.data) for packet in packets[:40]) + 3000)
    monkeypatch.setattr(os, "write", disk.write)
    monkeypatch.setattr(_reel, "_AGAIN_S", 0.0)
    told: list[str] = []
    recorder = make_recorder(always(segment_s=60), tell=told.append)
    feed(recorder, opened, packets[:80])
    served(recorder)
    assert len(told) == 1
    assert told[0].startswith("door: recording stops: the disk is full; watching goes on")
    assert (recorder.facts()["state"], recorder.facts()["cause"]) == ("stopped", "the disk is full")
    disk.room = 10**9
    feed(recorder, packets[80:], LOST)
    recorder.close()
    assert told[1:] == ["door: recording goes on."]
    rows = recorder.recordings.rows()
    counts = [pictures(recorder.recordings.folder / row["file"]) for row in rows]
    assert len(rows) == 2
    assert 0 < counts[0] <= rows[0]["packets"] < 80
    assert counts[1] == rows[1]["packets"]
    assert counts[1] % 12 == 0  # from a key frame on
    assert rows[1]["lost_before"] == recorder.facts()["lost"] == 120 - rows[0]["packets"] - counts[1] > 0


def test_a_disk_that_fills_up_while_a_segment_is_closed(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of an MP4 does not fit any more: what stands before it plays without."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(60), options=NO_B)))
    disk = _Disk(room=10**9)
    monkeypatch.setattr(os, "write", disk.write)
    told: list[str] = []
    recorder = make_recorder(always(segment_s=60), tell=told.append)
    feed(recorder, opened, packets)
    served(recorder)
    disk.room = 0
    feed(recorder, LOST)
    recorder.close()
    files = sorted((tmp_path / "recordings").glob("*.mp4"))
    assert len(told) == 1
    assert "the disk is full" in told[0]
    assert pictures(files[0]) >= 25


def test_little_room_on_the_disk_stops_it_too(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """Others need the disk as well."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(30))))
    told: list[str] = []
    recorder = make_recorder(always(free_gb=10**9), tell=told.append)
    feed(recorder, opened, packets, LOST)
    recorder.close()
    assert len(told) == 1
    assert "less than 1e+09 GB are free" in told[0]
    assert recorder.facts()["lost"] == len(packets)


def test_what_no_container_takes_is_said_once(tmp_path: Path, make_recorder: Callable[..., Recorder]) -> None:
    """Video that is not compressed: one sentence, and no file."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(30))))
    told: list[str] = []
    recorder = make_recorder(tell=told.append)
    feed(recorder, replace(opened, codec="rawvideo"), packets, LOST)
    recorder.close()
    assert told == [
        "door: is watched, but not recorded: its video is not compressed, which would fill any disk."
    ]
    assert recorder.recordings.rows() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_recorder_that_fails_says_so(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, and a cause in its account: nothing is recorded from here on."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(30))))
    told: list[str] = []
    recorder = make_recorder(tell=told.append)
    monkeypatch.setattr(recorder._reel, "take", None)
    feed(recorder, opened, packets)
    recorder._thread.join(10)
    assert len(told) == 1
    assert told[0].startswith("door: recording has failed")
    assert (recorder.facts()["state"], recorder.facts()["cause"]) == ("stopped", "its thread has failed")


def test_a_disk_that_is_too_slow_costs_packets_not_memory(
    tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`take` returns at once; what had no room is counted, and the next segment begins with a key frame."""
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(60), options=NO_B)))
    monkeypatch.setattr(recorder_module, "_MOST_WAITING", 20)
    recorder = make_recorder(always(segment_s=60))
    with recorder._changed:  # the writer cannot take anything meanwhile
        feed(recorder, opened, packets[:30])
    for packet in packets[30:]:
        while len(recorder._queue) > 10:
            time.sleep(0.001)
        feed(recorder, packet)
    feed(recorder, LOST)
    recorder.close()
    assert [row["packets"] for row in recorder.recordings.rows()] == [19, 24]
    assert recorder.recordings.rows()[1]["lost_before"] == recorder.facts()["lost"] == 17


@pytest.mark.parametrize("again", [False, True])
def test_a_slow_disk_does_not_end_a_recording_without_key_frames(
    again: bool, tmp_path: Path, make_recorder: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a key frame for so many packets, or up to the next connection; all are counted."""
    for module in (_reel, recorder_module):
        monkeypatch.setattr(module, "MOST_TO_KEY", 5)
    monkeypatch.setattr(recorder_module, "_MOST_WAITING", 20)
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(60), options=NO_B)))
    bare = [replace(packet, key=False) for packet in packets]
    recorder = make_recorder(always(segment_s=60))
    with recorder._changed:  # the writer cannot take anything meanwhile
        feed(recorder, opened, bare[:30])
        assert recorder.facts()["lost"] == 11
    for packet in [*([opened] if again else []), *bare[30:]]:
        while len(recorder._queue) > 10:
            time.sleep(0.001)
        feed(recorder, packet)
    recorder.close()
    facts = recorder.facts()
    assert facts["lost"] == (11 if again else 16)
    assert facts["packets"] + facts["early"] + facts["lost"] == 60
    assert facts["packets"] == 39


_RECORDING = """
import sys
from pathlib import Path
from vidface.media.live.address import live_address
from vidface.media.live.options import LiveOptions
from vidface.media.live.recorder import Recorder
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.live.source import LiveSource
recorder = Recorder(Path(sys.argv[2]), RecordSettings(when="always", segment_s=60, free_gb=0))
source = LiveSource(live_address(sys.argv[1]), LiveOptions(recorder=recorder))
for frame in source.frames():
    print(frame.index, flush=True)
"""


def test_a_killed_process_leaves_a_file_that_plays(
    tmp_path: Path, make_recorder: Callable[..., Recorder]
) -> None:
    """SIGKILL in the middle of a segment: all but the last second is there; the next start indexes it."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(250), options=NO_B))
    folder = tmp_path / "recordings"
    command = [sys.executable, "-c", _RECORDING, f"chaos:{clip}?speed=4&loops=forever", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 90 and int(line) % 10 == 0 and shown_so_far(folder) >= 50:
                break
        os.kill(process.pid, signal.SIGKILL)
    file = next(folder.glob("*.mp4"))
    assert pictures(file) >= 50
    assert not (folder / "index.jsonl").exists()
    recorder = make_recorder()
    recorder.close()
    row = recorder.recordings.rows()[0]
    assert (row["file"], row["packets"], row["codec"]) == (file.name, pictures(file), "h264")
    assert row["why"].startswith("recovered")


NO_B = {"preset": "ultrafast", "g": "12", "bf": "0"}


class _Disk:
    """A disk with so many bytes of room."""

    def __init__(self, *, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, fd: int, data: bytes) -> int:
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)
        return self._write(fd, data)


def always(**values: Any) -> RecordSettings:
    return ALWAYS.model_copy(update=values)


def around(**values: Any) -> RecordSettings:
    return ALWAYS.model_copy(update={"when": "events", "segment_s": 60.0, **values})


def event(kind: Any, track: str | None = None) -> Event:
    return Event(kind, "door", time.time(), track=track)


def shifted(packets: list[Coded], seconds: float) -> list[Coded]:
    return [replace(packet, arrival=packet.arrival + seconds) for packet in packets]


def shown_so_far(folder: Path) -> int:
    """How many pictures the file there shows that is still being written."""
    for path in folder.glob("*.mp4"):
        with suppress(InvalidDataError):
            return pictures(path)
    return 0


def slower(packets: list[Coded], times: float) -> list[Coded]:
    """Of a camera that sends them so much less often; their own times stay."""
    first = packets[0].arrival
    return [replace(packet, arrival=first + times * (packet.arrival - first)) for packet in packets]


def moved_by(packet: Coded, units: int) -> Coded:
    assert packet.pts is not None
    assert packet.dts is not None
    return replace(packet, pts=packet.pts + units, dts=packet.dts + units)


def test_settings_take_off_as_yaml_reads_it() -> None:
    """`when: off` is false in YAML."""
    assert RecordSettings.model_validate({"when": False}).when == "off"
