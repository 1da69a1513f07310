"""VideoSink: full disks, lost folders and killed runs leave one sentence and a readable file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, times
from tests.sinks.video_files import FAST, INFO, encode, frame_at, write_frames
from vidface.data import Frame
from vidface.errors import OutputError, UsageError
from vidface.media.decode import open_source
from vidface.node import Target
from vidface.sinks.video import VideoSink


def test_a_killed_run_is_playable(clip: Maker, tmp_path: Path) -> None:
    """A copy of the half-written file, taken before `finish`, gives all but the last seconds."""
    path = clip("in.mp4", sound="aac", pts=tuple(range(250)))
    source = open_source(path)
    for container in ("mp4", "mkv"):
        sink = VideoSink(**FAST, container=container)
        sink.start(Target(tmp_path, "video", source.info, path))
        for frame in read(path):
            sink.process(frame)
        partial = Path(shutil.copy(tmp_path / f"video.{container}", tmp_path / f"killed.{container}"))
        sink.close()
        got = times(read(partial))
        assert len(got) > 250 - 2 * 50 - 60  # a fragment of two seconds, and what waits in the encoder
        assert got == times(read(path))[: len(got)]


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """ENOSPC names the file and says that what was written stays readable."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "video.mp4").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"video\.mp4: the disk is full"):
        write_frames([frame_at(i) for i in range(150)], tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Opening fails plainly."""
    with pytest.raises(OutputError, match="its folder is gone"):
        write_frames([frame_at(0)], tmp_path / "nowhere")


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    """A file that was removed while it was written is missed at the end."""
    folder = tmp_path / "out"
    folder.mkdir()

    def frames() -> Iterator[Frame]:
        yield frame_at(0)
        shutil.rmtree(folder)
        yield frame_at(1)

    with pytest.raises(OutputError, match="is gone"):
        write_frames(frames(), folder)  # type: ignore[arg-type]


def test_no_frame_no_file(tmp_path: Path) -> None:
    """A run without frames leaves no broken file behind."""
    _, facts = write_frames([], tmp_path)
    assert (facts["files"], facts["frames"]) == ([], 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"codec": "h264", "container": "webm"}, "webm holds vp9, av1, but not h264"),
        ({"codec": "ffv1", "container": "mp4"}, "try mkv"),
        ({"preset": "warp"}, "wants one of ultrafast, superfast"),
        ({"codec": "av1", "preset": "99"}, "wants one of 0, 1"),
        ({"crf": 60.0}, "crf of 0 to 51"),
    ],
)
def test_settings_that_do_not_exist(tmp_path: Path, how: dict[str, Any], words: str) -> None:
    """Refused before anything is decoded, with the ones that do exist."""
    with pytest.raises(UsageError, match=words):
        VideoSink(**how).start(Target(tmp_path, "video", INFO))


def test_nothing_spills_on_stderr(clip: Maker, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Encoders that print their settings are told not to."""
    path = clip("in.mp4", pts=(0, 1, 2))
    capfd.readouterr()
    for codec in ("h264", "h265", "vp9", "av1", "ffv1"):
        encode(path, tmp_path, codec=codec, container="mkv")
    assert capfd.readouterr() == ("", "")
