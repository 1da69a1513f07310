"""The small parts: what is said once, folders that never come again, the account's arithmetic, events."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from tests.graph.toys import frames
from vidface.data.event import Event
from vidface.data.faces import Faces
from vidface.errors import OutputError, UsageError
from vidface.events.log import EventLog
from vidface.graph.report import Ledger, RunReport
from vidface.graph.tick import Tick
from vidface.watch._mishap import mishap
from vidface.watch.account import CameraAccount
from vidface.watch.folder import WatchFolder
from vidface.watch.recent import Recent
from vidface.watch.sessions import Sessions
from vidface.watch.station import CameraStation
from vidface.watch.voice import Voice


class Post:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.events.append(event)


def test_what_is_said_over_and_over_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sentence but for its numbers; another one at once, and the first again after a while."""
    said: list[str] = []
    now = [100.0]
    monkeypatch.setattr("vidface.watch.voice.time", SimpleNamespace(monotonic=lambda: now[0]))
    voice = Voice("door", said.append, again_s=60)
    for wait in range(5):
        voice.say(f"nobody listens; trying again in {wait}.5 s")
    voice.say("is back")
    assert said == ["door: nobody listens; trying again in 0.5 s", "door: is back"]
    voice.say("is back")
    now[0] += 61
    voice.say("is back")
    assert said[2:] == ["door: is back (1 times more since)"]


def test_a_camera_that_comes_and_goes_fills_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sentences by turns, a loss every ten seconds: six times an hour each, and others come through."""
    said: list[str] = []
    now = [0.0]
    monkeypatch.setattr("vidface.watch.voice.time", SimpleNamespace(monotonic=lambda: now[0]))
    voice = Voice("door", said.append)
    for loss in range(360):
        now[0] = 10.0 * loss
        voice.say(f"nothing came for {loss} s")
        voice.say("is back")
    assert len(said) == 12
    voice.say("the password is wrong")
    now[0] = 3600.0
    voice.say("is back")
    assert said[12:] == ["door: the password is wrong", "door: is back (354 times more since)"]


def test_sessions_have_names_that_never_come_again(tmp_path: Path) -> None:
    """Also twice in one second; folders are private."""
    sessions = Sessions(tmp_path / "door")
    (one, folder), (two, _) = sessions.begin(), sessions.begin()
    assert one < two
    assert folder == tmp_path / "door" / "sessions" / one
    assert folder.stat().st_mode & 0o077 == 0


def test_old_sessions_go_where_they_hold_nothing_but_their_account(tmp_path: Path) -> None:
    """The newest twenty stay; so does every one with a file of an output, and whatever is a link."""
    root = tmp_path / "door" / "sessions"
    for number in range(25):
        (root / f"2026{number:04d}").mkdir(parents=True)
        (root / f"2026{number:04d}" / "run.json").write_text("{}")
    (root / "20260001" / "faces.jsonl").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "run.json").write_text("{}")
    (root / "20260000x").symlink_to(elsewhere)
    Sessions(tmp_path / "door").tidy()
    left = sorted(path.name for path in root.iterdir())
    assert left[:3] == ["20260000x", "20260001", "20260005"]
    assert len(left) == 22
    assert (elsewhere / "run.json").exists()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A disk that takes names of folders and no byte, until the list is emptied."""
    reached, fsync = [True], os.fsync

    def refuse(fd: int) -> None:
        if reached:
            raise OSError(28, "No space left on device")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refuse)
    return reached


def test_a_session_of_no_files_begins_on_a_full_disk(tmp_path: Path, full: list[bool]) -> None:
    """Its account is in memory and goes with it; one that writes files is told why it cannot."""
    sessions = Sessions(tmp_path / "door")
    with pytest.raises(OutputError, match="cannot be made: No space left on device"):
        sessions.begin()
    names, where = set(), []
    for _ in range(2):
        name, folder = sessions.begin(only_account=True)
        names.add(name)
        where.append(sessions.in_memory)
        assert folder.stat().st_mode & 0o077 == 0
        assert tmp_path not in folder.parents
        (folder / "run.json").write_text("{}")
    assert len(names) == 2
    full.clear()
    name, written = sessions.begin(only_account=True)
    assert written == tmp_path / "door" / "sessions" / name
    assert [*where, sessions.in_memory] == [True, True, False]
    assert not folder.exists()
    assert [path.name for path in written.parent.iterdir()] == [name]


def test_a_killed_process_leaves_no_session_in_memory(tmp_path: Path, full: list[bool]) -> None:
    """The next one of the same camera takes its place."""
    left = Sessions(tmp_path / "door").begin(only_account=True)[1]
    (left / "run.json").write_text("{}")
    other = Sessions(tmp_path / "hall").begin(only_account=True)[1]
    again = Sessions(tmp_path / "door")
    assert again.begin(only_account=True)[1] == left != other
    assert list(left.iterdir()) == []
    full.clear()
    for name in ("door", "hall"):
        Sessions(tmp_path / name).tidy()
    assert not left.exists()
    assert not other.exists()


def test_a_session_of_today_stays_where_the_clock_was_ahead(tmp_path: Path) -> None:
    """Twenty sessions of next year are none of the newest, and nobody deletes the one that is running."""
    root = tmp_path / "door" / "sessions"
    for number in range(20):
        (root / f"29990101T0000{number:02d}Z").mkdir(parents=True)
    sessions = Sessions(tmp_path / "door")
    names = [sessions.begin()[0] for _ in range(2)]
    sessions.tidy()
    assert {path.name for path in root.iterdir()} == {
        *names,
        *(f"29990101T0000{number:02d}Z" for number in range(2, 20)),
    }


def _tick(faces: int = 0) -> Tick:
    return Tick(frames(1)[0], {"faces": Faces.of([[0, 0, 1, 1]] * faces)})


def _report(**dropped: int) -> RunReport:
    ledger = Ledger()
    ledger.dropped.update(dropped)
    return RunReport((), ledger, 1.0, 1.0)


def test_an_account_adds_up_over_connections_and_graphs() -> None:
    """Frames, drops and connections of two graphs; times by what the camera was; losses; the last error."""
    account = CameraAccount("door")
    assert account.row()["status"] == "waiting"
    account.went("refused")
    assert (account.row()["status"], account.why) == ("waiting", "refused")
    for _ in range(2):
        account.came()
        account.began()
        account.looked(_tick(2))
        account.noted(_report(late=3), {"connections": 2})
        account.went("nothing came")
        account.ended()
    time.sleep(0.11)
    row = account.row()
    assert (row["frames"], row["dropped"], row["connections"]) == (2, {"late": 6}, 4)
    assert (row["losses"], row["graphs_begun"], row["status"]) == (2, 2, "lost")
    assert row["lost_s"] >= 0.1
    assert row["longest_loss_s"] >= 0.1
    assert row["last_error"]["text"] == "nothing came"
    json.dumps(row)


def test_the_page_sees_what_the_account_says() -> None:
    """Faces of the newest picture, none of a lost camera; steps of the ladder that count now."""
    account = CameraAccount("door")
    account.came()
    account.looked(_tick(2))
    ladder: dict[str, Any] = {"height": 1, "steps": [{"step": "slower"}, {"step": "half"}]}
    account.noted(RunReport((), Ledger(), 1.0, 1.0, ladder=ladder), {"connections": 1})
    view = account.view()
    assert (view.status, view.faces, view.steps) == ("watched", 2, ("slower",))
    account.went("nothing came")
    assert (account.view().faces, account.view().why) == (0, "nothing came")
    account.stopped("given up")
    account.went("late news")
    assert account.status == "stopped"


def test_a_station_passes_events_on_and_keeps_the_newest_picture() -> None:
    post, other = Post(), Post()
    station = CameraStation("door", post, other)
    first, second = frames(2)
    station.show(first)
    station.show(second, "synthetic")
    assert station.newest == (2, second, "synthetic")
    station.report("camera_lost", cause="silent")
    assert post.events == other.events
    assert (post.events[0].camera, post.events[0].details["cause"]) == ("door", "silent")
    assert station.told == {"camera_lost": 1}


def test_the_latest_events_are_known_also_after_a_restart(tmp_path: Path) -> None:
    """Newest first, numbers that never come twice, pictures from memory at once and from the log later."""
    log = EventLog(tmp_path)
    recent = Recent(tmp_path, log)
    for second in range(3):
        recent.send(Event("track_left", "door", 1.8e9 + second, track=f"{second}", picture=b"jpeg"))
    told = recent.latest(2)
    assert [one.row["track"] for one in told] == ["2", "1"]
    assert told[0].shot is not None
    assert recent.shot(told[0].shot) == b"jpeg"
    again = Recent(tmp_path, log)
    assert [(one.number, one.row["track"]) for one in again.latest(9)] == [(0, "2"), (-1, "1"), (-2, "0")]
    assert again.shot(told[0].shot) == b"jpeg"
    assert again.shot("../../etc/passwd") is None
    again.send(Event("camera_back", "door", 1.8e9, details=MappingProxyType({})))
    assert again.latest(1)[0].number == 1


def test_the_account_on_disk_is_whole_and_private(tmp_path: Path) -> None:
    folder = WatchFolder(tmp_path / "out")
    folder.write({"status": "running"})
    path = tmp_path / "out" / "watch.json"
    assert json.loads(path.read_text()) == {"status": "running"}
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="another vidface watch"):
        WatchFolder(tmp_path / "out")
    folder.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        WatchFolder(tmp_path / "file")


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"cameras": 1}', '{"cameras": {"door": {"told_lost": 7}}}', "[" * 5000]
)
def test_an_account_that_is_damaged_names_no_lost_camera(tmp_path: Path, damage: str) -> None:
    """Of the program before, after a power loss."""
    (tmp_path / "watch.json").write_text(damage)
    folder = WatchFolder(tmp_path)
    assert folder.told_lost() == {}
    folder.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(24, "Too many open files"), "too many files are open; raise the limit (LimitNOFILE="),
        (OSError(28, "No space left on device"), "the disk is full; make room"),
        (OSError(11, "Resource temporarily unavailable"), "gives no more threads or processes"),
        (RuntimeError("can't start new thread"), "gives no more threads or processes"),
        (MemoryError(), "the machine has no more memory"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(error: Exception, told: str) -> None:
    """It was told as one, which nobody can mend by a setting of the machine."""
    said = str(mishap(error))
    assert told in said
    assert "bug" not in said
