"""Patience: grows with slow cameras, and is not kept for those that had a few bad minutes."""

from __future__ import annotations

from vidface.media.live._patience import Patience


def listen(patience: Patience, every_s: float, lasts_s: float) -> None:
    """A connection with packets so far apart."""
    patience.begin()
    for place in range(round(lasts_s / every_s) + 1):
        patience.hear(1000.0 + place * every_s)


def test_a_slow_camera_is_waited_for() -> None:
    """It doubles up to a minute, for connections of a few packets only; packets far apart change nothing."""
    patience = Patience(2.0)
    patience.lost(200)
    assert patience.lasts_s(0.04) == 2.0
    patience.lost(1)
    patience.lost(1)
    assert patience.lasts_s(0.04) == 8.0
    listen(patience, 5.0, 600.0)
    assert patience.lasts_s(0.04) == 8.0
    assert patience.lasts_s(5.0) == 10.0
    for _ in range(9):
        patience.lost(1)
    assert patience.lasts_s(0.04) == 60.0


def test_a_few_hiccups_are_forgotten_when_packets_come_steadily() -> None:
    """After ten seconds of them in one connection its silence is noticed as early as at first."""
    patience = Patience(2.0)
    for _ in range(4):
        listen(patience, 0.04, 0.12)
        patience.lost(4)
    assert patience.lasts_s(0.04) == 32.0
    for _ in range(3):
        listen(patience, 0.04, 8.0)
    assert patience.lasts_s(0.04) == 32.0
    listen(patience, 0.04, 11.0)
    assert patience.lasts_s(0.04) == 2.0


def test_packets_without_pictures_are_borne_for_so_long() -> None:
    """Twice as long the next time: from one whole picture to the next it may be a while."""
    patience = Patience(2.0)
    for start, borne in ((100.0, 30.0), (500.0, 60.0), (900.0, 120.0), (2000.0, 240.0), (3000.0, 240.0)):
        patience.begin()
        assert patience.blind_s(start, 7) == 0
        assert patience.blind_s(start + borne - 1, 7) == 0
        assert patience.blind_s(start + borne, 7) == borne


def test_each_picture_begins_it_anew() -> None:
    patience = Patience(2.0)
    patience.begin()
    assert [patience.blind_s(20.0 * count, count) for count in range(9)] == [0.0] * 9
