"""Messages of the child come through the pipe as they were sent."""

from __future__ import annotations

import io
from fractions import Fraction

import pytest

from vidface.media.live.wire import (
    Coded,
    Ended,
    Heard,
    Message,
    Opened,
    Order,
    SoundTrack,
    Trouble,
    encode,
    receive,
)

MESSAGES: list[Message] = [
    Opened("rtsp", "h264", b"\x01\x02", Fraction(1, 90000), (64, 48), "yuv420p", Fraction(30000, 1001), None),
    Opened(
        "mp4", "h264", b"", Fraction(1, 12800), matrix=b"\x00" * 36, audio=("aac",), duration=Fraction(1, 3)
    ),
    Coded(b"abc", 5, None, 3600, 12.25, 1_700_000_000_000_000, key=True, damaged=True, missed=3),
    Coded(b"", None, -7, 0, 0.5, hidden=True),
    Opened(
        "rtsp", "h264", b"", Fraction(1, 9), sound=SoundTrack("aac", b"\x11", Fraction(1, 48000), 48000, 2)
    ),
    Heard(b"tone", None, 7, 1024, 12.5),
    Trouble("lost", "it is gone"),
    Ended(),
]


def test_messages_survive_the_pipe() -> None:
    """All kinds, one behind the other, then the end."""
    pipe = io.BytesIO(b"".join(map(encode, MESSAGES)))
    assert [receive(pipe) for _ in MESSAGES] == MESSAGES
    assert receive(pipe) is None


def test_a_message_that_is_cut_off_is_the_end() -> None:
    """The child died in the middle."""
    assert receive(io.BytesIO(encode(MESSAGES[2])[:-1])) is None


def test_what_is_no_message_is_refused() -> None:
    """Something else printed into the pipe."""
    with pytest.raises(ValueError, match="not a message"):
        receive(io.BytesIO(b"Traceback (most recent call last)"))


def test_an_order_hides_its_address() -> None:
    """It holds the password, so it is not shown; it comes through."""
    order = Order("rtsp://u:hunter2@cam", "rtsp", {"timeout": "1"}, began=1.5)
    assert "hunter2" not in repr(order)
    assert Order.of(order.line()) == order
