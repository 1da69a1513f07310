"""EventLog: lines by day, pictures before them, nothing torn, nothing outside of the folder."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from vidface.data.event import Event
from vidface.errors import OutputError
from vidface.events.log import DAY_FILE, SHOT, EventLog, latest, shot_name, shot_path

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


def event(utc_s: float = NOON, **more: Any) -> Event:
    given = {"camera": "door", "track": "s1-7", "picture": b"\xff\xd8 picture"} | more
    return Event("track_left", utc_s=utc_s, time=Fraction(1, 3), **given)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_and_its_picture(tmp_path: Path) -> None:
    """The line has the event's row and the picture's name; files are 0600, folders 0700."""
    folder = tmp_path / "door"
    EventLog(folder).send(event(NOON + 0.25, details=MappingProxyType({"score": 0.9})))
    (row,) = rows(folder / "events-2026-11-21.jsonl")
    assert row["at"] == "2026-11-21T12:00:00.250Z"
    assert (row["score"], row["time"]) == (0.9, "0.333333")
    assert row["shot"] == "shots/2026-11-21/120000250_door_track_left_s1-7.jpg"
    assert (folder / row["shot"]).read_bytes() == b"\xff\xd8 picture"
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert set(found.values()) == {0o600, 0o700}
    assert all((mode == 0o700) == path.is_dir() for path, mode in found.items())


def test_days_are_those_of_utc_also_when_the_clock_leaps_back(tmp_path: Path) -> None:
    """Two seconds around midnight lie in two files; an event of the day before still goes into its own."""
    log = EventLog(tmp_path)
    for seconds in (43_199, 43_200, -86_400, 43_201):
        log.send(event(NOON + seconds, picture=None))
    counts = {path.name: len(rows(path)) for path in tmp_path.iterdir()}
    assert counts == {
        "events-2026-11-20.jsonl": 1,
        "events-2026-11-21.jsonl": 1,
        "events-2026-11-22.jsonl": 2,
    }
    assert all(DAY_FILE.fullmatch(name) for name in counts)


@pytest.mark.parametrize(
    "name", ["../../etc/cron", "a/b", "", ".", "..", "Tür zum Hof", "x" * 300, "a\nb", "a\0b", "💡", "\udcff"]
)
def test_odd_names_stay_within_the_folder(name: str, tmp_path: Path) -> None:
    """Whatever camera and track are called, readers know the file; the line keeps the name."""
    folder = tmp_path / "log"
    EventLog(folder).send(event(camera=name, track=name))
    (row,) = latest(folder, 5)
    assert SHOT.fullmatch(row["shot"])
    assert row["camera"] == name.replace("\udcff", "?")
    path = shot_path(folder, row["shot"])
    assert path is not None
    assert path.parent == folder / "shots" / "2026-11-21"
    assert [item.name for item in tmp_path.iterdir()] == ["log"]


def test_a_folder_for_each_camera(tmp_path: Path) -> None:
    """The place may depend on the camera."""
    log = EventLog(lambda camera: tmp_path / camera)
    log.send(event(camera="door"))
    log.send(event(camera="yard"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["door", "yard"]


def test_a_line_cut_by_a_power_loss_harms_no_other(tmp_path: Path) -> None:
    """The next line begins anew; readers leave out the torn one."""
    log, path = EventLog(tmp_path), tmp_path / "events-2026-11-21.jsonl"
    log.send(event(track="1"))
    with path.open("a") as file:
        file.write('{"kind":"track_l')
    log.send(event(track="2"))
    assert [row["track"] for row in latest(tmp_path, 10)] == ["2", "1"]
    assert path.read_text().count("\n") == 3


def test_the_latest_over_days(tmp_path: Path) -> None:
    """Newest first, over several files and over more than one block of a file; only as many as wanted."""
    log = EventLog(tmp_path)
    for n in range(60):
        details = MappingProxyType({"filler": "ö" * 2000})
        log.send(event(NOON + n * 2000, track=str(n), picture=None, details=details))
    assert [row["track"] for row in latest(tmp_path, 50)] == [str(n) for n in range(59, 9, -1)]
    assert len(latest(tmp_path, 1000)) == 60
    assert latest(tmp_path / "nothing", 5) == []


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "shots/../secret.jpg",
        "shots/2026-11-21/../../secret.jpg",
        "/etc/passwd",
        "shots/2026-11-21/120000000_link.jpg",
        "shots/2026-11-21/120000000_gone.jpg",
        "shots/2026-11-22/120000000_ok.jpg",
        "shots/2026-11-21/120000000_ok.jpg\n",
        "",
    ],
)
def test_only_pictures_of_the_log_are_found(name: str, tmp_path: Path) -> None:
    """No way out of the folder, neither by name nor by a link to a file or folder."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    day = tmp_path / "log" / "shots" / "2026-11-21"
    day.mkdir(parents=True)
    (day / "120000000_ok.jpg").write_bytes(b"ok")
    (day / "120000000_link.jpg").symlink_to(tmp_path / "secret.jpg")
    (day.parent / "2026-11-22").symlink_to(day)
    assert shot_path(tmp_path / "log", name) is None
    assert shot_path(tmp_path / "log", "shots/2026-11-21/120000000_ok.jpg") is not None


def test_a_picture_that_cannot_be_written_costs_no_line(tmp_path: Path) -> None:
    """The line is there, without a picture, and the trouble is told."""
    (tmp_path / "shots").write_text("in the way")
    with pytest.raises(OutputError, match=r"shots/.* could not be written: "):
        EventLog(tmp_path).send(event())
    assert [row["shot"] for row in latest(tmp_path, 5)] == [None]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever can put a link into the folder still cannot choose what is written to."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "events-2026-11-21.jsonl").symlink_to(victim)
    with pytest.raises(OutputError, match="could not be written"):
        EventLog(tmp_path).send(event(picture=None))
    assert victim.read_text() == "mine"


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that still went in is taken back; no piece of a picture stays; later it goes on."""
    log = EventLog(tmp_path)
    log.send(event(track="1", picture=None))

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        log.send(event(track="2"))
    monkeypatch.undo()
    log.send(event(track="3", picture=None))
    assert [row["track"] for row in rows(tmp_path / "events-2026-11-21.jsonl")] == ["1", "3"]
    assert [path.name for path in (tmp_path / "shots" / "2026-11-21").iterdir()] == []


def test_an_unwritable_folder_is_a_sentence() -> None:
    """With the path; also where even the folder cannot be made."""
    with pytest.raises(OutputError, match=r"/proc/none/events-.*jsonl could not be written: "):
        EventLog(Path("/proc/none")).send(event(picture=None))


def test_no_picture_no_name() -> None:
    assert shot_name(event(picture=None)) is None
