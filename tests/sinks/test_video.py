"""VideoSink: as many frames as came, at the same times, with the input's sound; a file at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.media.conftest import Maker
from tests.media.make_clips import Clip, make, picture, read, sound_of, times
from vidface.data import Frame, Planes, SourceInfo
from vidface.errors import OutputError, UsageError
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.media.probe import probe
from vidface.node import Target
from vidface.sinks.video import VideoSink

FAST: dict[str, Any] = {"preset": "ultrafast", "threads": 1}
SPEED: dict[str, dict[str, Any]] = {
    "h264": FAST,
    "h265": FAST,
    "vp9": {"preset": "8", "threads": 1},
    "av1": {"preset": "12", "threads": 1},
    "ffv1": {"threads": 1},
}


@pytest.fixture
def clip(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`clip("a.mp4", codec=..., ...)` makes a small clip and returns its path."""
    return lambda name, **how: make(tmp_path_factory.mktemp("clip") / name, Clip(**how))


def encode(path: Path, out: Path, **how: Any) -> tuple[Path, dict[str, Any]]:
    """Read `path` and write it again; `target` holds changes of the Target, `cut` start and stop."""
    changes, cut = how.pop("target", {}), how.pop("cut", {})
    source = open_source(path, **cut)
    sink = VideoSink(**{**SPEED[how.get("codec", "h264")], **how})
    sink.start(replace(Target(out, "video", source.info, path, **cut), **changes))
    try:
        for frame in source.frames():
            sink.process(frame)
        facts = sink.finish()
    finally:
        sink.close()
    return out / f"video.{sink.container}", facts


INPUTS = [
    ("h264.mp4", "libx264", "yuv420p"),
    ("h264.mkv", "libx264", "yuv420p"),
    ("h264.avi", "libx264", "yuv420p"),
    ("h264.ts", "libx264", "yuv420p"),
    ("h265.mov", "libx265", "yuv420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("mjpeg.mov", "mjpeg", "yuvj420p"),
    ("anim.gif", "gif", "rgb8"),
    ("raw.h264", "libx264", "yuv420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), INPUTS)
def test_every_container_keeps_frames_and_times(
    clip: Maker, tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    """Decode, encode to mp4, decode: the same count, times and length, exactly."""
    path = clip(name, codec=codec, pixel_format=pixel_format)
    out, facts = encode(path, tmp_path)
    before, after = read(path), read(out)
    assert times(after) == times(before)
    assert facts["frames"] == len(before) == 24
    last = before[-1]
    assert probe(out).duration == last.time + last.duration * last.time_base - before[0].time


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("h264", "mp4"), ("h264", "mkv"), ("h264", "mov"),
        ("h265", "mp4"), ("h265", "mkv"), ("h265", "mov"),
        ("vp9", "mp4"), ("vp9", "mkv"), ("vp9", "webm"),
        ("av1", "mp4"), ("av1", "mkv"), ("av1", "webm"),
        ("ffv1", "mkv"),
    ],
)  # fmt: skip
def test_every_codec_in_every_container(clip: Maker, tmp_path: Path, codec: str, container: str) -> None:
    """What can be chosen works: right codec, right times (40 ms are whole milliseconds), right pictures."""
    path = clip("in.mp4", size=(96, 64))
    out, facts = encode(path, tmp_path, codec=codec, container=container)
    assert probe(out).codec == {"h265": "hevc"}.get(codec, codec)
    assert facts["codec"] == codec
    before, after = read(path), read(out)
    assert times(after) == times(before)
    for a, b in zip(before, after, strict=True):
        assert np.abs(a.rgb().astype(int) - b.rgb()).mean() < 8


@pytest.mark.parametrize("offset", [0, 135001, -9000])
def test_variable_rate_b_frames_and_start_offset_in_mp4(clip: Maker, tmp_path: Path, offset: int) -> None:
    """Uneven 90 kHz times, with B-frames in and out, starting late or before zero: exact to the tick."""
    pts = tuple(offset + 3003 * i + 700 * (i % 3) for i in range(24))
    path = clip("vfr.mkv", pts=tuple(range(24)))
    source = open_source(path)
    sink = VideoSink(preset="veryfast", threads=1)
    sink.start(Target(tmp_path, "video", source.info))
    tick = Fraction(1, 90000)
    for frame, when in zip(source.frames(), pts, strict=True):
        sink.process(replace(frame, pts=when, time_base=tick, duration=3003))
    sink.finish()
    out = tmp_path / "video.mp4"
    with av.open(str(out)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    assert any(p.pts != p.dts for p in packets)
    assert times(read(out)) == [w * tick for w in pts]
    assert probe(out).duration == (pts[-1] + 3003 - pts[0]) * tick


def test_milliseconds_of_matroska_are_said(clip: Maker, tmp_path: Path) -> None:
    """mkv cannot hold thirtieths of a second: rounded to the millisecond, and noted."""
    path = clip("in.mp4", pts=tuple(range(24)), time_base=Fraction(1, 30))
    out, facts = encode(path, tmp_path, container="mkv")
    assert any("milliseconds" in note for note in facts["notes"])
    errors = [abs(a - b) for a, b in zip(times(read(path)), times(read(out)), strict=True)]
    assert max(errors) <= Fraction(1, 2000)


def test_matroska_has_no_times_before_zero(clip: Maker, tmp_path: Path) -> None:
    """There all times move together, sound as well, and the note says by how much."""
    path = clip("in.mp4", sound="aac")
    source = open_source(path)
    sink = VideoSink(**FAST, container="mkv")
    sink.start(Target(tmp_path, "video", source.info, path))
    for frame in source.frames():
        sink.process(replace(frame, pts=frame.pts - 512 * 5))
    facts = sink.finish()
    assert facts["notes"] == ["the container has no times before zero: all moved by 0.200000 s"]
    assert times(read(tmp_path / "video.mkv")) == [Fraction(i, 25) for i in range(24)]
    _, stamps = sound_of(tmp_path / "video.mkv")
    _, before = sound_of(path)
    assert abs(stamps[0] - before[0] - Fraction(1, 5)) < Fraction(1, 900)


def test_rotated_input_is_written_upright(clip: Maker, tmp_path: Path) -> None:
    """The output stands upright by itself, without a display matrix."""
    path = clip("turned.mp4", rotation=90)
    out, _ = encode(path, tmp_path)
    info = probe(out)
    assert (info.width, info.height, info.rotation) == (48, 64, 0)
    assert np.abs(read(path)[5].rgb().astype(int) - read(out)[5].rgb()).mean() < 6


@pytest.mark.parametrize(
    ("pixel_format", "codec", "wanted", "said"),
    [
        ("yuv420p10le", "h264", "yuv420p10le", None),
        ("yuv422p", "h264", "yuv422p", None),
        ("yuv444p", "h264", "yuv444p", None),
        ("yuv420p12le", "h265", "yuv420p12le", None),
        ("yuv420p12le", "h264", "yuv420p10le", "10 bits of 12"),
        ("yuv420p10le", "vp9", "yuv420p", "8 bits of 10"),
        ("yuv444p10le", "av1", "yuv420p10le", "4:2:0 chroma only"),
        ("yuva420p", "h264", "yuv420p", None),
        ("bgra", "h264", "yuv420p", None),
        ("gray", "h264", "yuv420p", None),
    ],
)
def test_pixel_formats_follow_the_input(
    clip: Maker, tmp_path: Path, pixel_format: str, codec: str, wanted: str, said: str | None
) -> None:
    """Depth and chroma stay as far as the codec goes, and what is lost is said."""
    path = clip("in.mkv", codec="ffv1", pixel_format=pixel_format, pts=(0, 1, 2))
    container = "mkv" if codec != "h264" else "mp4"
    out, facts = encode(path, tmp_path, codec=codec, container=container)
    assert probe(out).pixel_format == wanted
    if said is None:
        assert facts["notes"] == []
    else:
        assert any(said in note for note in facts["notes"])


def test_transparency_is_dropped_and_said(tmp_path: Path) -> None:
    """Only where some of the picture really is transparent: every GIF has the channel."""
    for alpha, wanted in ((255, []), (100, ["transparency was dropped"])):
        rgba = np.dstack([picture(0), np.full((48, 64), alpha, np.uint8)])
        pixels = AvPixels(av.VideoFrame.from_ndarray(rgba, "rgba"))
        _, facts = write_frames([frame_at(0).with_pixels(pixels)], tmp_path)
        assert facts["notes"] == wanted


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (33, 21), (64, 1)])
def test_odd_sizes_keep_their_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """H.264 at any size, down to one pixel: 4:4:4 where 4:2:0 cannot be odd."""
    info = replace(INFO, width=size[0], height=size[1])
    out, _ = write_frames([frame_at(i, size) for i in range(3)], tmp_path, info=info)
    assert [f.size for f in read(out)] == [size] * 3


INFO = SourceInfo("made up", "images", "rgb", "rgb24", 64, 48, Fraction(1, 90000), rate=Fraction(25))


def frame_at(i: int, size: tuple[int, int] = (64, 48)) -> Frame:
    """Frame i of the test picture at 25 frames a second."""
    return frame_from_rgb(picture(i, size), i, Fraction(i, 25), duration=Fraction(1, 25))


def write_frames(frames: list[Frame], out: Path, **how: Any) -> tuple[Path, dict[str, Any]]:
    """Encode frames that were made in Python."""
    info = how.pop("info", INFO)
    sink = VideoSink(**{**SPEED[how.get("codec", "h264")], **how})
    sink.start(Target(out, "video", info))
    try:
        for frame in frames:
            sink.process(frame)
        facts = sink.finish()
    finally:
        sink.close()
    return out / f"video.{sink.container}", facts


def test_frames_of_another_size_are_scaled_and_counted(tmp_path: Path) -> None:
    """A file has one size: the first frame's."""
    frames = [frame_at(0), frame_at(1, (96, 80)), frame_at(2, (96, 80))]
    out, facts = write_frames(frames, tmp_path)
    assert [f.size for f in read(out)] == [(64, 48)] * 3
    assert facts["notes"] == ["frames of another size were scaled to 64 x 48 (2 times)"]


def test_times_that_go_back_lose_no_frame(tmp_path: Path) -> None:
    """A container cannot hold repeated times; the frame is kept one tick later, and that is said."""
    frames = [frame_at(0), frame_at(2), frame_at(2), frame_at(1), frame_at(3)]
    out, facts = write_frames(frames, tmp_path)
    assert len(read(out)) == 5
    assert any("went back" in note for note in facts["notes"])


@pytest.mark.parametrize("tags", [(1, 1), (6, 1), (5, 1), (9, 1)])
def test_colour_tags_are_written_back(clip: Maker, tmp_path: Path, tags: tuple[int, int]) -> None:
    """Matrix and range as the input states them, to the code."""
    path = clip("tagged.mp4", colour=tags)
    out, _ = encode(path, tmp_path)
    with av.open(str(path)) as a, av.open(str(out)) as b:
        first, second = next(a.decode(video=0)), next(b.decode(video=0))
        assert (second.colorspace, second.color_range) == (first.colorspace, first.color_range) == tags


def test_full_range_stays_full(clip: Maker, tmp_path: Path) -> None:
    """A camera's 0..255 is not squeezed."""
    path = clip("full.mov", codec="mjpeg", pixel_format="yuvj420p")
    out, _ = encode(path, tmp_path)
    assert probe(out).full_range
    assert np.abs(read(path)[0].luma().astype(int) - read(out)[0].luma()).mean() < 3


def test_rgb_input_is_tagged_with_the_matrix_it_was_made_by(tmp_path: Path) -> None:
    """What is made here is not left to guessing."""
    out, _ = write_frames([frame_at(0), frame_at(1)], tmp_path)
    info = probe(out)
    assert (info.matrix, info.full_range, info.colour_source) == ("bt601", False, "tags")
    assert np.abs(read(out)[0].rgb().astype(int) - picture(0)).mean() < 6


def test_pixel_shape_is_kept(clip: Maker, tmp_path: Path) -> None:
    """Non-square pixels stay so, turned with the picture."""
    path = clip("in.mp4")
    info = replace(probe(path), extra={"sample_aspect_ratio": "16:15"})
    for rotation, wanted in ((0, "16:15"), (90, "15:16")):
        out, _ = encode(path, tmp_path, target={"info": replace(info, rotation=rotation)})
        assert probe(out).extra["sample_aspect_ratio"] == wanted


def test_lossless_codec_gives_back_every_sample(clip: Maker, tmp_path: Path) -> None:
    """FFV1: what a node did not touch is bit-identical in the file."""
    path = clip("in.mp4")

    def paint(planes: Planes) -> None:
        planes.luma[0:8, 0:8] = 200

    source = open_source(path)
    out, _ = write_frames(
        [f.painted(paint) for f in source.frames()],
        tmp_path,
        codec="ffv1",
        container="mkv",
        info=source.info,
    )
    for before, after in zip(read(path), read(out), strict=True):
        a, b = before.planes(), after.planes()
        assert (b.luma[0:8, 0:8] == 200).all()
        assert np.array_equal(a.luma[8:], b.luma[8:])
        assert np.array_equal(a.u, b.u)
        assert np.array_equal(a.v, b.v)


@pytest.mark.parametrize(
    ("name", "sound", "container"),
    [
        ("in.mp4", "aac", "mp4"),
        ("in.mkv", "libopus", "mp4"),
        ("in.mkv", "aac", "mkv"),
        ("in.mov", "pcm_s16le", "mov"),
        ("in.ts", "mp2", "mp4"),
        ("in.avi", "libmp3lame", "mp4"),
        ("in.webm", "libopus", "webm"),
        ("in.mkv", "flac", "mp4"),
    ],
)
def test_sound_is_copied_bit_exact(
    clip: Maker, tmp_path: Path, name: str, sound: str, container: str
) -> None:
    """The same packets, to the bit, at the same times (to the input's rounding); video times stay."""
    video = {"codec": "libvpx-vp9"} if name.endswith("webm") else {}
    path = clip(name, sound=sound, **video)
    how = {"codec": "vp9"} if container == "webm" else {}
    out, facts = encode(path, tmp_path, container=container, **how)
    assert facts["audio"] == "copied 1 stream"
    (digest, stamps), (wanted, starts) = sound_of(out), sound_of(path)
    assert digest == wanted
    assert max(abs(a - b) for a, b in zip(stamps, starts, strict=True)) < Fraction(1, 900)
    assert times(read(out)) == times(read(path))


@pytest.mark.parametrize(("sound", "container", "codec"), [("aac", "webm", "vp9"), ("pcm_u8", "mp4", "h264")])
def test_sound_is_encoded_anew_only_where_it_must(
    clip: Maker, tmp_path: Path, sound: str, container: str, codec: str
) -> None:
    """A codec that the container cannot hold becomes Opus or AAC of the same length, and that is said."""
    path = clip("in.mkv", sound=sound)
    out, facts = encode(path, tmp_path, container=container, codec=codec)
    assert facts["audio"] == "re-encoded 1 stream"
    assert any("encoded anew" in note for note in facts["notes"])
    _, stamps = sound_of(out)
    _, starts = sound_of(path)
    assert abs(stamps[-1] - starts[-1]) < Fraction(1, 10)
    assert times(read(out)) == times(read(path))


def test_sound_can_be_left_out(clip: Maker, tmp_path: Path) -> None:
    """audio: none."""
    out, facts = encode(clip("in.mp4", sound="aac"), tmp_path, audio="none")
    assert facts["audio"] == "none"
    assert probe(out).audio == ()


def test_sound_of_a_part_only(clip: Maker, tmp_path: Path) -> None:
    """--from/--to cuts the sound with the pictures, and both keep the input's times."""
    path = clip("in.mp4", sound="aac", pts=tuple(range(75)))
    out, _ = encode(path, tmp_path, cut={"start": 1.0, "stop": 2.0})
    assert times(read(out)) == [Fraction(i, 25) for i in range(25, 50)]
    _, stamps = sound_of(out)
    _, whole = sound_of(path)
    assert stamps == [t for t in whole if 1 <= t < 2]


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


def test_the_file_says_where_it_comes_from(clip: Maker, tmp_path: Path) -> None:
    """Synthetic pictures are marked as such."""
    path = clip("in.mp4")
    for generated, words in ((False, "made with vidface"), (True, "synthetic: generated by vidface")):
        out, _ = encode(path, tmp_path, target={"generated": generated})
        with av.open(str(out)) as container:
            assert container.metadata["comment"].startswith(words)


def test_nothing_spills_on_stderr(clip: Maker, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Encoders that print their settings are told not to."""
    path = clip("in.mp4", pts=(0, 1, 2))
    capfd.readouterr()
    for codec in ("h264", "h265", "vp9", "av1", "ffv1"):
        encode(path, tmp_path, codec=codec, container="mkv")
    assert capfd.readouterr() == ("", "")


def test_real_clips(shared_data: Path, tmp_path: Path) -> None:
    """MPEG program streams and edit-listed phone clips survive, sound included."""
    for name in ("speech/grid_bbaf2n.mpg", "edge/no_face.mp4"):
        path = shared_data / "clips" / name
        out, facts = encode(path, tmp_path)
        assert times(read(out)) == times(read(path))
        assert sound_of(out)[0] == sound_of(path)[0]
        assert facts["notes"] == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([1, 25, 30, 1000, 12800, 90000, 1200000]),
    start=st.integers(-50, 5000),
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_any_rising_times_survive_exactly(tmp_path: Path, rate: int, start: int, steps: list[int]) -> None:
    """Property: whatever the clock, the offset and the gaps, mp4 gives every time back to the tick."""
    pts = [start + sum(steps[:i]) for i in range(len(steps))]
    base = Fraction(1, rate)
    frames = [replace(frame_at(i), pts=p, time_base=base, duration=1) for i, p in enumerate(pts)]
    out, facts = write_frames(frames, tmp_path, preset="superfast")
    assert times(read(out)) == [p * base for p in pts]
    assert facts["notes"] == []
