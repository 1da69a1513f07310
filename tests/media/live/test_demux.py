"""What the child makes of packets: the time of day, and a steady pace."""

from __future__ import annotations

import struct
import time
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from vidface.media.live._demux import CameraClock, Pace, missed

BASE = Fraction(1, 90000)
NTP_1970_S = 2_208_988_800


def packet(pts: int | None, report: bytes | None = None) -> Any:
    return SimpleNamespace(
        pts=pts, has_sidedata=lambda kind: report is not None, get_sidedata=lambda kind: report
    )


def report(utc_s: float, rtp: int) -> bytes:
    return struct.pack("@IQIII", 1, round((utc_s + NTP_1970_S) * 2**32), rtp, 0, 0)


def test_without_a_report_there_is_no_time_of_day() -> None:
    """Then the arrival counts."""
    assert CameraClock(SimpleNamespace(start_time_realtime=None), BASE).utc_us(packet(0)) is None  # type: ignore[arg-type]


def test_the_first_report_ties_the_streams_zero_to_the_day() -> None:
    """FFmpeg says what time of day pts 0 is; what comes a second later is a second later."""
    now = time.time_ns() // 1000
    clock = CameraClock(SimpleNamespace(start_time_realtime=now), BASE)  # type: ignore[arg-type]
    assert clock.utc_us(packet(90000)) == now + 10**6


def test_later_reports_correct_the_drift() -> None:
    """A stream that runs 0.1 % fast: after a report the time of day is right, also past a wrap."""
    zero = time.time()
    clock = CameraClock(SimpleNamespace(start_time_realtime=round(zero * 1e6)), BASE)  # type: ignore[arg-type]
    first = 2**32 - 450_000
    clock.utc_us(packet(0, report(zero, first)))
    pts = 900_900
    told = clock.utc_us(packet(pts, report(zero + 10, (first + pts) % 2**32)))
    assert told is not None
    assert abs(told - (zero + 10) * 1e6) < 100


@pytest.mark.parametrize("hours", [7, 14, 21, 40])
def test_the_time_of_day_holds_however_long_a_connection_lasts(hours: int) -> None:
    """A report a minute: RTP times wrap on the way, also past half their range, and pts run on."""
    zero = time.time() - 20 * 3600
    clock = CameraClock(SimpleNamespace(start_time_realtime=round(zero * 1e6)), BASE)  # type: ignore[arg-type]
    first = 2**32 - 450_000
    for minute in range(hours * 60 + 1):
        pts = minute * 60 * 90_000
        clock.utc_us(packet(pts, report(zero + minute * 60, (first + pts) % 2**32)))
    told = clock.utc_us(packet(pts + 90_000))
    assert told is not None
    assert abs(told - (zero + hours * 3600 + 1) * 1e6) < 1000


def test_with_sound_beside_it_drift_is_not_corrected_twice() -> None:
    """Of several streams FFmpeg makes pts from the reports' time of day; the camera's clock is 0.1 % fast."""
    zero = time.time()
    clock = CameraClock(SimpleNamespace(start_time_realtime=round(zero * 1e6)), BASE, by_day=True)  # type: ignore[arg-type]
    for second in range(0, 1001, 10):
        # As finalize_packet does: the time of day of the report, and what the RTP clock has counted since.
        rtp = second * 90_090
        clock.utc_us(packet(second * 90_000, report(zero + second, rtp)))
        told = clock.utc_us(packet(second * 90_000 + 5 * 90_090))
        assert told is not None
        assert abs(told - (zero + second + 5) * 1e6) < 6000


def test_a_clock_that_was_never_set_is_not_used() -> None:
    """A camera that believes to live in 1970."""
    clock = CameraClock(SimpleNamespace(start_time_realtime=5_000_000), BASE)  # type: ignore[arg-type]
    assert clock.utc_us(packet(0)) is None


def test_a_heap_of_packets_is_spread_over_its_time() -> None:
    """Due when their times say so; after a leap or a long delay at once, and from there on."""
    pace = Pace()
    assert pace.early_s(100.0) == 0
    assert 1.9 < pace.early_s(102.0) <= 2
    assert pace.early_s(500.0) == 0
    assert 0.9 < pace.early_s(501.0) <= 1
    assert pace.early_s(400.0) == 0


def test_lost_packets_are_read_from_what_ffmpeg_says() -> None:
    """It says so nowhere else; what was said is forgotten."""
    said = [
        (24, "rtsp", "RTP: missed 3 packets\n"),
        (24, "rtsp", "max delay reached"),
        (24, "rtsp", "RTP: missed 1 packets"),
    ]
    assert missed(said) == 4
    assert missed(said) == 0
