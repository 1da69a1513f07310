"""Ring: the seconds before an event, as many as memory has room for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidface.media.live import _ring
from vidface.media.live._ring import Ring
from vidface.media.live.wire import Coded, Opened

OPENED = Opened("rtsp", "h264", b"", Fraction(1, 90_000))


def fill(ring: Ring, lasts_s: int) -> None:
    """25 packets of 100 bytes a second, a key frame every two seconds."""
    for place in range(25 * lasts_s):
        key = place % 50 == 0
        packet = Coded(bytes(100), place * 3600, place * 3600, 3600, 1000 + place / 25, key=key)
        ring.add(OPENED, packet, begins=key)
        ring.forget(packet.arrival, last=False)


def test_what_memory_has_no_room_for_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 s of a minute: a sentence with the seconds, and the seconds held in its account."""
    monkeypatch.setattr(_ring, "_MOST_BYTES", 100 * 25 * 20)
    told: list[str] = []
    ring = Ring(60.0, told.append)
    fill(ring, 50)
    assert len(told) == 1
    assert told[0].startswith("of the 60 s before an event 18 s are kept")
    assert 18 <= ring.held_s <= 20
    assert 18 * 25 <= sum(len(group.packets) for group in ring.take()) <= 20 * 25
    assert ring.held_s == 0.0


def test_what_there_is_room_for_is_held_without_a_word() -> None:
    """Whole groups: as many seconds as were wished for, and up to two more."""
    told: list[str] = []
    ring = Ring(10.0, told.append)
    fill(ring, 40)
    assert 10 <= ring.held_s <= 12
    assert told == []
