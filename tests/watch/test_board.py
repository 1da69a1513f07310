"""What the live page gets to see of cameras that are watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.watch.conftest import NODE, Watched, Write
from vidface.data.comments import comments
from vidface.data.provenance import read_comment
from vidface.errors import UsageError
from vidface.watch.board import WatchBoard
from vidface.watch.watcher import Watcher
from vidface.web.projector import jpeg
from vidface.web.state import state_row

Begin = Callable[[Path], Watched]


def test_the_page_sees_cameras_pictures_and_health(clip: Path, write: Write, watched: Begin) -> None:
    """A film that plays and a camera that is not there; pictures have numbers that rise."""
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n  door: rtsp://me:hush@127.0.0.1:1/x\n"))
    board = WatchBoard(stand.watcher)
    assert board.shown("film") is None
    stand.until(lambda: stand.frames("film") > 3 and board.cameras()[1].why)
    film, door = board.cameras()
    assert (film.name, film.status, film.recording) == ("film", "watched", None)
    assert (door.name, door.status, door.frames) == ("door", "waiting", 0)
    assert "hush" not in repr(board.cameras())
    shown = board.shown("film")
    assert shown is not None
    assert shown.frame.size == film.size
    stand.until(lambda: (newer := board.shown("film")) is not None and newer.number > shown.number)
    assert (board.shown("door"), board.shown("none")) == (None, None)
    assert not board.health().failing
    assert {one.name for one in board.metrics()} >= {"threads", "memory_mib"}


def test_what_a_graph_generates_says_so_on_the_page(
    clip: Path, write: Write, watched: Begin, folder: Path
) -> None:
    """In the bytes of the JPEG, which leave the page alone."""
    pytest.importorskip("c2pa")
    (folder / "through.py").write_text(NODE.replace("    fails_at:", "    generates = True\n    fails_at:"))
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n"))
    board = WatchBoard(stand.watcher)
    stand.until(lambda: board.shown("film"))
    shown = board.shown("film")
    assert shown is not None
    found = read_comment(comments(jpeg(shown, 320, 80))["Comment"])
    assert found is not None
    assert found["nodes"] == ["through.py"]


def test_health_fails_where_no_camera_is_watched_any_more(write: Write, watched: Begin) -> None:
    """Each was given up: that is not what the program is for."""
    stand = watched(write("  door: {url: 'rtsp://127.0.0.1:1/x', retry: never}\n"))
    board = WatchBoard(stand.watcher)
    stand.until(stand.watcher.settled)
    assert board.health().failing
    assert board.cameras()[0].status == "stopped"


def test_health_fails_where_no_camera_ever_came(write: Write, watched: Begin) -> None:
    """It waits for the first picture, for longer than an absence may be."""
    stand = watched(write("  door: {url: 'rtsp://127.0.0.1:1/x', lost_after_s: 0}\n"))
    board = WatchBoard(stand.watcher)
    stand.until(lambda: board.cameras() and board.cameras()[0].why)
    assert (board.cameras()[0].status, board.cameras()[0].overdue) == ("waiting", True)
    assert board.health().failing
    assert state_row(board)["health"]["state"] == "failing"


def test_a_camera_that_never_came_is_told_beside_one_that_did(
    clip: Path, write: Write, watched: Begin
) -> None:
    """degraded, once its absence is longer than was asked for."""
    film = f"  film: chaos:{clip}?loops=forever\n"
    stand = watched(write(film + "  door: {url: 'rtsp://127.0.0.1:1/x', lost_after_s: 3600}\n"))
    board = WatchBoard(stand.watcher)
    stand.until(lambda: stand.frames("film") > 1 and board.cameras()[1].why)
    assert state_row(board)["health"]["state"] == "ok"
    door = stand.watcher.lane("door")
    assert door is not None
    door.plan = replace(door.plan, settings=door.plan.settings.model_copy(update={"lost_after_s": 0.0}))
    assert state_row(board)["health"]["state"] == "degraded"


def test_recording_that_has_stopped_is_a_note(clip: Path, write: Write, watched: Begin) -> None:
    """The disk is too full for it: the page says degraded and why, and so does a number."""
    record = "record: {when: always, free_gb: 1000000000}"
    stand = watched(write(f"  film: {{url: 'chaos:{clip}?loops=forever', {record}}}\n"))
    board = WatchBoard(stand.watcher)
    stand.until(lambda: stand.frames("film") > 1)
    stand.until(lambda: board.health().notes)
    assert board.health().notes[0].startswith("film is not recorded: the disk is full")
    assert state_row(board)["health"]["state"] == "degraded"
    told = [(one.value, one.labels) for one in board.metrics() if one.name == "camera_recording"]
    assert told == [(0.0, {"camera": "film"})]


def test_events_that_were_lost_are_told(
    clip: Path, write: Write, watched: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the log, and by a receiver: where people look, and where Prometheus does."""
    board = WatchBoard(watched(write(f"  film: chaos:{clip}?loops=forever\n")).watcher)
    assert board.health().notes == ()
    facts = {
        "lost": 0,
        "log": {"written": 5, "not_taken": 3},
        "webhook": {"waiting": 1, "trouble": None, "lost": {"no room": 2, "too old": 4}, "not_taken": 0},
    }
    monkeypatch.setattr(Watcher, "told_to", facts)
    assert board.health().notes == (
        "log: 3 events, or their pictures, could not be taken since the program began",
        "webhook: 6 events were lost since the program began (no room 2, too old 4)",
    )
    told = {(one.name, *one.labels.values()): one.value for one in board.metrics() if "events" in one.name}
    assert told[("events_not_taken", "log")] == 3
    assert told[("events_lost", "webhook", "too old")] == 4
    assert told[("events_lost", "all", "the disk was too slow")] == 0


def test_events_and_their_pictures_are_shown(clip: Path, write: Write, watched: Begin) -> None:
    """The newest first; a name from outside reaches no other file."""
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n"))
    board = WatchBoard(stand.watcher)
    stand.until(lambda: stand.frames("film") > 1)
    lane = stand.watcher.lane("film")
    assert lane is not None
    lane.station.report("camera_lost", cause="a test")
    assert board.events(5)[0].row["cause"] == "a test"
    assert board.shot("../watch.json") is None
    assert [one.value for one in board.metrics() if one.name == "events"] == [1]


def test_the_control_api_says_what_is_wrong(clip: Path, write: Write, watched: Begin) -> None:
    board = WatchBoard(watched(write(f"  film: chaos:{clip}?loops=forever\n")).watcher)
    with pytest.raises(UsageError, match="already"):
        board.add_camera("film", {"url": "rtsp://h/x"})
    with pytest.raises(UsageError, match="no camera 'none'"):
        board.remove_camera("none")
