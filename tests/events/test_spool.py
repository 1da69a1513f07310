"""Spool: what waits is bounded, private, in order, and still there after a restart."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from vidface.errors import UsageError
from vidface.events.spool import Spool


def contents(spool: Spool) -> list[bytes]:
    """Take everything out."""
    found = []
    while (first := spool.first()) is not None:
        found.append(first[1])
        spool.drop(first[0])
    return found


def test_first_in_first_out_also_over_a_restart(tmp_path: Path) -> None:
    """A second spool over the folder goes on where the first one ended, in the same order."""
    one = Spool(tmp_path / "a" / "spool")
    for n in range(12):
        one.put(b"letter %d" % n)
    found = one.first()
    assert found is not None
    one.drop(found[0])
    two = Spool(tmp_path / "a" / "spool")
    two.put(b"new")
    assert contents(two) == [*(b"letter %d" % n for n in range(1, 12)), b"new"]
    assert contents(Spool(tmp_path / "a" / "spool")) == []
    assert list((tmp_path / "a" / "spool").iterdir()) == []


def test_letters_are_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.put(b"x")
    (path,) = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """By count and by bytes; the newest one stays, however large; their files are gone."""
    spool = Spool(tmp_path, most=3, most_bytes=100)
    for n in range(5):
        spool.put(b"%d" % n)
    assert (len(spool), spool.overflowed) == (3, 2)
    spool.put(b"x" * 99)
    assert len(spool) == 2
    spool.put(b"y" * 500)
    assert len(list(tmp_path.iterdir())) == 1
    assert contents(spool) == [b"y" * 500]


def test_nothing_waits_for_ever(tmp_path: Path) -> None:
    """What waited too long is removed and counted, also when it comes from an earlier process."""
    spool = Spool(tmp_path, most_s=3600)
    spool.put(b"old")
    spool.put(b"new")
    path = min(tmp_path.iterdir())
    os.utime(path, (path.stat().st_mtime - 4000,) * 2)
    again = Spool(tmp_path, most_s=3600)
    assert contents(again) == [b"new"]
    assert (again.expired, list(tmp_path.iterdir())) == (1, [])


def test_a_clock_that_is_set_makes_no_letter_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the time came from the network it was 1970, or a month ago."""
    spool = Spool(tmp_path)
    spool.put(b"1")
    month = time.time() + 30 * 86_400
    monkeypatch.setattr("vidface.events.spool.time", SimpleNamespace(time=lambda: month))
    assert spool.first() == (1, b"1")
    os.utime(next(tmp_path.iterdir()), (60, 60))
    assert contents(Spool(tmp_path)) == [b"1"]


def test_letters_of_an_earlier_process_are_old_by_the_clock_that_is_given(tmp_path: Path) -> None:
    Spool(tmp_path).put(b"1")
    written = next(tmp_path.iterdir()).stat().st_mtime
    assert len(Spool(tmp_path, clock=lambda: written - 86_400)) == 1
    assert Spool(tmp_path, clock=lambda: written + 8 * 86_400).first() is None


@pytest.mark.parametrize("written_s", [60.0, 3e9], ids=["1970", "2065"])
def test_a_letter_of_a_wrong_clock_waits_from_the_first_start_on(tmp_path: Path, written_s: float) -> None:
    """It waited anew from each start, so that a program that is begun each week kept it for ever."""
    Spool(tmp_path).put(b"old")
    (path,) = tmp_path.iterdir()
    os.utime(path, (written_s, written_s))
    first_s = 1_790_000_000.0
    assert len(Spool(tmp_path, clock=lambda: first_s)) == 1
    assert len(Spool(tmp_path, clock=lambda: first_s + 6 * 86_400)) == 1
    late = Spool(tmp_path, clock=lambda: first_s + 8 * 86_400)
    assert late.first() is None
    assert late.expired == 1


def test_a_letter_that_had_to_make_room_is_not_dropped_twice(tmp_path: Path) -> None:
    """While it was carried it was pushed out: the one behind it stays."""
    spool = Spool(tmp_path, most=1)
    spool.put(b"old")
    first = spool.first()
    assert first is not None
    spool.put(b"new")
    spool.drop(first[0])
    assert contents(spool) == [b"new"]


def test_a_full_disk_costs_no_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait in memory, in order with the others; no piece stays; later ones go to disk again."""
    spool = Spool(tmp_path)
    spool.put(b"1")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    spool.put(b"2")
    assert (spool.trouble or "").startswith("No space left")
    monkeypatch.undo()
    spool.put(b"3")
    assert spool.trouble is None
    assert len(list(tmp_path.iterdir())) == 2
    assert contents(spool) == [b"1", b"2", b"3"]


def test_a_disk_that_is_full_at_the_start_keeps_nobody_from_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits there is taken over; the rest waits in memory until there is room."""
    Spool(tmp_path).put(b"1")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    spool = Spool(tmp_path)
    assert spool.trouble == "No space left on device"
    spool.put(b"2")
    assert contents(spool) == [b"1", b"2"]


def test_a_folder_that_goes_away_costs_what_was_in_it(tmp_path: Path) -> None:
    """Letters that cannot be read are counted, and nothing hangs."""
    spool = Spool(tmp_path / "spool")
    spool.put(b"1")
    next((tmp_path / "spool").iterdir()).unlink()
    (tmp_path / "spool").rmdir()
    spool.put(b"2")
    assert contents(spool) == [b"2"]
    assert spool.unreadable == 1


def test_what_is_no_letter_is_left_alone(tmp_path: Path) -> None:
    """Files of somebody else, and folders; but the draft of an interrupted write goes."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "0000000000000003.letter").mkdir()
    (tmp_path / ".0000000000000004.letter.part").write_text("half a let")
    assert contents(Spool(tmp_path)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000000000000003.letter", "notes.txt"]


@pytest.mark.parametrize("folder", ["file/spool", "file"])
def test_a_folder_that_cannot_be_used_is_refused_at_once(folder: str, tmp_path: Path) -> None:
    """Before anything is watched, in one sentence."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"events that wait cannot be kept in .*file"):
        Spool(tmp_path / folder)


def test_a_place_without_permission_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be kept in /proc/1/spool"):
        Spool(Path("/proc/1/spool"))
