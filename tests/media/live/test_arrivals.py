"""Cameras that send pictures without times: an MJPEG stream by HTTP keeps the time at which they came."""

from __future__ import annotations

import http.server
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.media.live.test_source import Watched
from vidface.media.live._arrivals import ArrivalClock, without_clock
from vidface.media.live.wire import Coded, Opened

STEP_S = 0.3


def jpeg(seed: int) -> bytes:
    """A picture of some kilobytes: by less FFmpeg does not know the format, and waits for the next."""
    data = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(data, "JPEG")
    return data.getvalue()


class Pictures(http.server.BaseHTTPRequestHandler):
    """A picture every so often, as cameras without H.264 send them."""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frm")
        self.end_headers()
        with suppress(OSError):
            for number in range(200):
                data = jpeg(number)
                head = f"--frm\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(STEP_S)


@contextmanager
def camera() -> Iterator[str]:
    """Its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/cam.mjpg"
    server.shutdown()
    server.server_close()


def test_an_mjpeg_stream_runs_on_the_clock_of_arrivals() -> None:
    """FFmpeg numbers its pictures as if there were 25 a second: 3.3 a second ran 7.5 times too slowly."""
    with camera() as url, Watched(url) as frames:
        seen = [next(frames) for _ in range(5)]
    steps = [float(after.time - before.time) for before, after in pairwise(seen)]
    assert all(STEP_S * 0.6 < step < STEP_S * 2 for step in steps), steps
    came = seen[-1].arrival - seen[0].arrival  # type: ignore[operator]
    assert float(seen[-1].time - seen[0].time) == pytest.approx(came, abs=0.001)
    assert {frame.epoch for frame in seen} == {0}


def test_packets_of_one_moment_keep_their_order() -> None:
    """What was held while the stream was looked at comes in a heap; times never stand still or fall back."""
    clock = ArrivalClock()
    made = [clock.stamp(Coded(b"", n, n, 1, at)) for n, at in enumerate((7.0, 7.0, 7.0, 8.0, 7.5))]
    assert [packet.pts for packet in made] == [0, 1, 2, 90_000, 90_001]
    assert [packet.dts for packet in made] == [packet.pts for packet in made]


def test_the_order_of_showing_is_kept() -> None:
    """Of bare H.264 with B-frames: what is shown before what is left to the decoder, which knows it."""
    clock = ArrivalClock()
    first, second = (clock.stamp(Coded(b"", pts, dts, 1, float(dts))) for pts, dts in ((2, 0), (1, 1)))
    assert (first.pts, first.dts, second.pts, second.dts) == (None, 0, 90_000, 90_000)


def test_no_rate_is_told_that_nobody_knows() -> None:
    opened = Opened("mpjpeg", "mjpeg", b"", Fraction(1, 25), rate=Fraction(25))
    told = ArrivalClock().told(opened)
    assert (told.rate, told.time_base, told.by_arrival) == (None, Fraction(1, 90_000), True)


@pytest.mark.parametrize(
    ("name", "duration", "size", "bare"),
    [
        ("mpjpeg", None, -38, True),
        ("jpeg_pipe", None, -38, True),
        ("mjpeg", None, 100_000, False),  # a recording that is fetched
        ("mpegts", None, -38, False),
    ],
)
def test_which_streams_have_no_clock(name: str, duration: int | None, size: int, bare: bool) -> None:
    made = SimpleNamespace(format=SimpleNamespace(name=name), duration=duration, size=size)
    assert without_clock(made) is bare
