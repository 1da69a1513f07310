"""Broken inputs: one plain sentence each, and nothing that can be read is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, times
from vidface.data import Hole
from vidface.errors import ExitCode, InputError
from vidface.media.decode import open_source
from vidface.media.opening import shown_name

FRONT = {"movflags": "faststart"}
LONG = tuple(range(60))


def sentence(path: Path | str) -> str:
    """What a user is told; also checks the exit code."""
    with pytest.raises(InputError) as caught:
        list(open_source(path).frames())
    assert caught.value.exit_code is ExitCode.INPUT
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_no_such_file(tmp_path: Path) -> None:
    """The path is named."""
    assert sentence(tmp_path / "gone.mp4") == f"{tmp_path}/gone.mp4: there is no such file; check the path."


def test_empty_file(tmp_path: Path) -> None:
    """Zero bytes."""
    (tmp_path / "empty.mp4").touch()
    assert "the file is empty (0 bytes)" in sentence(tmp_path / "empty.mp4")


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.264", "notes"])
def test_text_under_another_name(tmp_path: Path, name: str) -> None:
    """A text file is no video, whatever it is called."""
    path = tmp_path / name
    path.write_text("Dear diary, today I renamed a file.\n" * 20)
    assert any(word in sentence(path) for word in ("is text", "is a text file", "not a readable h264 stream"))


def test_random_bytes(tmp_path: Path) -> None:
    """Noise is refused, not decoded into fantasies."""
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(20000))
    assert "noise.mp4: " in sentence(path)


@pytest.mark.parametrize("name", ["pipe", "pipe.mp4", "pipe.png", "null"])
def test_a_pipe_is_refused_at_once(tmp_path: Path, name: str) -> None:
    """An input is read more than once (a look, the run, its hash), and a pipe nobody fills waits forever."""
    path = tmp_path / name
    if name == "null":
        path = Path(os.devnull)
    else:
        os.mkfifo(path)
    wanted = "wanted a file, which can be read more than once, but found a pipe or a device"
    assert wanted in sentence(path)


def test_not_permitted(clip: Maker, tmp_path: Path) -> None:
    """A file that this user may not read."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = Path(shutil.copy(clip("h264.mp4"), tmp_path / "locked.mp4"))
    path.chmod(0)
    assert "may not be read by this user" in sentence(path)


def test_audio_only(tmp_path: Path) -> None:
    """What was found stands in the sentence."""
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000)
        for i in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts = 48000, 1024 * i
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert "wanted a video stream, but found only 1 audio stream" in sentence(path)


def test_mp4_without_its_index(clip: Maker, tmp_path: Path) -> None:
    """A recording that was cut off before its index was written says just that."""
    data = clip("whole.mp4", pts=LONG).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: data.rfind(b"moov") - 8])
    assert "index (moov) is missing" in sentence(path)


def test_truncated_mp4_gives_frames_up_to_the_damage(clip: Maker, tmp_path: Path) -> None:
    """Index in front, data cut: the frames before the cut come, the hole counts the others."""
    whole = clip("front.mp4", pts=LONG, muxer=FRONT)
    data = whole.read_bytes()
    path = tmp_path / "short.mp4"
    path.write_bytes(data[: int(len(data) * 0.7)])
    source = open_source(path)
    frames = list(source.frames())
    assert 10 < len(frames) < 60
    assert times(frames) == times(read(whole))[: len(frames)]
    missing = [hole.frames or 0 for hole in source.holes()]
    assert len(frames) + sum(missing) == 60
    assert any("input ends early" in hole.cause for hole in source.holes())


@pytest.mark.parametrize("name", ["whole.mkv", "whole.ts", "whole.avi"])
def test_truncated_streams_still_play(clip: Maker, tmp_path: Path, name: str) -> None:
    """Containers without an index in front give what is there."""
    data = clip(name, pts=LONG).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * 0.6)])
    assert 10 < len(read(path)) < 60


def corrupted(path: Path, target: Path, *, size: int = 600) -> Path:
    """The file with bytes in the middle overwritten."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + size] = np.random.default_rng(1).bytes(size)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.gif", "gif", "rgb8"),
        ("a.wmv", "wmv2", "yuv420p"),
        ("a.y4m", "rawvideo", "yuv420p"),
        ("grey.y4m", "rawvideo", "gray"),
        ("deep.y4m", "rawvideo", "yuv422p10le"),
    ],
)
def test_what_ends_within_a_picture_is_said_of_formats_that_ffmpeg_reads_on_quietly(
    clip: Maker, tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    """Whole ones lack nothing; of a part of one the pictures come, and that it ended early."""
    path = clip(name, codec=codec, pixel_format=pixel_format, pts=LONG, muxer={"strict": "-1"}, size=(66, 50))
    whole = open_source(path)
    assert len(list(whole.frames())) == len(LONG)
    assert whole.holes() == ()
    data = path.read_bytes()
    (tmp_path / name).write_bytes(data[: int(0.6 * len(data))])
    source = open_source(tmp_path / name)
    assert 20 < len(list(source.frames())) < 50
    assert any(hole.cause.startswith("input ends early") for hole in source.holes())


@pytest.mark.parametrize("more", [bytes(200), b"\nmade by hand\n"])
def test_what_programs_append_to_a_gif_is_no_loss(clip: Maker, tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "more.gif"
    path.write_bytes(clip("a.gif", codec="gif", pixel_format="rgb8").read_bytes() + more)
    source = open_source(path)
    assert list(source.frames())
    assert source.holes() == ()


def test_corrupt_packets_are_counted_and_passed_over(clip: Maker, tmp_path: Path) -> None:
    """Damage in the middle: the end still comes, every packet is a frame or in a hole."""
    whole = clip("ffv1.mkv", codec="ffv1", pts=LONG)
    source = open_source(corrupted(whole, tmp_path / "bad.mkv"))
    frames = list(source.frames())
    assert times(frames)[-1] == times(read(whole))[-1]
    assert source.holes()
    assert [f.index for f in frames] == list(range(len(frames)))


def test_corrupt_h264_is_kept_and_marked(clip: Maker, tmp_path: Path) -> None:
    """H.264 hides damage: frames stay, and the ledger can say which were touched."""
    whole = clip("front.mp4", pts=LONG, muxer=FRONT)
    source = open_source(corrupted(whole, tmp_path / "bad.mp4", size=900))
    frames = list(source.frames())
    holes = source.holes()
    assert holes
    assert len(frames) + sum(hole.frames or 0 for hole in holes) == 60


def test_stream_that_begins_without_a_key_frame(clip: Maker, tmp_path: Path) -> None:
    """Packets that build on a picture nobody has are a hole at the start."""
    data = clip("long.h264", pts=LONG, options={"preset": "ultrafast", "g": "20", "bf": "0"}).read_bytes()
    key_end = data.find(b"\x00\x00\x01\x41", 10)
    headers = data[: data.find(b"\x00\x00\x01\x06")]
    path = tmp_path / "headless.h264"
    path.write_bytes(headers + data[key_end:])
    source = open_source(path)
    frames = list(source.frames())
    lost = sum(hole.frames or 0 for hole in source.holes())
    assert len(frames) + lost == 59


def test_lost_frames_of_real_streams(shared_data: Path) -> None:
    """Conformance streams with lost pictures: no crash, and what could not be decoded is counted."""
    folder = shared_data / "clips" / "openh264"
    idr = open_source(folder / "BA_MW_D_IDR_LOST.264")
    assert len(list(idr.frames())) == 70
    assert sum(hole.frames or 0 for hole in idr.holes()) == 27
    assert len(read(folder / "BA_MW_D_P_LOST.264")) == 99
    damaged = open_source(folder / "Error_I_P.264")
    assert {f.size for f in damaged.frames()} == {(352, 288), (640, 480)}
    assert any("concealed" in hole.cause for hole in damaged.holes())


def test_folder_without_pictures(tmp_path: Path) -> None:
    """What was wanted and what was found."""
    (tmp_path / "notes.txt").write_text("nothing here")
    assert "wanted a folder of pictures" in sentence(tmp_path)
    assert "but found 1 other file" in sentence(tmp_path)


def test_nothing_spills_on_stderr(clip: Maker, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """FFmpeg's own log stays quiet, however bad the input."""
    read(corrupted(clip("front.mp4", pts=LONG, muxer=FRONT), tmp_path / "bad.mp4", size=900))
    (tmp_path / "text.mp4").write_text("text " * 100)
    sentence(tmp_path / "text.mp4")
    assert capfd.readouterr() == ("", "")


def test_passwords_are_masked() -> None:
    """In names, errors and holes."""
    assert shown_name("rtsp://me:secret@cam/1") == "rtsp://me:***@cam/1"
    assert shown_name("http://cam:8080/a@b") == "http://cam:8080/a@b"
    message = sentence("http://me:secret@127.0.0.1:9/clip.mp4")
    assert "secret" not in message
    assert "me:***@127.0.0.1" in message


def test_holes_are_in_order_and_know_their_place(clip: Maker, tmp_path: Path) -> None:
    """A hole says after which frame and near which time it lies."""
    source = open_source(corrupted(clip("ffv1.mkv", codec="ffv1", pts=LONG), tmp_path / "bad.mkv"))
    count = len(list(source.frames()))
    holes = source.holes()
    assert all(isinstance(hole, Hole) and -1 <= hole.after_index < count for hole in holes)
    assert [hole.after_index for hole in holes] == sorted(hole.after_index for hole in holes)
