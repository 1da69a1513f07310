"""Recordings: the folder of segments, its index, and what leaves it."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.media.make_clips import Clip, make
from vidface.media.live.recordings import INDEX, KEEP, Recordings

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
NAMES = [f"20261121T1836{second:02d}.000Z.mp4" for second in range(5)]


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    """Five segments of 1000 bytes, 0 to 4 hours old, all in the index."""
    made = Recordings(tmp_path / "recordings")
    made.stem(0)
    for place, name in enumerate(NAMES):
        path = made.folder / name
        path.write_bytes(bytes(1000))
        when = time.time() - (4 - place) * 3600
        os.utime(path, (when, when))
        made.append({"file": name, "bytes": 1000})
    return made


def files(recordings: Recordings) -> list[str]:
    return sorted(path.name for path in recordings.folder.iterdir() if path.suffix == ".mp4")


def test_the_oldest_go_by_age(recordings: Recordings) -> None:
    """Files and their lines."""
    gone = recordings.sweep(2.5, None)
    assert [row["file"] for row in gone] == NAMES[:2]
    assert gone[0] == {"file": NAMES[0], "bytes": 1000, "because": "older than 2.5 h"}
    assert files(recordings) == NAMES[2:] == [row["file"] for row in recordings.rows()]
    assert (recordings.folder / INDEX).stat().st_mode & 0o777 == 0o600


def test_the_oldest_go_by_size(recordings: Recordings) -> None:
    """As many as must, no more."""
    assert len(recordings.sweep(None, 3500e-9)) == 2
    assert files(recordings) == NAMES[2:]
    assert recordings.sweep(None, 3500e-9) == []


def test_a_clock_that_was_set_back_costs_no_newer_segment(tmp_path: Path) -> None:
    """Ten from while it was a day ahead, then three: by size those of before go, whatever their names say."""
    recordings = Recordings(tmp_path / "recordings")
    now, names = time.time(), []
    for utc in [*(now + 86_400 + 60 * n for n in range(10)), *(now - 180 + 60 * n for n in range(3))]:
        path = recordings.folder / f"{recordings.stem(utc).name}.mp4"
        path.write_bytes(bytes(1000))
        os.utime(path, (utc, utc))
        recordings.append({"file": path.name, "bytes": 1000})
        names.append(path.name)
    assert [row["file"] for row in recordings.sweep(24.0, 4500e-9)] == names[:9]
    recordings.sweep(24.0, 1500e-9)
    assert files(recordings) == [names[-1]]


@pytest.mark.parametrize("hours", [-30.0, 1.5, 30.0])
def test_what_is_in_no_index_does_not_stay_for_ever(recordings: Recordings, hours: float) -> None:
    """Damaged, and nobody writes to it: it goes in its turn, and before the newest that is in the index."""
    damaged = recordings.folder / "20250101T000000.000Z.mp4"
    damaged.write_bytes(bytes(1000))
    when = time.time() - hours * 3600
    os.utime(damaged, (when, when))
    recordings.sweep(None, 4500e-9)
    assert damaged.exists() == (hours < 3)
    recordings.sweep(None, 1500e-9)
    assert files(recordings) == [NAMES[-1]]


def test_the_segment_that_is_being_written_stays(recordings: Recordings) -> None:
    """It is in no index yet; however little may be kept, it is not taken from under the recorder."""
    (recordings.folder / "20261121T190000.000Z.mp4").write_bytes(bytes(9000))
    recordings.sweep(None, 1e-9)
    assert files(recordings) == ["20261121T190000.000Z.mp4"]


def test_what_is_not_its_own_stays(recordings: Recordings, tmp_path: Path) -> None:
    """Other names, folders and links, whatever their age."""
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(bytes(1000))
    os.utime(outside, (0, 0))
    link = recordings.folder / "20200101T000000.000Z.mp4"
    link.symlink_to(outside)
    other = recordings.folder / "holiday.mp4"
    other.write_bytes(bytes(1000))
    os.utime(other, (0, 0))
    (recordings.folder / "20200102T000000.000Z.mp4").mkdir()
    recordings.sweep(0.001, 1e-9)
    assert {path.name for path in recordings.folder.iterdir()} >= {link.name, other.name}
    assert outside.exists()
    assert (recordings.folder / "20200102T000000.000Z.mp4").is_dir()


def test_a_folder_that_is_a_link_is_not_swept(recordings: Recordings, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(recordings.folder)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        Recordings(link).sweep(0.001, None)
    assert files(recordings) == NAMES


def test_a_line_that_power_loss_has_cut_costs_that_line(recordings: Recordings) -> None:
    """The next line begins on a line of its own."""
    with (recordings.folder / INDEX).open("a") as file:
        file.write('{"file":"20261121T1836')
    recordings.append({"file": "20261121T183700.000Z.mp4"})
    assert [row["file"] for row in recordings.rows()] == [*NAMES, "20261121T183700.000Z.mp4"]


def test_what_was_cut_off_is_found_again(tmp_path: Path) -> None:
    """A segment without a line gets one; what holds no picture goes; a second time nothing is left to do."""
    recordings = Recordings(tmp_path / "recordings")
    stem = recordings.stem(1_800_000_000.25)
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(24)))
    path = recordings.folder / f"{stem.name}.mp4"
    path.write_bytes(clip.read_bytes())
    empty = recordings.folder / "20261121T183600.000Z.mp4"
    empty.write_bytes(bytes(72))
    rows = recordings.recover()
    assert [row["file"] for row in rows] == [path.name]
    assert (rows[0]["first"], rows[0]["packets"], rows[0]["keys"]) == ("2027-01-15T08:00:00.250Z", 24, 2)
    assert rows[0]["duration_s"] == pytest.approx(0.96)
    assert not empty.exists()
    assert recordings.recover() == []
    assert recordings.rows() == rows


def test_what_cannot_be_read_at_that_moment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files, say: a sentence, and it is found again the next time. So stays what is damaged."""
    recordings = Recordings(tmp_path / "recordings")
    whole, broken = (recordings.stem(1_800_000_000.0 + n).with_suffix(".000Z.mp4") for n in range(2))
    whole.write_bytes(make(tmp_path / "clip.mp4", Clip(pts=range(24))).read_bytes())
    broken.write_bytes(bytes(100_000))
    (recordings.folder / "20261121T183600.000Z.mp4").touch()
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(av, "open", _no_more_files)
        assert recordings.recover(told.append) == []
    assert len(told) == 3
    assert "too many open files" in told[1]
    assert [row["file"] for row in recordings.recover(told.append)] == [whole.name]
    assert files(recordings) == [whole.name, broken.name]
    assert str(broken) in told[3]


def _zeroed(mark: bytes, count: int, at: int = 0) -> Callable[[bytearray], None]:
    def damage(data: bytearray) -> None:
        begin = data.index(mark) + at
        data[begin : begin + count] = bytes(count)

    return damage


def _misnamed(data: bytearray) -> None:
    data[data.index(b"VideoHandler") + 2] = 0xFF


@pytest.mark.parametrize(
    ("damage", "recovered"),
    [
        (_misnamed, True),
        (_zeroed(b"avc1", 4), False),
        (_zeroed(b"trak", 4), False),
        (_zeroed(b"vide", 4), True),
        (_zeroed(b"moof", 16, at=-4), False),
    ],
    ids=["name", "coding", "track", "kind", "pictures"],
)
def test_damage_deletes_no_footage_and_stops_nobody(
    tmp_path: Path, damage: Callable[[bytearray], None], recovered: bool
) -> None:
    """A disk that lost some bytes: what can still be read is found again, the rest stays and is told."""
    recordings = Recordings(tmp_path / "recordings")
    path = recordings.stem(1_800_000_000.0).with_suffix(".000Z.mp4")
    data = bytearray(make(tmp_path / "clip.mp4", Clip(muxer=FRAGMENTS)).read_bytes())
    damage(data)
    path.write_bytes(data + bytes(10_000))
    told: list[str] = []
    assert bool(recordings.recover(told.append)) == recovered
    assert path.exists()
    assert any("it stays, but not in the index" in text for text in told) != recovered


def _no_more_files(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_an_index_of_weeks_is_not_read_where_nothing_has_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 segments: not after each of them."""
    recordings = Recordings(tmp_path / "recordings")
    recordings.stem(0)
    names = [f"20261121T{n // 3600:02d}{n // 60 % 60:02d}{n % 60:02d}.000Z.mp4" for n in range(20_000)]
    for name in names:
        (recordings.folder / name).touch()
    lines = "".join(f'{{"file":"{name}","bytes":0}}\n' for name in names)
    (recordings.folder / INDEX).write_text(lines)
    monkeypatch.setattr(json, "loads", None)
    assert recordings.sweep(24, 20) == []
    monkeypatch.undo()
    os.utime(recordings.folder / names[0], (0, 0))
    assert len(recordings.sweep(24, 20)) == 1
    assert [row["file"] for row in recordings.rows()] == names[1:]


def test_lines_of_files_that_somebody_deleted_go_at_the_start(recordings: Recordings) -> None:
    (recordings.folder / NAMES[1]).unlink()
    recordings.recover()
    assert [row["file"] for row in recordings.rows()] == [NAMES[0], *NAMES[2:]]


def test_how_long_is_said_beside_the_segments(recordings: Recordings) -> None:
    """For the owner alone; what cannot be understood is an error, and never means that all may go."""
    assert recordings.remembered() is None
    recordings.remember(720.0, None)
    assert recordings.remembered() == (720.0, None)
    path = recordings.folder / KEEP
    assert path.stat().st_mode & 0o777 == 0o600
    recordings.sweep(None, 1e-9)
    assert path.exists()
    path.write_text("keep_h: 24")
    with pytest.raises(OSError, match="does not say for how long"):
        recordings.remembered()


def test_names_never_repeat(tmp_path: Path) -> None:
    """Two segments of one millisecond get different names, in order."""
    recordings = Recordings(tmp_path / "recordings")
    made = []
    for _ in range(3):
        stem = recordings.stem(1_800_000_000.0)
        path = recordings.folder / f"{stem.name}.mp4"
        path.touch()
        made.append(path.name)
        recordings.append({"file": path.name})
    assert made == [f"20270115T080000.000Z{n}.mp4" for n in ("", "-1", "-2")]
    assert [row["file"] for row in recordings.rows()] == made


def test_two_at_once_lose_no_line(recordings: Recordings) -> None:
    """One appends while another deletes and rewrites the index."""
    other = Recordings(recordings.folder)
    added = [f"20261122T0000{second:02d}.000Z.mp4" for second in range(40)]

    def add() -> None:
        for name in added:
            (recordings.folder / name).write_bytes(bytes(10))
            recordings.append({"file": name})

    thread = threading.Thread(target=add)
    thread.start()
    for hours in (4.5, 3.5, 2.5, 1.5, 0.5):
        other.sweep(hours, None)
        time.sleep(0.005)
    thread.join()
    lines = (recordings.folder / INDEX).read_text().splitlines()
    assert [json.loads(line)["file"] for line in lines][-40:] == added
