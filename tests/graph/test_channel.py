"""Channel: bounded, ordered, closable from both ends."""

from __future__ import annotations

import threading

import pytest

from vidface.graph.channel import Channel


def test_order_is_kept_and_the_queue_is_bounded() -> None:
    channel: Channel[int] = Channel(2)
    most = 0

    def produce() -> None:
        for i in range(200):
            channel.put(i)
        channel.close()

    thread = threading.Thread(target=produce)
    thread.start()
    got = []
    for value in channel:
        most = max(most, len(channel))
        got.append(value)
    thread.join()
    assert got == list(range(200))
    assert most <= 2


def test_an_error_crosses_after_the_values() -> None:
    channel: Channel[int] = Channel(3)
    channel.put(1)
    channel.close(ValueError("boom"))
    items = iter(channel)
    assert next(items) == 1
    with pytest.raises(ValueError, match="boom"):
        next(items)


def test_a_waiting_producer_learns_that_nobody_listens() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(channel.put(2)))
    thread.start()
    channel.abandon()
    thread.join(timeout=5)
    assert told == [False]
    assert channel.put(3) is False
