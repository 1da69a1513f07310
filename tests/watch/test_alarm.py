"""When a camera is told to be lost and to be back: counted by the clock, over graphs that fail."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from vidface.watch.account import CameraAccount
from vidface.watch.alarm import STEADY_S, Alarms
from vidface.web.board import CameraStatus

AFTER_S = 5.0


class Days:
    """A camera's account, its alarms, and a clock; `told` are pairs of time and kind."""

    def __init__(self, clock: list[float]) -> None:
        self._clock = clock
        self.account, self.alarms = CameraAccount("door"), Alarms()
        self.told: list[tuple[float, str]] = []
        self.lost_s: list[float] = []

    def stand(self, status: CameraStatus, seconds: float, why: str | None = None) -> None:
        """It is like that for a while, and looked at each second."""
        self.account._turn(status, why)
        for _ in range(round(seconds)):
            self._clock[0] += 1
            alarm = self.alarms.look(self.account.standing, AFTER_S)
            if alarm is not None:
                self.told.append((self._clock[0], alarm.kind))
                self.lost_s += [alarm.details["lost_s"]] if alarm.kind == "camera_back" else []

    def another_lane(self) -> None:
        """The camera gets a new account; its alarms stay."""
        self.account = CameraAccount("door")
        self.alarms.handed_on()

    def fail(self, pause_s: float) -> None:
        """The graph fails, and waits."""
        self.account.failed("on purpose")
        self.alarms.failed()
        self.stand("lost", pause_s, "on purpose")


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Days:
    clock = [0.0]
    fake = SimpleNamespace(monotonic=lambda: clock[0], time=lambda: clock[0])
    for place in ("account", "alarm"):
        monkeypatch.setattr(f"vidface.watch.{place}.time", fake)
    return Days(clock)


def test_a_camera_that_stayed_away_is_back_with_its_next_frame(days: Days) -> None:
    """A short absence is no event. It says how long it was away, not since when that was told."""
    days.stand("watched", 10)
    days.stand("lost", 4, "silent")
    days.stand("watched", 10)
    days.stand("lost", 20, "silent")
    days.stand("watched", 2)
    assert days.told == [(29, "camera_lost"), (45, "camera_back")]
    assert days.lost_s == [20]


@pytest.mark.parametrize("pause", [lambda n: min(60, 2**n), lambda n: 2], ids=["ever longer", "short"])
def test_a_graph_that_fails_after_some_frames_is_one_alarm_in_a_day(
    days: Days, pause: Callable[[int], float]
) -> None:
    """However long it waits, it is lost since its first failure; back once it has worked for a minute."""
    days.stand("watched", 100)
    for number in range(1000):
        days.fail(pause(number))
        days.stand("watched", 3)
    assert [kind for _, kind in days.told] == ["camera_lost"]
    assert days.told[0][0] == pytest.approx(105, abs=4)
    began = days._clock[0] - 3
    days.stand("watched", 100)
    assert days.lost_s == [began - 100]
    days.fail(20)
    assert [kind for _, kind in days.told[1:]] == ["camera_back", "camera_lost"]
    assert [at for at, _ in days.told[1:]] == pytest.approx([began + STEADY_S, began + 103 + AFTER_S], abs=1)


def test_a_graph_that_failed_once_and_works_is_no_event(days: Days) -> None:
    """And a camera that goes soon after is away since it went."""
    days.stand("watched", 100)
    days.fail(1)
    days.stand("watched", 30)
    days.stand("lost", 4, "silent")
    days.stand("watched", 100)
    assert days.told == []


def test_what_was_told_holds_for_the_next_lane(days: Days) -> None:
    """The file is read again meanwhile, say: it is back, and not lost twice; small failures count anew."""
    days.stand("watched", 10)
    days.stand("lost", 20, "silent")
    days.another_lane()
    days.stand("waiting", 30, "silent")
    days.stand("watched", 2)
    assert days.told == [(15, "camera_lost"), (61, "camera_back")]
    assert days.lost_s == [50]
    days.fail(2)
    days.another_lane()
    days.stand("waiting", 4, "silent")
    days.stand("watched", 10)
    assert len(days.told) == 2
