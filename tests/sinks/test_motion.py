"""motion: what stands in the .npz file, and that reenact nodes can replay it."""

from __future__ import annotations

import stat
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.data.damaged import check_reader
from vidface.data import Faces, Frame, SourceInfo
from vidface.data.motion import Motion, Motions
from vidface.errors import InputError, UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.nodes.reenact._drive import Replay
from vidface.sinks.motion import MotionSink

BASE = Fraction(1, 25)
INFO = SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)


def at(index: int) -> Frame:
    return replace(frame_from_rgb(np.zeros((4, 4, 3), np.uint8), index), pts=index, time_base=BASE)


def motion(value: float) -> Motion:
    return Motion(rotation=np.full(3, value), scale=1 + value, expression=np.array([value, 2 * value]))


def written(folder: Path) -> Path:
    """Track 1 on five frames, track 2 on two of them, once not measured."""
    sink = MotionSink()
    sink.start(Target(folder, "motion", INFO))
    for index in range(5):
        tracks, rows = [1], [motion(0.1 * index)]
        if index in (2, 3):
            tracks, rows = [2, 1], [motion(9) if index == 2 else Motion.none(), *rows]
        faces = Faces.of([(0, 0, 2, 2)] * len(rows), tracks=tracks)
        sink.process(at(10 + index), faces, Motions(tuple(rows)))
    assert sink.finish() == {"files": ["motion.npz"], "rows": 7}
    sink.close()
    return folder / "motion.npz"


def test_every_face_of_every_frame_has_a_row(tmp_path: Path) -> None:
    """Exact values, times in seconds; private."""
    path = written(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = np.load(path)
    assert found["track"].tolist() == [1, 1, 2, 1, 2, 1, 1]
    assert found["time"][0] == pytest.approx(0.4)
    assert found["expression"].shape == (7, 2)
    assert found["valid"].tolist() == [True] * 4 + [False] + [True] * 2
    assert found["rotation"][2].tolist() == [9, 9, 9]


def test_a_saved_motion_is_replayed_from_its_beginning(tmp_path: Path) -> None:
    """The longest track by itself; its reference is the most neutral moment; behind its end nothing."""
    replay = Replay("n", str(written(tmp_path)), None)
    here = replay.at(0.08)
    assert here is not None
    assert here.rotation == pytest.approx([0.2] * 3)
    assert here.scale == pytest.approx(1.2)
    assert not replay.reference(here).rotation.any()
    assert replay.at(3.0) is None


def test_time_without_a_face_counts(tmp_path: Path) -> None:
    """Two seconds of nobody, then a face: a replay waits as long; a file without `start` begins at once."""
    sink = MotionSink()
    sink.start(Target(tmp_path, "late", INFO))
    for index in range(50):
        sink.process(at(100 + index), Faces.none(), Motions())
    for index in range(50, 60):
        faces = Faces.of([(0, 0, 2, 2)], tracks=[1])
        sink.process(at(100 + index), faces, Motions((motion(0.1 * (index - 50)),)))
    sink.finish()
    found = dict(np.load(tmp_path / "late.npz"))
    assert found["start"] == 4.0
    replay = Replay("n", str(tmp_path / "late.npz"), None)
    assert replay.at(0.0) is None
    first = replay.at(2.0)
    assert first is not None
    assert not first.rotation.any()
    del found["start"]
    np.savez(tmp_path / "old.npz", **found)
    first = Replay("n", str(tmp_path / "old.npz"), None).at(0.0)
    assert first is not None
    assert not first.rotation.any()


def test_a_replay_is_relative_to_the_driver_as_it_was_known_then(tmp_path: Path) -> None:
    """The same face reads as 0.1 at first and 0.4 at last: at both times it differs by nothing from its rest.

    Files without `neutral` have one reference for all moments.
    """
    sink = MotionSink()
    sink.start(Target(tmp_path, "known", INFO))
    for index in range(5):
        value = np.full(2, 0.1 if index < 3 else 0.4, np.float32)
        rows = Motions((Motion(expression=value, neutral=value),))
        sink.process(at(index), Faces.of([(0, 0, 2, 2)], tracks=[1]), rows)
    sink.finish()
    replay = Replay("n", str(tmp_path / "known.npz"), None)
    for time in (0.0, 0.16):
        here = replay.at(time)
        assert here is not None
        assert replay.reference(here).expression == pytest.approx(here.expression)
    assert replay.reference(None).expression == pytest.approx([0.1, 0.1])
    found = dict(np.load(tmp_path / "known.npz"))
    del found["neutral"]
    np.savez(tmp_path / "old.npz", **found)
    old = Replay("n", str(tmp_path / "old.npz"), None)
    assert old.reference(old.at(0.16)).expression == pytest.approx([0.1, 0.1])


def test_what_cannot_be_replayed_gets_a_sentence(tmp_path: Path) -> None:
    """Missing, another kind of file, an unknown track, nobody in it."""
    with pytest.raises(UsageError, match="no motion of track 7, but of 1, 2"):
        Replay("n", str(written(tmp_path)), 7)
    with pytest.raises(InputError, match="cannot be read"):
        Replay("n", str(tmp_path / "gone.npz"), None)
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(InputError, match="no motion file"):
        Replay("n", str(tmp_path / "text.npz"), None)
    np.savez(tmp_path / "odd.npz", **(dict(np.load(written(tmp_path))) | {"start": np.zeros(2)}))
    with pytest.raises(InputError, match="no motion file"):
        Replay("n", str(tmp_path / "odd.npz"), None)
    np.savez(tmp_path / "other.npz", time=np.zeros(1))
    with pytest.raises(InputError, match="lacks track"):
        Replay("n", str(tmp_path / "other.npz"), None)
    sink = MotionSink()
    sink.start(Target(tmp_path, "empty", INFO))
    sink.process(at(0), Faces.none(), Motions())
    sink.finish()
    with pytest.raises(InputError, match="no face was measured"):
        Replay("n", str(tmp_path / "empty.npz"), None)


def test_whatever_is_damaged_is_told(tmp_path: Path) -> None:
    """Also arrays that are single numbers."""
    path = written(tmp_path)
    whole = dict(np.load(path))
    check_reader(path, lambda path: Replay("n", str(path), None), InputError)
    for name in ("time", "track"):
        np.savez(path, **(whole | {name: np.float64(1)}))
        with pytest.raises(InputError, match="unequal lengths"):
            Replay("n", str(path), None)
