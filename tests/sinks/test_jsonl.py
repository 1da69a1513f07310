"""jsonl: the lines are exactly as documented, whole at any moment, and private."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data import Faces, Frame, SourceInfo
from vidface.data.measures import Measure, Measures
from vidface.data.times import time_text
from vidface.errors import OutputError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks._files import LineFile, write_private
from vidface.sinks.jsonl import Jsonl

BASE = Fraction(1, 12800)
POINTS = [(20.5, 30.25), (40, 30), (30, 40), (22, 50), (38, 50)]


def target(folder: Path, name: str = "faces") -> Target:
    """A place to write for a clip of 64 x 48 with 12800 ticks a second."""
    info = SourceInfo("clip.mp4", "mp4", "h264", "yuv420p", 64, 48, BASE)
    return Target(folder, name, info)


def at(index: int, pts: int, **facts: Any) -> Frame:
    """A frame of noise at a time."""
    pixels = np.random.default_rng(index).integers(0, 256, (48, 64, 3), np.uint8)
    return replace(frame_from_rgb(pixels, index), pts=pts, time_base=BASE, **facts)


def write(folder: Path, values: list[tuple[Frame, Faces]], name: str = "faces") -> dict[str, Any]:
    """Run the sink over some frames."""
    sink = Jsonl()
    sink.start(target(folder, name))
    for frame, faces in values:
        sink.process(frame, faces)
    facts = sink.finish()
    sink.close()
    return facts


def test_a_line_is_as_documented(tmp_path: Path) -> None:
    """The golden line: keys, their order, decimals, no spaces, one newline."""
    faces = Faces.of([(10, 20, 50.126, 61)], scores=[0.93], landmarks=[POINTS], tracks=[3])
    write(tmp_path, [(at(12, 6144), faces)])
    assert (tmp_path / "faces.jsonl").read_bytes() == (
        b'{"frame":12,"time":"0.480000","pts":6144,"faces":[{"track":3,"box":[10.0,20.0,50.13,61.0],'
        b'"score":0.93,"landmarks":[[20.5,30.25],[40.0,30.0],[30.0,40.0],[22.0,50.0],[38.0,50.0]],'
        b'"interpolated":false}]}\n'
    )


def test_rare_facts_stand_only_where_they_say_something(tmp_path: Path) -> None:
    """epoch above 0, looked false, a time base that is not the clip's; a frame without faces has its line."""
    other = replace(at(1, 40), time_base=Fraction(1, 1000), epoch=2)
    write(tmp_path, [(at(0, 0), Faces.none()), (other, Faces.none(looked=False))])
    assert (tmp_path / "faces.jsonl").read_text().splitlines() == [
        '{"frame":0,"time":"0.000000","pts":0,"faces":[]}',
        '{"frame":1,"time":"0.040000","pts":40,"time_base":"1/1000","epoch":2,"looked":false,"faces":[]}',
    ]


def test_tracks_of_a_clock_that_was_set_back_tell_their_epoch(tmp_path: Path) -> None:
    """Two tracks at one time: the second after a gap, and it says so; before any gap nothing is said."""
    one, two = (Faces.of([(1, 2, 3, 4)], tracks=[n]) for n in (1, 2))
    write(tmp_path, [(at(0, 0), one), (replace(at(1, 0), epoch=1), two)])
    rows = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [(row.get("epoch"), row["first_time"]) for row in rows] == [(None, "0.000000"), (1, "0.000000")]


def test_unknown_track_and_landmarks_are_null(tmp_path: Path) -> None:
    """NaN is no JSON: what is not known is null."""
    write(tmp_path, [(at(0, 0), Faces.of([(1, 2, 3, 4)]))])
    (face,) = json.loads((tmp_path / "faces.jsonl").read_text())["faces"]
    assert face["track"] is None
    assert face["landmarks"] is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "0.000000"),
        (Fraction(1, 3), "0.333333"),
        (Fraction(2, 3), "0.666667"),
        (Fraction(-1, 3), "-0.333333"),
        (Fraction(-1, 10**9), "0.000000"),
        (Fraction(1, 2_000_000), "0.000000"),
        (Fraction(3, 2_000_000), "0.000002"),
        (Fraction(999_999_999, 10**9), "1.000000"),
        (Fraction(10**15 + 1, 10**6), "1000000000.000001"),
    ],
)
def test_times_are_rounded_from_the_fraction(seconds: Fraction, text: str) -> None:
    """Half to even, no negative zero, exact where a float would no longer be."""
    assert time_text(seconds) == text


@given(pts=st.integers(-(10**15), 10**15), base=st.integers(1, 10**6))
def test_times_are_within_half_a_microsecond(pts: int, base: int) -> None:
    """Whatever the time base, the text is the nearest one with 6 decimals."""
    exact = Fraction(pts, base)
    assert abs(Fraction(time_text(exact)) - exact) <= Fraction(1, 2_000_000)


def test_tracks_are_summed_up(tmp_path: Path) -> None:
    """One line a track, by number: times, counts, longest gap between detections, means, best frame."""
    small, large = (0, 0, 10, 12), (0, 0, 30, 40)
    values = [
        (at(0, 0), Faces.of([small, large], scores=[0.8, 0.6], tracks=[7, 2])),
        (at(1, 512), Faces.of([large], scores=[0.8], tracks=[7], interpolated=[True])),
        (at(2, 1024), Faces.none(looked=False)),
        (at(3, 1536), Faces.of([large], scores=[0.9], tracks=[7])),
        (at(4, 2048), Faces.of([small], scores=[0.7], tracks=[-1])),
    ]
    facts = write(tmp_path, values)
    second, seventh = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert (second["track"], second["frames"], second["longest_gap_s"]) == (2, 1, 0.0)
    quality = seventh.pop("best_quality")
    assert 0 < quality < 1
    assert seventh == {
        "track": 7,
        "first_frame": 0,
        "last_frame": 3,
        "first_time": "0.000000",
        "last_time": "0.120000",
        "frames": 3,
        "detected": 2,
        "interpolated": 1,
        "longest_gap_s": 0.12,
        "mean_score": 0.85,
        "mean_height_px": 30.67,
        "best_frame": 3,
        "best_time": "0.120000",
    }
    assert facts == {"files": ["faces.jsonl", "tracks.jsonl"], "rows": 5, "faces": 5, "tracks": 2}


def test_a_track_that_nobody_saw_has_no_best_frame(tmp_path: Path) -> None:
    """Only interpolated rows: score and best frame are null, not made up."""
    write(tmp_path, [(at(0, 0), Faces.of([(0, 0, 9, 9)], tracks=[1], interpolated=[True]))])
    row = json.loads((tmp_path / "tracks.jsonl").read_text())
    assert (row["detected"], row["mean_score"], row["best_frame"], row["best_time"]) == (0, None, None, None)


def test_without_tracks_there_is_no_tracks_file(tmp_path: Path) -> None:
    """Faces that nobody follows give faces.jsonl only."""
    facts = write(tmp_path, [(at(0, 0), Faces.of([(0, 0, 9, 9)]))])
    assert facts["files"] == ["faces.jsonl"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces.jsonl"]


def test_another_output_has_files_of_its_own(tmp_path: Path) -> None:
    """Two outputs of faces do not write into one file."""
    facts = write(tmp_path, [(at(0, 0), Faces.of([(0, 0, 9, 9)], tracks=[1]))], name="raw")
    assert facts["files"] == ["raw.jsonl", "raw.tracks.jsonl"]


def test_files_are_private(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, also where a file with other rights was there before."""
    (tmp_path / "faces.jsonl").touch(mode=0o644)
    old = os.umask(0)
    try:
        write(tmp_path, [(at(0, 0), Faces.of([(0, 0, 9, 9)], tracks=[1]))])
    finally:
        os.umask(old)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_killed_run_leaves_whole_lines(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing long lines: all parse but, at most, the one being written."""
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from vidface.sinks._files import LineFile
        lines, i = LineFile(Path(sys.argv[1])), 0
        while True:
            lines.write('{"i":%d,"long":"%s"}' % (i, "x" * 20000))
            i += 1
            if i == 50:
                print("going", flush=True)
        """
    )
    path = tmp_path / "faces.jsonl"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    # The kernel may stop a write between two pages of memory when the process is killed.
    whole = path.read_bytes().rpartition(b"\n")[0]
    numbers = [json.loads(line)["i"] for line in whole.splitlines()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 50


class Filling:
    """A file that takes some bytes and then has no room."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: memoryview) -> int:
        if self._room <= 0:
            raise OSError(28, "No space left on device")
        part = data[: self._room]
        self._room -= len(part)
        return int(self._file.write(part))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_leaves_whole_lines_and_says_so(tmp_path: Path) -> None:
    """The half line that still went in is taken back; the error names the file and the cause."""
    lines = LineFile(tmp_path / "faces.jsonl")
    lines.write("first")
    lines._file = Filling(lines._file, room=4)  # type: ignore[assignment]
    with pytest.raises(OutputError, match=r"faces\.jsonl could not be written: No space left on device"):
        lines.write("second")
    lines.close()
    assert (tmp_path / "faces.jsonl").read_text() == "first\n"


def test_dev_full_is_an_output_error(tmp_path: Path) -> None:
    """The kernel's own full disk, through the sink; nothing else breaks on the way down."""
    (tmp_path / "faces.jsonl").symlink_to("/dev/full")
    sink = Jsonl()
    sink.start(target(tmp_path))
    with pytest.raises(OutputError, match="No space left"):
        sink.process(at(0, 0), Faces.none())
    sink.close()
    sink.close()


def test_a_folder_that_is_gone_is_an_output_error(tmp_path: Path) -> None:
    """From every writer, a sentence with the path."""
    with pytest.raises(OutputError, match=r"gone/faces\.jsonl could not be written"):
        Jsonl().start(target(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"gone/a\.jpg could not be written"):
        write_private(tmp_path / "gone" / "a.jpg", b"")


def test_life_before_start_and_after_close(tmp_path: Path) -> None:
    """A sink that never started can be finished and closed; one that was closed writes no more."""
    sink = Jsonl()
    assert sink.finish() == {}
    sink.close()
    sink.start(target(tmp_path))
    sink.close()
    assert sink.finish() == {}


@pytest.mark.parametrize("followed", [True, False])
def test_nobody_who_was_followed_has_an_empty_file_of_tracks(tmp_path: Path, followed: bool) -> None:
    """Behind a detector alone nobody is followed, and there is no file."""
    sink = Jsonl()
    sink.start(replace(target(tmp_path), tracked=followed))
    sink.process(at(0, 0), Faces.none())
    facts = sink.finish()
    sink.close()
    assert (tmp_path / "tracks.jsonl").exists() == followed
    assert facts["files"] == ["faces.jsonl", *(["tracks.jsonl"] if followed else [])]
    assert facts["tracks"] == 0


def test_gap_best_frame_and_means_of_a_track_that_begins_late(tmp_path: Path) -> None:
    """The gap is between looks, not since the clip began; the best frame is the earliest of the best."""
    face, kind = (0, 0, 20, 24), (Measure("quality", "ratio", "How good it is."),)
    sink = Jsonl()
    sink.start(target(tmp_path))
    for index, quality in ((10, 0.5), (11, 0.8), (14, 0.8), (15, np.nan), (16, 0.3)):
        faces = Faces.of([face], scores=[0.9], tracks=[1])
        sink.process(at(index, 512 * index), faces, quality=Measures(kind, np.array([[quality]], np.float32)))
    sink.finish()
    sink.close()
    row = json.loads((tmp_path / "tracks.jsonl").read_text())
    assert (row["first_time"], row["last_time"], row["longest_gap_s"]) == ("0.400000", "0.640000", 0.12)
    assert (row["best_frame"], row["best_time"], row["best_quality"]) == (11, "0.440000", 0.8)
    assert row["mean_quality"] == 0.6
