"""When a run falls behind and when it has room again, on a made clock."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from vidface.graph.pace import CALM_S, MOST_CALM_S, Change, Moment, Pace

FPS = 25


@dataclass
class Drive:
    """Feeds a Pace frame by frame and keeps what it decides, with the second of it."""

    height: int = 0
    most: int = 3

    def __post_init__(self) -> None:
        self.pace = Pace()
        self.now = 100.0
        self.idle = 0.0
        self.dropped = 0
        self.changes: list[tuple[float, Change]] = []

    def run(self, seconds: float, load: float, *, waited_s: float = 0.0, drops_a_second: float = 0.0) -> None:
        """So many seconds at a load (share of the time that the graph works)."""
        lost = 0.0
        for _ in range(round(seconds * FPS)):
            self.now += 1 / FPS
            self.idle += max(0.0, 1 - load) / FPS
            lost += drops_a_second / FPS
            moment = Moment(self.now, self.idle, waited_s, self.dropped + int(lost))
            change = self.pace.judge(moment, lowest=self.height == 0, highest=self.height == self.most)
            if change is not None:
                self.height += change.by
                self.changes.append((round(self.now - 100, 1), change))
        self.dropped += int(lost)


def test_a_busy_graph_climbs_one_step_at_a_time() -> None:
    """First calls are let pass, then a step every two seconds, up to the last one."""
    drive = Drive()
    drive.run(12, 0.97)
    assert [change.by for _, change in drive.changes] == [1, 1, 1]
    assert drive.changes[0][0] == pytest.approx(4, abs=0.3)
    assert drive.changes[1][0] == pytest.approx(6, abs=0.4)
    assert drive.changes[0][1].why == "the graph works 97% of the time"


def test_it_climbs_before_the_first_frame_is_dropped() -> None:
    """Waiting alone is reason enough where the load would not let it catch up."""
    drive = Drive()
    drive.run(5, 0.8, waited_s=0.31)
    assert [change for _, change in drive.changes] == [Change(1, "frames wait 310 ms")]


def test_where_frames_are_dropped_the_first_step_comes_at_once() -> None:
    """Half a second, not two; the second step waits to see what the first one does."""
    drive = Drive()
    drive.run(3, 0.5)
    drive.run(3.5, 1.0, drops_a_second=10)
    times = [at for at, _ in drive.changes]
    assert 3.5 <= times[0] <= 4.2
    assert times[1] - times[0] >= 1.9


def test_drops_at_a_working_graph_count() -> None:
    """A decoder that is behind drops frames though the graph itself is not full."""
    drive = Drive()
    drive.run(5, 0.6, drops_a_second=3)
    assert drive.changes[0][1].by == 1
    assert "were dropped in 2" in drive.changes[0][1].why


@pytest.mark.parametrize("load", [0.1, 0.4])
def test_a_burst_of_the_network_is_no_reason(load: float) -> None:
    """Late and dropped frames at an idle graph: giving up work would not help."""
    drive = Drive()
    drive.run(20, load, waited_s=0.6, drops_a_second=5)
    assert drive.changes == []


def test_a_short_peak_is_no_reason() -> None:
    """Half a second at full load between calm."""
    drive = Drive()
    for _ in range(10):
        drive.run(3.5, 0.5)
        drive.run(0.5, 1.0)
    assert drive.changes == []


def test_a_steady_load_between_the_limits_changes_nothing() -> None:
    """85 %: neither behind nor with room."""
    drive = Drive(height=1)
    drive.run(300, 0.85)
    assert drive.changes == []


def test_it_comes_down_after_ten_calm_seconds() -> None:
    drive = Drive(height=2)
    drive.run(40, 0.3)
    assert [change.by for _, change in drive.changes] == [-1, -1]
    first, second = (at for at, _ in drive.changes)
    assert first >= CALM_S
    assert second - first >= CALM_S


def test_a_step_down_that_was_too_early_is_tried_ever_less_often() -> None:
    """A load that fits with one step and not without: the waits double, up to ten minutes."""
    drive = Drive(most=1)
    for _ in range(2000):
        drive.run(2, 1.0 if drive.height == 0 else 0.6)
    downs = [at for at, change in drive.changes if change.by < 0]
    waits = [later - earlier for earlier, later in pairwise(downs)]
    assert waits[0] > CALM_S
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(waits[:5]))
    assert MOST_CALM_S <= waits[-1] <= MOST_CALM_S + 20
    assert len(downs) < 15


def test_time_without_the_camera_says_nothing() -> None:
    """A minute of silence is no room: the ten calm seconds begin anew."""
    drive = Drive(height=1)
    drive.run(8, 0.3)
    drive.now += 60
    drive.idle += 60
    drive.run(8, 0.3)
    assert drive.changes == []
    drive.run(6, 0.3)
    assert [change.by for _, change in drive.changes] == [-1]


def test_a_graph_that_takes_seconds_a_frame_climbs_too() -> None:
    """Three seconds of work for each frame are no absence of the camera."""
    pace, changes = Pace(), []
    for place in range(5):
        moment = Moment(100.0 + 3 * place, 0.01 * place, 0.4, 70 * place)
        changes.append(pace.judge(moment, lowest=True, highest=False))
    assert [change is not None for change in changes] == [False, False, True, True, True]


def test_drops_among_the_first_calls_are_let_pass() -> None:
    """A network's first calls take seconds: a full graph that drops frames then gives up nothing yet."""
    drive = Drive()
    drive.run(1.9, 1.0, drops_a_second=10)
    assert drive.changes == []
    drive.run(6, 0.3)
    assert drive.changes == []
