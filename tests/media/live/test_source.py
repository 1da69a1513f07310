"""LiveSource against a camera that dies, stalls, leaps, asks for passwords and changes its picture."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.media.live.conftest import STILL
from tests.media.live.server import Coded, RtspServer
from tests.media.live.tlsdoor import TlsDoor, own_certificate
from tests.media.make_clips import Clip, make
from vidface.data import Frame
from vidface.errors import InputError
from vidface.media.live import _patience
from vidface.media.live._demux import changed, opened
from vidface.media.live.address import live_address
from vidface.media.live.connection import Connection
from vidface.media.live.options import Hangup, LiveOptions
from vidface.media.live.source import LiveSource
from vidface.media.live.wire import Coded as Packet

QUICK = {"open_s": 20.0, "stall_s": 5.0, "first_wait_s": 0.2, "seed": 1}


class Watched:
    """A source over an address, what it told, and helpers to wait for things."""

    def __init__(self, address: str, *, then: Callable[[], object] | None = None, **options: object) -> None:
        self.told: list[str] = []
        self._then = then
        found = live_address(address)
        assert found is not None
        settings = QUICK | options
        self.source = LiveSource(found, LiveOptions(tell=self._hear, **settings))  # type: ignore[arg-type]

    def _hear(self, text: str) -> None:
        self.told.append(text)
        then, self._then = self._then, None
        if then is not None:
            then()

    def __enter__(self) -> Iterator[Frame]:
        self.frames = self.source.frames()
        return self.frames

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def child(self) -> int:
        """The process that reads it at present; never 0, which would stand for this one."""
        pid = self.source.child
        assert pid is not None
        return pid

    def causes(self) -> str:
        return "; ".join(hole.cause for hole in self.source.holes())


def until(frames: Iterator[Frame], found: Callable[[Frame], bool], within_s: float = 60.0) -> Frame:
    """The first frame for which something holds."""
    end = time.monotonic() + within_s
    for frame in frames:
        if found(frame):
            return frame
        assert time.monotonic() < end, "it did not happen in time"
    raise AssertionError("the frames came to their end")


def happens(found: Callable[[], object], within_s: float = 60.0) -> bool:
    """Wait for something that another thread does."""
    end = time.monotonic() + within_s
    while not found() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(found())


def test_frames_come_with_their_times(server: RtspServer) -> None:
    """Indices 0, 1, 2, the stream's own times 40 ms apart, and times of arrival by this machine's clock."""
    watched = Watched(server.url)
    with watched as frames:
        found = [until(frames, lambda frame: True) for _ in range(5)]
        now = time.monotonic()
    info = watched.source.info
    assert (info.codec, info.width, info.height, info.live) == ("h264", 64, 48, True)
    assert info.rate == 25
    assert [frame.index for frame in found] == [0, 1, 2, 3, 4]
    assert all(b.time > a.time and (b.time - a.time) * 1000 % 40 == 0 for a, b in pairwise(found))
    assert all(frame.arrival is not None and now - 5 < frame.arrival <= now for frame in found)
    assert found[0].clock == "arrival"
    assert abs((found[0].utc_s or 0) - time.time()) < 10
    assert found[0].rgb().shape == (48, 64, 3)


def test_the_time_of_day_is_the_cameras_where_it_says_one(camera_clip: Path) -> None:
    """RTCP sender reports of a camera whose clock is an hour ahead; the arrival stays this machine's."""
    with (
        RtspServer(Coded.of(camera_clip), reports=True, ahead_s=3600) as server,
        Watched(server.url) as frames,
    ):
        frame = until(frames, lambda frame: frame.clock == "rtcp")
        assert 3590 < (frame.utc_s or 0) - time.time() < 3601
        assert abs((frame.arrived_utc_s or 0) - time.time()) < 5


def test_an_encrypted_camera_is_watched(server: RtspServer, tmp_path: Path) -> None:
    """rtsps://, with a certificate that the camera made for itself: as it comes, and held against it."""
    certificate, key = own_certificate(tmp_path, "127.0.0.1")
    with TlsDoor(server.port, certificate, key) as door:
        for trusted in (None, certificate):
            watched = Watched(f"rtsps://127.0.0.1:{door.port}/clip", trusted=trusted)
            with watched as frames:
                assert until(frames, lambda frame: frame.index == 5).size == (64, 48)


@pytest.mark.parametrize("made_out_to", ["127.0.0.1", "10.0.0.9"])
def test_a_camera_with_another_certificate_is_not_watched(
    server: RtspServer, tmp_path: Path, made_out_to: str
) -> None:
    """Neither one that was not named, nor one of another host; the sentence says so."""
    named, _ = own_certificate(tmp_path / "named", "127.0.0.1")
    shown, key = own_certificate(tmp_path / "shown", made_out_to)
    trusted = named if made_out_to == "127.0.0.1" else shown
    with TlsDoor(server.port, shown, key) as door, pytest.raises(InputError, match="certificate"):
        Watched(f"rtsps://127.0.0.1:{door.port}/clip", trusted=trusted, retry=0)
    assert not server.described


def test_a_camera_that_was_restarted_is_back_with_a_new_epoch(server: RtspServer) -> None:
    """Killed in mid-stream, started again: a hole with the cause, the epoch rises, indices go on."""
    watched = Watched(server.url)
    with watched as frames:
        last = until(frames, lambda frame: frame.index == 3)
        server.stop()
        time.sleep(0.3)
        server.start()
        back = until(frames, lambda frame: frame.epoch == 1)
        assert back.index > last.index
    assert "camera lost: the camera ended the connection; back after" in watched.causes()
    assert any("is back after" in text for text in watched.told)
    assert watched.source.facts()["connections"] == 2


def test_a_camera_that_falls_silent_is_called_again(server: RtspServer) -> None:
    """The connection stays, nothing comes: a stall. The process that waits in FFmpeg is killed."""
    watched = Watched(server.url, stall_s=0.5, lost=lambda _: server.stalled.clear())
    with watched as frames:
        last = until(frames, lambda frame: frame.index == 3)
        pid = watched.child()
        server.stalled.set()
        until(frames, lambda frame: frame.epoch > last.epoch)
        assert watched.source.child != pid
    assert "camera lost: nothing came for" in watched.causes()


def test_a_camera_whose_packets_cannot_be_decoded_is_called_again(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of codec within the stream: packets come, pictures do not."""
    monkeypatch.setattr(_patience, "_BLIND_S", 0.3)
    feed, blind = Connection.feed, threading.Event()

    def seen(self: Connection, message: Packet) -> Iterator[object]:
        return iter(()) if blind.is_set() else feed(self, message)

    monkeypatch.setattr(Connection, "feed", seen)
    watched = Watched(server.url, lost=lambda _: blind.clear())
    with watched as frames:
        last = until(frames, lambda frame: frame.index == 3)
        blind.set()
        until(frames, lambda frame: frame.epoch > last.epoch)
    assert any(re.search("packets came for .* s, but none could be decoded", text) for text in watched.told)


def test_a_camera_that_changes_its_coding_is_called_again(tmp_path: Path) -> None:
    """H.264, then H.265 in the same MPEG-TS: FFmpeg keeps the first, and went blind for half a minute."""
    codings = (Clip(pts=range(60), options=STILL), Clip("libx265", pts=range(60)))
    streams = [_packed(tmp_path, f"{place}", coding, "mpegts") for place, coding in enumerate(codings)]
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_send_all, args=(door, streams), daemon=True).start()
        watched = Watched(f"tcp://127.0.0.1:{door.getsockname()[1]}")
        with watched as frames:
            until(frames, lambda frame: frame.epoch == 1)
    assert any("it changed its coding from h264 to hevc" in text for text in watched.told)


def test_another_size_in_flv_is_another_connection(tmp_path: Path) -> None:
    """As RTMP brings it: its headers do not stand in the pictures, which could not be decoded without."""
    clips = (Clip(pts=range(24), options=STILL), Clip(size=(96, 48), pts=range(24, 48), options=STILL))
    first, second = (_packed(tmp_path, f"{place}", clip, "flv") for place, clip in enumerate(clips))
    with av.open(
        io.BytesIO(first + second[13:]), "r", format="flv"
    ) as container:  # behind the head of a file
        stream = container.streams.video[0]
        before = opened(container, stream)
        found = [changed(before, packet, bytes(packet)) for packet in container.demux(stream) if packet.size]
    assert found == [None] * 24 + ["it changed the headers of its pictures"] + [None] * 23


def _packed(folder: Path, name: str, coding: Clip, container: str) -> bytes:
    clip, path = make(folder / f"{name}.mp4", coding), folder / f"{name}.{container}"
    with av.open(str(clip)) as source, av.open(str(path), "w", format=container) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return path.read_bytes()


def _send_all(door: socket.socket, streams: list[bytes]) -> None:
    """All of them to the first who calls, the last to whoever comes later."""
    with suppress(OSError):
        while True:
            with door.accept()[0] as caller, suppress(OSError):
                for data in streams:
                    caller.sendall(data)
                    time.sleep(0.5)
            del streams[:-1]


def test_a_slow_camera_is_learnt(camera_clip: Path) -> None:
    """A picture every 0.3 s, and 0.15 s of patience: lost at first, until patience has doubled."""
    with RtspServer(Coded.of(camera_clip)).every(0.3) as server:
        watched = Watched(server.url, stall_s=0.15, first_wait_s=0.05)
        with watched as frames:
            epochs = [until(frames, lambda frame: True).epoch]
            while len(epochs) < 3 or epochs[-3] != epochs[-1]:
                epochs.append(until(frames, lambda frame: True).epoch)
                assert epochs[-1] < 6


def test_a_dead_process_is_replaced(server: RtspServer) -> None:
    """SIGKILL from outside, as the kernel does when memory runs out."""
    watched = Watched(server.url)
    with watched as frames:
        until(frames, lambda frame: frame.index == 2)
        os.kill(watched.child(), signal.SIGKILL)
        until(frames, lambda frame: frame.epoch == 1)
    assert "the process that reads it ended" in watched.causes()


def test_a_process_that_hangs_is_killed(server: RtspServer) -> None:
    """SIGSTOP stands for a call into FFmpeg that never returns; SIGTERM does not end it, SIGKILL does."""
    watched = Watched(server.url, stall_s=0.5)
    with watched as frames:
        last = until(frames, lambda frame: frame.index == 2)
        pid = watched.child()
        os.kill(pid, signal.SIGSTOP)
        until(frames, lambda frame: frame.epoch > last.epoch)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_the_right_password_opens_and_is_seen_nowhere(camera_clip: Path, scheme: str) -> None:
    """Not in the name, not in what is told, not among the processes' arguments or environment."""
    login = "admin:hunt/er2@x"
    with RtspServer(Coded.of(camera_clip), login=login, scheme=scheme) as server:
        watched = Watched(f"rtsp://admin:hunt%2Fer2%40x@127.0.0.1:{server.port}/clip")
        with watched as frames:
            until(frames, lambda frame: frame.index == 1)
            folder = Path(f"/proc/{watched.child()}")
            if folder.is_dir():
                assert b"hunt" not in (folder / "cmdline").read_bytes()
                assert b"hunt" not in (folder / "environ").read_bytes()
            server.stop()
            assert happens(lambda: watched.told)
        assert watched.source.info.name == f"rtsp://admin:***@127.0.0.1:{server.port}/clip"
        assert watched.told
        assert "hunt" not in " ".join(watched.told) + watched.causes() + str(watched.source.info)


def test_a_wrong_password_is_said_once_and_not_tried_again(camera_clip: Path) -> None:
    """At the beginning that is an error, however patient one is."""
    with (
        RtspServer(Coded.of(camera_clip), login="u:right") as server,
        pytest.raises(InputError, match=r"does not accept the user name or the password \(401\)") as raised,
    ):
        Watched(f"rtsp://u:wrong1@127.0.0.1:{server.port}/clip")
    assert "wrong1" not in str(raised.value)
    assert server.described == 0


def test_a_password_that_was_changed_is_not_hammered_on(server: RtspServer) -> None:
    """A camera that was there asks for another password: half a minute at least until the next try."""
    watched = Watched(server.url)
    with watched as frames:
        until(frames, lambda frame: frame.index == 2)
        server.stop()
        server.login = "u:another"
        server.start()
        assert happens(lambda: any("(401)" in text for text in watched.told))
    waits = [float(text.split()[-2]) for text in watched.told if "(401)" in text]
    assert len(waits) == 1
    assert waits[0] >= 30


def test_a_camera_may_name_its_stream_in_any_writing(camera_clip: Path) -> None:
    """Its title is in GBK, and was taken for UTF-8: such a camera could never be watched."""
    title = "大门".encode("gbk")
    with RtspServer(Coded.of(camera_clip), title=title) as server, Watched(server.url) as frames:
        assert until(frames, lambda frame: frame.index == 2).size == (64, 48)


def test_an_unknown_coding_is_one_sentence(camera_clip: Path) -> None:
    """A coding that FFmpeg has never heard of."""
    with (
        RtspServer(Coded.of(camera_clip), coding="X-NOVEL") as server,
        pytest.raises(InputError, match="set the camera to"),
    ):
        Watched(server.url)


def test_without_retries_a_dead_address_is_an_error() -> None:
    """Nobody listens there."""
    with pytest.raises(InputError, match=r"rtsp://u:\*\*\*@127.0.0.1:9/s: nobody listens there"):
        Watched("rtsp://u:secret@127.0.0.1:9/s", retry=0)


def test_the_first_connection_is_tried_again(camera_clip: Path) -> None:
    """The camera comes up after the program."""
    server = RtspServer(Coded.of(camera_clip)).start()
    server.stop()
    watched = Watched(server.url, then=server.start)
    with watched as frames:
        assert until(frames, lambda frame: True).epoch == 0
    server.stop()
    assert "trying again" in watched.told[0]


def test_a_clock_that_leaps_back_begins_an_epoch(server: RtspServer) -> None:
    """The connection lives on, times go back by half a minute."""
    watched = Watched(server.url)
    with watched as frames:
        before = until(frames, lambda frame: frame.index == 3)
        server.jump_s = -30.0
        after = until(frames, lambda frame: frame.epoch == 1)
        assert after.time < before.time - 25
    assert "clock leapt" in watched.causes()
    assert watched.source.facts()["connections"] == 1


def test_another_size_after_a_restart_is_survived(server: RtspServer, wide_clip: Path) -> None:
    """New decoder, new epoch, and a note."""
    watched = Watched(server.url)
    with watched as frames:
        until(frames, lambda frame: frame.index == 2)
        server.stop()
        server.clip = Coded.of(wide_clip)
        server.start()
        assert until(frames, lambda frame: frame.size == (96, 48)).epoch == 1
    assert "size changed from 64x48 to 96x48" in watched.causes()


def test_giving_up_ends_the_frames_with_a_hole(server: RtspServer) -> None:
    """After N tries in a row the input is over, and what was there stays good."""
    watched = Watched(server.url, retry=1)
    with watched as frames:
        until(frames, lambda frame: frame.index == 2)
        server.stop()
        assert sum(1 for _ in frames) < 50
    assert "not back by the end" in watched.causes()
    assert any("given up" in text for text in watched.told)


def test_a_camera_that_comes_and_goes_is_not_hammered_on(server: RtspServer) -> None:
    """A picture or two do not count as there again: waits grow, and after so many tries it is given up."""
    watched = Watched(server.url, retry=3, first_wait_s=0.1)
    cut = -1
    with watched as frames:
        for frame in frames:
            if frame.epoch > cut:
                cut = frame.epoch
                assert cut <= 3
                server.stop()
                server.start()
    told = " ".join(watched.told)
    waits = [float(text) for text in re.findall(r"trying again in ([\d.]+) s", told)]
    assert len(waits) == 3
    assert waits == sorted(waits)
    assert told.endswith("given up.")


def test_closing_leaves_nothing_behind(server: RtspServer) -> None:
    """No process, no thread, no open file, also while the camera is away."""
    threads, files = threading.active_count(), open_files()
    watched = Watched(server.url)
    with watched as frames:
        until(frames, lambda frame: frame.index == 1)
        pid = watched.child()
        server.stalled.set()
    server.stop()
    assert happens(lambda: threading.active_count() <= threads and open_files() <= files)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def open_files() -> int:
    """How many this process has."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_camera_can_be_let_go_of_before_its_frames_are_asked_for(server: RtspServer) -> None:
    """Whoever ends the program while models are still loading gets an end, not an error."""
    watched = Watched(server.url)
    watched.source.finish()
    watched.source.close()
    assert len(list(watched.source.frames())) <= 1


@pytest.mark.parametrize("early", [True, False])
def test_hanging_up_ends_the_wait_for_a_first_picture(early: bool) -> None:
    """From another thread, at once; also where it came before there was anything to let go of."""
    hangup = Hangup()
    caller = threading.Timer(0.0 if early else 0.3, hangup)
    caller.start()
    if early:
        caller.join()
    began = time.monotonic()
    with pytest.raises(InputError, match="ended before there was a picture"):
        Watched("rtsp://127.0.0.1:1/x", hangup=hangup)
    assert time.monotonic() - began < 60
    caller.join()


def test_whoever_asked_is_told_when_a_camera_goes_and_comes(server: RtspServer) -> None:
    """Why it went, once; after how many seconds it came."""
    news: list[object] = []
    watched = Watched(server.url, then=server.start, lost=news.append, back=news.append)
    with watched as frames:
        next(frames)
        server.stop()
        until(frames, lambda frame: frame.epoch == 1)
    first, why, away = news
    assert first == 0
    assert isinstance(why, str)
    assert isinstance(away, float)
    assert away > 0
