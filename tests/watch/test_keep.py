"""Keeper: what is over its time goes, and nothing else, whatever stands there."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from vidface.data.event import Event
from vidface.events.log import EventLog
from vidface.media.live.recordsettings import RecordSettings
from vidface.watch import _deletionlog
from vidface.watch._steadyclock import SteadyClock
from vidface.watch.keep import Keeper, KeepSettings

DAY_S = 86_400.0


def day(ago: float) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()


def put(path: Path, data: bytes = b"x", *, days_ago: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    when = time.time() - days_ago * DAY_S
    os.utime(path, (when, when))
    return path


def packed(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def vectors() -> bytes:
    return packed(vector=np.zeros((1, 4)), track=np.zeros(1), model=np.array("m"), looks=np.zeros(1))


@pytest.fixture
def make_keeper(tmp_path: Path) -> Callable[..., Keeper]:
    def made(record: RecordSettings | None = None, **settings: float | None) -> Keeper:
        chosen = record or RecordSettings()
        return Keeper(tmp_path, KeepSettings(**settings), record=lambda _: chosen, tell=print)

    return made


def left(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_dir() and path.name != _deletionlog.LOG
    }


def test_events_and_shots_go_by_their_day(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """What the log of events really writes; the newest stays, an empty day's folder goes as well."""
    log = EventLog(tmp_path / "events")
    for ago in (0, 8, 40):
        log.send(Event("track_left", "door", time.time() - ago * DAY_S, track="1", picture=b"JPEG"))
    assert make_keeper().sweep() == {"events": 1, "shots": 2}
    assert {path.name for path in (tmp_path / "events").glob("*.jsonl")} == {
        f"events-{day(0)}.jsonl",
        f"events-{day(8)}.jsonl",
    }
    assert [path.name for path in (tmp_path / "events/shots").iterdir()] == [day(0)]


def test_each_counts_from_the_end_of_its_day(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """One day means that a whole day has passed since the last thing that may stand in the file."""
    for ago in (0, 1, 2):
        put(tmp_path / f"events/events-{day(ago)}.jsonl")
    make_keeper(events_days=1).sweep()
    assert left(tmp_path) == {f"events/events-{day(ago)}.jsonl" for ago in (0, 1)}


@pytest.mark.parametrize(
    "damaged", [vectors()[:-40], b"PK", vectors().replace(b"PK\x01\x02", b"PK\x01\x02\xff\xff\xff\xff"[:8])]
)
def test_damaged_embeddings_go_and_end_nothing(
    tmp_path: Path, make_keeper: Callable[..., Keeper], damaged: bytes
) -> None:
    """Vectors can still be read out of such a file; what comes after it in a look is deleted all the same."""
    session = tmp_path / "door/sessions/20261101T000000Z"
    put(session / "a.npz", damaged, days_ago=8)
    put(session / "b.npz", vectors(), days_ago=8)
    assert make_keeper().sweep() == {"embeddings": 2}


def test_a_look_that_ended_for_good_is_told(
    make_keeper: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, thread = make_keeper(), threading.Thread()
    assert keeper.facts()["cause"] is None
    thread.start()
    thread.join()
    monkeypatch.setattr(keeper, "_thread", thread)
    assert keeper.facts()["cause"] == "nothing is deleted any more: its thread has failed"


def test_embeddings_and_crops_of_sessions_go(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """By the time they were written; other .npz files, accounts and rows stay."""
    session = tmp_path / "door/sessions/20261101T000000Z"
    put(session / "embeddings.npz", vectors(), days_ago=8)
    put(session / "mesh.npz", packed(points=np.zeros(3)), days_ago=8)
    put(session / "run.json", days_ago=8)
    put(session / "crops/track_0003.jpg", days_ago=8)
    put(session / "crops/index.jsonl", days_ago=8)
    put(tmp_path / "door/sessions/20261120T000000Z/embeddings.npz", vectors(), days_ago=1)
    assert make_keeper().sweep() == {"embeddings": 1, "shots": 1}
    assert left(tmp_path / "door/sessions") == {
        "20261101T000000Z/mesh.npz",
        "20261101T000000Z/run.json",
        "20261101T000000Z/crops/index.jsonl",
        "20261120T000000Z/embeddings.npz",
    }


def test_every_picture_of_a_session_goes(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """Crops of a track that came back, several a track, and what lies below the maps of forensics."""
    session = tmp_path / "door/sessions/20261101T000000Z"
    for name in (
        "crops/track_0003_again1.jpg",
        "crops/track_0003_again12_2.png",
        "crops/track_0003_2.jpg",
        "heat/blend_0007_000120.jpg",
        "heat/inner_outer_0000_1000000.png",
        "heat_more/blend_0007_000120.jpg",
    ):
        put(session / name, days_ago=8)
    stay = {"heat/notes.jpg", "other/blend_0007_000120.jpg", "crops/track_0003_again.jpg"}
    for name in stay:
        put(session / name, days_ago=8)
    put(session / "heat/blend_0007_000150.jpg", days_ago=6)
    assert make_keeper().sweep() == {"shots": 6}
    assert left(session) == {*stay, "heat/blend_0007_000150.jpg"}


def test_letters_of_a_receiver_that_is_no_more_go(tmp_path: Path) -> None:
    """After seven days, pieces of letters too, with the empty folder; of others their spool takes care."""
    letter, piece = "0000000000000007.letter", ".0000000000000008.letter.part"
    for name in ("webhook", "redis"):
        put(tmp_path / "spool" / name / letter, days_ago=8)
        put(tmp_path / "spool" / name / piece, days_ago=8)
    put(tmp_path / "spool/mqtt" / letter, days_ago=6)
    put(tmp_path / "spool/mqtt/notes.txt", days_ago=900)
    keeper = Keeper(
        tmp_path, KeepSettings(), record=lambda _: RecordSettings(), receivers={"redis"}, tell=print
    )
    assert keeper.sweep() == {"letters": 2}
    stay = {f"redis/{letter}", f"redis/{piece}", f"mqtt/{letter}", "mqtt/notes.txt"}
    assert left(tmp_path / "spool") == stay
    assert not (tmp_path / "spool/webhook").exists()
    assert f"spool/webhook/{letter}" in (tmp_path / _deletionlog.LOG).read_text()


def test_recordings_of_a_camera_that_is_watched_no_more_go_too(
    tmp_path: Path, make_keeper: Callable[..., Keeper]
) -> None:
    """By the camera's own settings."""
    put(tmp_path / "door/recordings/20261101T000000.000Z.mp4", days_ago=3)
    put(tmp_path / "door/recordings/20261120T000000.000Z.mp4", days_ago=1)
    assert make_keeper(RecordSettings(keep_h=48)).sweep() == {"recordings": 1}
    assert left(tmp_path) == {"door/recordings/20261120T000000.000Z.mp4"}


def test_links_are_not_followed(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """Neither a folder that points elsewhere nor a file that does loses anything."""
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    old = put(elsewhere / f"events-{day(90)}.jsonl")
    shots = put(elsewhere / day(90) / "103512345_door_track_left_7.jpg")
    tape = put(elsewhere / "recordings/20261101T000000.000Z.mp4", days_ago=90)
    npz = put(elsewhere / "sessions/x/embeddings.npz", vectors(), days_ago=90)
    (out / "events").mkdir(parents=True)
    (out / "events" / old.name).symlink_to(old)
    (out / "events/shots").symlink_to(elsewhere)
    (out / "door").symlink_to(elsewhere)
    (out / "yard").mkdir()
    (out / "yard/recordings").symlink_to(elsewhere / "recordings")
    (out / "yard/sessions").symlink_to(elsewhere / "sessions")
    keeper = Keeper(out, KeepSettings(), record=lambda _: RecordSettings(), tell=print)
    assert keeper.sweep() == {}
    assert all(path.exists() for path in (old, shots, tape, npz))
    assert (out / "events" / old.name).is_symlink()


def test_unknown_files_stay(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """However old: notes beside the shots, other days' names, files of the user."""
    names = [
        "events/notes.txt",
        "events/events-yesterday.jsonl",
        "events/events-2020-13-45.jsonl",
        "events/shots/2020-01-01/mine.jpg",
        "events/shots/holiday/103512345_door_track_left_7.jpg",
        "door/recordings/film.mp4",
        "door/sessions/x/data.npz",
    ]
    for name in names:
        put(tmp_path / name, days_ago=900)
    assert make_keeper().sweep() == {}
    assert left(tmp_path) == set(names)


def test_null_keeps_for_ever(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    put(tmp_path / "events/events-2020-01-01.jsonl")
    put(tmp_path / "events/shots/2020-01-01/103512345_door_track_left_7.jpg")
    put(tmp_path / "door/sessions/x/embeddings.npz", vectors(), days_ago=900)
    put(tmp_path / "door/recordings/20200101T000000.000Z.mp4", days_ago=900)
    keeper = make_keeper(
        RecordSettings(keep_h=None, keep_gb=None), events_days=None, shots_days=None, embeddings_days=None
    )
    assert keeper.sweep() == {}
    assert len(left(tmp_path)) == 4


def test_what_went_stands_in_the_log(
    tmp_path: Path, make_keeper: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, time and reason, for the owner alone; it is begun anew when it has grown."""
    put(tmp_path / "events/events-2020-01-01.jsonl")
    keeper = make_keeper()
    keeper.sweep()
    log = tmp_path / "deleted.jsonl"
    row = json.loads(log.read_text())
    assert (row["file"], row["because"]) == ("events/events-2020-01-01.jsonl", "older than 30 days")
    assert log.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(_deletionlog, "_MOST_LOG_BYTES", 10)
    put(tmp_path / "events/events-2020-01-02.jsonl")
    keeper.sweep()
    assert len(log.read_text().splitlines()) == 1
    assert "2020-01-01" in (tmp_path / "deleted.1.jsonl").read_text()


def test_what_cannot_be_deleted_is_said_once_and_stops_nothing_else(
    tmp_path: Path, make_keeper: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be written: one sentence, and the other kinds go all the same."""
    put(tmp_path / "events/events-2020-01-01.jsonl")
    put(tmp_path / "door/recordings/20200101T000000.000Z.mp4", days_ago=900)

    unlink = os.unlink

    def denied(name: str, *, dir_fd: int | None = None) -> None:
        if str(name).startswith("events"):
            raise PermissionError(13, "Permission denied")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", denied)
    told: list[str] = []
    keeper = Keeper(tmp_path, KeepSettings(), record=lambda _: RecordSettings(), tell=told.append)
    assert keeper.sweep() == {"recordings": 1}
    keeper.sweep()
    assert told == ["what is over its time could not be deleted: Permission denied"]
    assert keeper.facts()["cause"] == told[0]


def test_it_looks_by_itself(tmp_path: Path, make_keeper: Callable[..., Keeper]) -> None:
    """At once when it starts; it ends when it is told to."""
    old = put(tmp_path / "events/events-2020-01-01.jsonl")
    keeper = make_keeper()
    keeper.start()
    end = time.monotonic() + 5
    while old.exists() and time.monotonic() < end:
        time.sleep(0.01)
    keeper.close()
    keeper.close()
    assert not old.exists()
    assert keeper.facts()["deleted"] == {"events": 1}


RIGHT_S = 1_790_000_000.0


class SetClock:
    """A clock that somebody sets, and time that passes."""

    def __init__(self, wall: float = RIGHT_S) -> None:
        self.wall_s, self.passed_s = wall, 1000.0

    def goes(self, seconds: float) -> None:
        self.wall_s += seconds
        self.passed_s += seconds

    def steady(self, path: Path | None = None) -> SteadyClock:
        return SteadyClock(path, wall=lambda: self.wall_s, passed=lambda: self.passed_s)


@pytest.fixture
def set_clock() -> SetClock:
    return SetClock()


@pytest.fixture
def filled(tmp_path: Path, set_clock: SetClock) -> Path:
    """A folder in which everything was written an hour ago."""
    name = f"{datetime.fromtimestamp(RIGHT_S, UTC):%Y-%m-%d}"
    files = [
        put(tmp_path / f"events/events-{name}.jsonl"),
        put(tmp_path / f"events/shots/{name}/101010101_a_track_left_1.jpg"),
        put(tmp_path / "door/sessions/20261101T000000Z/e.npz", vectors()),
        put(tmp_path / "door/recordings/20261101T000000.000Z.mp4"),
        put(tmp_path / "spool/webhook/0000000000000001.letter"),
    ]
    for path in files:
        os.utime(path, (RIGHT_S - 3600,) * 2)
    return tmp_path


def kept(folder: Path, clock: SteadyClock) -> Keeper:
    return Keeper(folder, KeepSettings(), record=lambda _: RecordSettings(keep_h=24), tell=print, clock=clock)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_leaps_forward_and_back_deletes_nothing(
    filled: Path, set_clock: SetClock, restarted: bool
) -> None:
    """Somebody typed another year, or a server of the time did; also where the program is begun meanwhile."""
    clock = set_clock.steady(filled / "clock.json")
    clock.remember()
    set_clock.wall_s += 10 * 365 * DAY_S
    if restarted:
        clock = set_clock.steady(filled / "clock.json")
    keeper = kept(filled, clock)
    assert keeper.sweep() == {}
    assert keeper.facts()["clock_ahead_s"] == 10 * 365 * DAY_S
    set_clock.goes(3 * 3600)
    assert keeper.sweep() == {}
    set_clock.wall_s -= 10 * 365 * DAY_S
    assert keeper.sweep() == {}
    assert keeper.facts()["clock_ahead_s"] == 0
    set_clock.goes(40 * DAY_S)  # it has run all the while, and nothing leapt
    assert sum(keeper.sweep().values()) == 5


def test_after_weeks_off_what_is_over_its_time_goes_a_day_later(filled: Path, set_clock: SetClock) -> None:
    """Nobody can tell that from a clock that was set; it goes, all the same."""
    set_clock.steady(filled / "clock.json").remember()
    set_clock.wall_s += 60 * DAY_S
    set_clock.passed_s = 5.0  # another boot
    clock = set_clock.steady(filled / "clock.json")
    assert kept(filled, clock).sweep() == {}
    set_clock.goes(13 * 3600)
    assert kept(filled, clock).sweep() == {}
    clock.remember()
    clock = set_clock.steady(filled / "clock.json")  # begun once more: the day goes on
    set_clock.goes(13 * 3600)
    assert sum(kept(filled, clock).sweep().values()) == 5


@pytest.mark.parametrize(
    ("runs_s", "off_s", "most_days"),
    [(600, DAY_S - 600, 4), (3600, DAY_S - 3600, 4), (1200, 5, 2)],
    ids=["ten minutes a day", "an hour a day", "killed every twenty minutes"],
)
def test_a_program_that_never_runs_for_long_does_not_stand_still_in_time(
    tmp_path: Path, set_clock: SetClock, runs_s: float, off_s: float, most_days: float
) -> None:
    """Else nothing would ever be deleted: each time off is a leap, and no day of running comes."""
    path, behind_days = tmp_path / "clock.json", 0.0
    for _ in range(int(30 * DAY_S / (runs_s + off_s))):
        clock = set_clock.steady(path)
        for _ in range(int(runs_s / 60)):
            clock.remember()
            set_clock.goes(60)
        behind_days = max(behind_days, clock.behind_s / DAY_S)
        set_clock.wall_s += off_s
        set_clock.passed_s = 5.0
    assert behind_days <= most_days + 1


def test_what_was_written_before_the_clock_was_set_is_young(tmp_path: Path, set_clock: SetClock) -> None:
    """1970 until the network came: it counts from the first look with a clock that is set."""
    old = [
        put(tmp_path / "events/events-1970-01-01.jsonl"),
        put(tmp_path / "door/recordings/19700101T000100.000Z.mp4"),
    ]
    for path in old:
        os.utime(path, (60, 60))
    set_clock.wall_s = 120
    clock = set_clock.steady()
    assert kept(tmp_path, clock).sweep() == {}
    assert old[1].stat().st_mtime == 60
    set_clock.wall_s = RIGHT_S
    assert kept(tmp_path, clock).sweep() == {}
    set_clock.goes(20 * DAY_S)
    assert kept(tmp_path, clock).sweep() == {"recordings": 1}
    set_clock.goes(20 * DAY_S)
    assert kept(tmp_path, clock).sweep() == {"events": 1}


def test_what_was_written_while_the_clock_was_ahead_is_not_kept_for_years(
    tmp_path: Path, set_clock: SetClock
) -> None:
    """Neither by its name nor by its time would it ever be old."""
    ahead = RIGHT_S + 5 * 365 * DAY_S
    day = f"{datetime.fromtimestamp(ahead, UTC):%Y-%m-%d}"
    files = [
        put(tmp_path / f"events/events-{day}.jsonl"),
        put(tmp_path / f"events/shots/{day}/101010101_a_track_left_1.jpg"),
        put(tmp_path / "door/recordings/20310101T000000.000Z.mp4"),
    ]
    for path in files:
        os.utime(path, (ahead, ahead))
    clock = set_clock.steady()
    assert kept(tmp_path, clock).sweep() == {}
    set_clock.goes(40 * DAY_S)
    assert kept(tmp_path, clock).sweep() == {"events": 1, "shots": 1, "recordings": 1}


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{}", b'{"believed": "x"}', b'{"believed": NaN, "doubted_s": 0}']
)
def test_a_damaged_memory_of_the_time_is_none(tmp_path: Path, set_clock: SetClock, damage: bytes) -> None:
    (tmp_path / "clock.json").write_bytes(damage)
    assert set_clock.steady(tmp_path / "clock.json").now() == RIGHT_S
