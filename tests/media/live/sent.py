"""What a camera would send of a clip, as messages, and what stands in recorded files."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

from vidface.media.live._demux import opened
from vidface.media.live.recordings import Recordings
from vidface.media.live.wire import Coded, Opened


def sent(clip: Path, *, start_codes: bool = False) -> tuple[Opened, list[Coded]]:
    """The packets of a clip as they would have come in real time; by the network's framing where asked."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        first = opened(container, stream)
        packets: list[Any] = [packet for packet in container.demux(stream) if packet.size]
        if start_codes:
            unit_filter = BitStreamFilterContext("h264_mp4toannexb", stream)
            packets = [made for packet in packets for made in unit_filter.filter(packet)]
            head = bytes(packets[0])
            first = replace(first, extradata=head[: head.index(b"\x00\x00\x01\x06")].rstrip(b"\x00"))
        base = stream.time_base
        assert base is not None
        return first, timed(
            [Coded(bytes(p), p.pts, p.dts, p.duration or 0, 0.0, key=p.is_keyframe) for p in packets], base
        )


def timed(packets: Iterable[Coded], base: Fraction, *, at: float | None = None) -> list[Coded]:
    """The same packets, arriving as far apart as their times."""
    begin = time.monotonic() if at is None else at
    found = list(packets)
    zero = found[0].dts or 0
    return [
        replace(packet, arrival=begin + float(((packet.dts or 0) - zero) * base), pts=packet.pts)
        for packet in found
    ]


def recorded(recordings: Recordings) -> list[tuple[int, bytes]]:
    """Time of presentation in the stream's own units, and data, of every packet of all segments in order."""
    found = []
    for row in recordings.rows():
        with av.open(str(recordings.folder / row["file"])) as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            scale = (stream.time_base or 1) / Fraction(row["time_base"])
            shift = round(row["dts"] - (packets[0].dts or 0) * scale)
            found += [(round((packet.pts or 0) * scale) + shift, bytes(packet)) for packet in packets]
    return found


def pictures(path: Path) -> int:
    """How many pictures a file shows."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def plain(packets: Iterable[Coded]) -> list[tuple[int, bytes]]:
    """As `recorded` gives them."""
    return [(packet.pts or 0, packet.data) for packet in packets]
