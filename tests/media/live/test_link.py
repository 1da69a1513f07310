"""The backlog between the camera's process and the decoder."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from typing import BinaryIO

import pytest

from vidface.media.live import link as link_module
from vidface.media.live.link import Backlog, Link
from vidface.media.live.wire import Coded, Message, Order, Trouble, receive


def packet(arrival: float, *, key: bool = False) -> Coded:
    return Coded(b"x", None, None, 0, arrival, key=key)


def filled(*messages: Message) -> Backlog:
    backlog = Backlog()
    for message in messages:
        backlog.put(message)
    return backlog


def test_a_decoder_that_is_behind_goes_on_at_the_newest_key_frame() -> None:
    """Everything before it is left out and counted."""
    packets = [packet(1, key=True), packet(2), packet(3, key=True), packet(4), packet(5, key=True), packet(6)]
    backlog = filled(*packets)
    assert backlog.skip(older_than=1.5) == 4
    assert [backlog.get(0), backlog.get(0), backlog.get(0)] == [packets[4], packets[5], None]


def test_without_a_key_frame_to_go_on_from_nothing_is_skipped() -> None:
    """A picture that others build on cannot be left out."""
    assert filled(packet(1), packet(2), packet(3)).skip(older_than=9) == 0


def test_a_decoder_that_keeps_up_skips_nothing() -> None:
    """The oldest packet is new enough."""
    assert filled(packet(5), packet(6, key=True)).skip(older_than=4) == 0


def test_skipping_stops_at_the_end_of_a_connection() -> None:
    """What comes behind belongs to another stream."""
    backlog = filled(packet(1), Trouble("lost", "gone"), packet(2, key=True))
    assert backlog.skip(older_than=9) == 0


def test_the_thread_that_listens_ends_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is killed nothing of it is left, however late the thread hears of it."""

    def late(pipe: BinaryIO) -> Message | None:
        message = receive(pipe)
        if message is None:
            time.sleep(0.2)
        return message

    monkeypatch.setattr(link_module, "receive", late)
    before = set(threading.enumerate())
    link = Link()
    assert link.order(Order("rtsp://cam"))
    link.kill()
    assert set(threading.enumerate()) <= before


def test_a_closed_link_starts_nothing() -> None:
    """No process appears after the end."""
    link = Link()
    link.close()
    assert not link.order(Order("rtsp://cam"))
    assert link.pid is None
    assert link.next(0) is None


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_a_full_disk_keeps_no_camera_from_being_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last words of its process need no room there."""

    def full() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    link = Link()
    assert link.order(Order("udp://127.0.0.1:1", options={"nothing": "at all"}))
    assert link.pid is not None
    link.close()
