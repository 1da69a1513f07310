"""Lately: a loss is news for an hour."""

from __future__ import annotations

from vidface.watch._lately import Lately


def test_a_loss_is_news_for_an_hour() -> None:
    """And once more with the next one; a count that was begun anew is none."""
    now = [0.0]
    lately = Lately(lambda: now[0])
    assert not lately.rose("webhook", 0)
    assert lately.rose("webhook", 2)
    now[0] = 3599
    assert lately.rose("webhook", 2)
    now[0] = 3600
    assert not lately.rose("webhook", 2)
    assert lately.rose("webhook", 3)
    assert not lately.rose("webhook", 1)
    assert lately.rose(("log", "lost"), 1)
