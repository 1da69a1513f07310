"""Backoff: from 1 to 60 s with jitter, and an end where one is wanted."""

from __future__ import annotations

import random
import socket

import pytest

from vidface.errors import UsageError
from vidface.media.live.retry import Backoff, knock, retry_limit


def test_waits_double_up_to_a_minute() -> None:
    """Each between a half and the whole of 1, 2, 4 ... 60 s, the same with the same seed."""
    waits = [[Backoff(dice=random.Random(3), tries=n).next() or 0 for n in range(9)] for _ in range(2)]
    whole = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits[0] == waits[1]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits[0], whole, strict=True))


def test_a_wrong_password_waits_longest_at_once() -> None:
    """Cameras lock accounts."""
    assert (Backoff().next("password") or 0) >= 30


def test_a_camera_that_does_not_answer_is_called_again_soon() -> None:
    """Each call waits for an answer already, so the pause between two stays short."""
    assert (Backoff(tries=50).next("silent") or 9) <= 2


def test_success_counts_from_the_beginning() -> None:
    """Tries in a row; then none is left."""
    backoff = Backoff(2)
    assert [backoff.next() is None for _ in range(3)] == [False, False, True]
    backoff.succeeded()
    assert (backoff.next() or 9) <= 1


def test_weeks_of_failure_do_not_overflow() -> None:
    """The wait stays a minute."""
    assert (Backoff(tries=100_000).next() or 0) <= 60


@pytest.mark.parametrize(("text", "limit"), [("never", 0), ("7", 7), ("forever", None)])
def test_limits_as_typed(text: str, limit: int | None) -> None:
    """Words and numbers."""
    assert retry_limit(text) == limit


@pytest.mark.parametrize("text", ["-1", "always", "", "1.5"])
def test_other_limits_are_refused(text: str) -> None:
    """With the three that are known."""
    with pytest.raises(UsageError, match="never, a number or forever"):
        retry_limit(text)


def test_a_knock_tells_open_from_shut() -> None:
    """A port that listens, and the same one when nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = ("127.0.0.1", listener.getsockname()[1])
        assert knock(door)
    assert not knock(door)
