"""Decoding: every frame, in order, upright, at the container's own time, whatever the container."""

from __future__ import annotations

import shutil
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read, times
from vidface.data import Frame
from vidface.errors import InputError, UsageError
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels
from vidface.media.probe import probe

N = 24
CASES = [
    ("h264.mp4", "libx264", "yuv420p"),
    ("h264.mov", "libx264", "yuv420p"),
    ("h264.mkv", "libx264", "yuv420p"),
    ("h264.ts", "libx264", "yuv420p"),
    ("h264.avi", "libx264", "yuv420p"),
    ("h265.mp4", "libx265", "yuv420p"),
    ("h265.ts", "libx265", "yuv420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("mpeg4.mkv", "mpeg4", "yuv420p"),
    ("mjpeg.avi", "mjpeg", "yuvj420p"),
    ("mjpeg.mov", "mjpeg", "yuvj420p"),
    ("ffv1.mkv", "ffv1", "yuv420p"),
    ("anim.gif", "gif", "rgb8"),
    ("raw.264", "libx264", "yuv420p"),
]


def brightness(frames: list[Frame]) -> list[float]:
    return [float(f.luma()[-4:].mean()) for f in frames]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), CASES)
def test_every_frame_in_order_at_its_time(clip: Maker, name: str, codec: str, pixel_format: str) -> None:
    """As many frames as went in, consecutive indices, brightness in order, 40 ms apart."""
    target = name.replace(".264", ".h264")
    path = clip(target, codec=codec, pixel_format=pixel_format)
    if name != target:
        path = Path(shutil.copy(path, path.with_name(name)))
    frames = read(path)
    assert [f.index for f in frames] == list(range(N))
    start = times(frames)[0]
    assert [t - start for t in times(frames)] == [Fraction(i, 25) for i in range(N)]
    assert np.all(np.diff(brightness(frames)) > 1)
    assert {f.epoch for f in frames} == {0}
    assert frames[-1].duration * frames[-1].time_base == Fraction(1, 25)


def test_av1_is_read(clip: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """AV1 comes in under its own name, whichever library decodes it."""
    monkeypatch.setenv("SVT_LOG", "0")
    path = clip("av1.mp4", codec="libsvtav1")
    assert probe(path).codec == "av1"
    assert len(read(path)) == N


def test_variable_rate_with_b_frames(clip: Maker) -> None:
    """Uneven times survive reordering exactly."""
    pts = [3003 * i + 700 * (i % 3) for i in range(N)]
    path = clip(
        "vfr.mp4", pts=tuple(pts), time_base=Fraction(1, 90000), muxer={"video_track_timescale": "90000"}
    )
    got = times(read(path))
    assert [t - got[0] for t in got] == [Fraction(p, 90000) for p in pts]


def test_start_offset_is_kept(clip: Maker) -> None:
    """A transport stream that starts at 10 s starts at 10 s."""
    path = clip(
        "late.ts", pts=tuple(range(250, 274)), muxer={"avoid_negative_ts": "disabled", "muxdelay": "0"}
    )
    first = times(read(path))[0]
    assert first == probe(path).start
    assert first >= 10


def test_edit_list_is_honoured(clip: Maker) -> None:
    """An mp4 whose edit list starts the presentation later gives only the frames in the edit, and no hole."""
    path = clip("whole.mp4", pts=tuple(range(50)))
    data = bytearray(path.read_bytes())
    at = data.find(b"elst")
    duration, media_time = at + 12, at + 16
    old = int.from_bytes(data[media_time : media_time + 4], "big")
    data[media_time : media_time + 4] = (old + 512 * 30).to_bytes(4, "big")
    data[duration : duration + 4] = (20 * 40).to_bytes(4, "big")
    edited = path.with_name("edited.mp4")
    edited.write_bytes(data)
    source = open_source(edited)
    frames = list(source.frames())
    assert times(frames) == [Fraction(i, 25) for i in range(20)]
    assert abs(float(frames[0].luma()[-4:].mean()) - float(read(path)[30].luma()[-4:].mean())) < 1
    assert source.holes() == ()


@pytest.mark.parametrize("angle", [90, 180, -90])
def test_rotated_frames_come_upright(clip: Maker, angle: int) -> None:
    """Displayed as the file asks: turned by `angle` counter-clockwise, in every form."""
    plain, path = clip("flat.mp4"), clip("turned.mp4", rotation=angle)
    lying, upright = read(plain)[3], read(path)[3]
    wanted = np.rot90(lying.rgb(), angle // 90)
    assert upright.size == (wanted.shape[1], wanted.shape[0])
    assert np.array_equal(upright.rgb(), wanted)
    assert np.array_equal(upright.planes().luma, np.rot90(lying.planes().luma, angle // 90))
    assert np.array_equal(upright.luma(), np.rot90(lying.luma(), angle // 90))
    matrix = np.array([[1.0, 0, -4], [0, 1, -6]])
    assert np.array_equal(upright.crop(matrix, (20, 16)), wanted[6:22, 4:24])
    info = probe(path)
    assert (info.width, info.height) == upright.size
    assert info.rotation == -angle % 360


def test_sample_that_was_filmed_on_its_side(samples: Path) -> None:
    """The project's own rotated sample stands upright: higher than wide."""
    path = samples / "rotated.mp4"
    if not path.exists():
        pytest.skip("samples/rotated.mp4 is not made yet")
    info = probe(path)
    assert info.height > info.width
    assert info.rotation in (90, 270)


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "h264.ts", "h264.avi", "raw.h264"])
@pytest.mark.parametrize(
    ("start", "stop"), [(0.5, 0.9), (None, 0.2), (0.1, None), (0.0, 0.04), (0.3, 0.3001)]
)
def test_from_to_takes_exactly_the_frames_between(
    clip: Maker, name: str, start: float | None, stop: float | None
) -> None:
    """start <= time < stop, as if the whole file had been read and cut: same times, same pictures."""
    path = clip(name)
    low = Fraction(0) if start is None else Fraction(str(start))
    high = Fraction(99) if stop is None else Fraction(str(stop))
    wanted = [f for f in read(path) if low <= f.time < high]
    got = read(path, start=start, stop=stop)
    assert times(got) == times(wanted)
    assert [f.index for f in got] == list(range(len(got)))
    assert all(np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize("name", ["open.avi", "open.ts"])
def test_a_part_that_begins_within_a_group_of_pictures_is_whole(clip: Maker, name: str) -> None:
    """MPEG-4 with B-frames: the pictures of those times, and no word of damage before the part."""
    codec = "mpeg4" if name.endswith("avi") else "mpeg2video"
    path = clip(name, codec=codec, bare_options={"g": "12", "bf": "2"}, pts=tuple(range(60)))
    wanted = [one for one in read(path) if one.time >= Fraction(13, 10)]
    source = open_source(path, start=1.3)
    got = list(source.frames())
    assert times(got) == times(wanted)
    assert all(np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(got, wanted, strict=True))
    assert source.holes() == ()


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv"])
def test_a_part_of_a_file_that_was_cut_off_says_so(clip: Maker, tmp_path: Path, name: str) -> None:
    how: dict[str, Any] = {"muxer": {"movflags": "faststart"}} if name.endswith("mp4") else {}
    whole = clip(name, pts=tuple(range(100)), **how).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(0.6 * len(whole))])
    source = open_source(tmp_path / name, start=0.5)
    assert len(list(source.frames())) > 10
    assert any(hole.cause.startswith("input ends early") for hole in source.holes())


def test_from_beyond_the_end_gives_nothing(clip: Maker) -> None:
    """No frame, no error: the caller sees an empty run."""
    assert read(clip("h264.mp4"), start=100.0) == []


def test_from_after_to_is_a_usage_error(clip: Maker) -> None:
    """An empty part is a mistake on the command line."""
    with pytest.raises(UsageError, match="--to must lie after --from"):
        open_source(clip("h264.mp4"), start=2.0, stop=1.0)


def test_time_jump_begins_an_epoch(clip: Maker) -> None:
    """More than five seconds without a frame is a gap; less is not."""
    pts = (0, 1, 2, 100, 101, 102, 300, 301)
    frames = read(clip("gap.mkv", pts=pts))
    assert [f.epoch for f in frames] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_ten_bit_and_dense_chroma_keep_their_samples(clip: Maker) -> None:
    """10-bit 4:2:2 stays 10-bit 4:2:2 in the planes."""
    frame = read(clip("deep.mkv", codec="ffv1", pixel_format="yuv422p10le"))[0]
    planes = frame.planes()
    assert (planes.bits, planes.subsampling, planes.luma.dtype.name) == (10, (2, 1), "uint16")
    assert int(planes.luma.max()) > 255
    assert np.abs(frame.rgb().astype(int) - picture(0)).mean() < 6


def test_alpha_is_left_out_and_said(clip: Maker) -> None:
    """A picture with transparency loses it; the info says so."""
    path = clip("alpha.mkv", codec="ffv1", pixel_format="yuva420p")
    assert probe(path).extra["alpha"] == "dropped"
    assert read(path)[0].planes().subsampling == (2, 2)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 9), (64, 1)])
def test_tiny_and_odd_sizes(clip: Maker, size: tuple[int, int]) -> None:
    """Every form has the exact size, down to one pixel."""
    frame = read(clip("odd.webm", codec="libvpx-vp9", size=size, pts=(0, 1)))[1]
    assert frame.size == size
    assert frame.rgb().shape == (size[1], size[0], 3)
    assert frame.luma(width=2).shape[1] == 2
    assert frame.planes().u.shape == (-(-size[1] // 2), -(-size[0] // 2))
    assert frame.crop(np.array([[1.0, 0, 0], [0, 1, 0]]), (4, 4)).shape == (4, 4, 3)


def test_size_change_in_mid_stream(clip: Maker, tmp_path: Path) -> None:
    """Frames come at their own size."""
    joined = tmp_path / "joined.h264"
    a, b = clip("a.h264", pts=(0, 1, 2)), clip("b.h264", size=(96, 64), pts=(0, 1, 2))
    joined.write_bytes(a.read_bytes() + b.read_bytes())
    assert [f.size for f in read(joined)] == [(64, 48)] * 3 + [(96, 64)] * 3


def test_colour_by_tags_then_by_size_then_by_wish(clip: Maker) -> None:
    """Tags win over size, the user over both, and the info says which it was."""
    tagged = probe(clip("tagged.mp4", colour=(1, 1)))
    assert (tagged.matrix, tagged.colour_source) == ("bt709", "tags")
    small = probe(clip("h264.mp4"))
    assert (small.matrix, small.full_range, small.colour_source) == ("bt601", False, "size")
    wished = probe(clip("h264.mp4"), colorspace="bt709")
    assert (wished.matrix, wished.colour_source) == ("bt709", "user")
    full = probe(clip("full.mp4", colour=(6, 2), pixel_format="yuvj420p"))
    assert (full.matrix, full.full_range) == ("bt601", True)
    with pytest.raises(UsageError, match="bt601, bt709, bt2020"):
        probe(clip("h264.mp4"), colorspace="rec709")


def test_a_matrix_that_is_not_known_here_is_said_and_keeps_its_tag(clip: Maker) -> None:
    """YCgCo is read by size, for want of better, but is not passed on as something else."""
    path = clip("ycgco.mp4", colour=(8, 1))
    info = probe(path)
    assert (info.matrix, info.colour_source) == ("bt601", "unread")
    assert info.extra["colours"] == "stated as YCgCo, which is not known here: read wrongly, as bt601"
    assert AvPixels.of(read(path)[0]).colour.tag == 8
    assert "colours" not in probe(clip("h264.mp4")).extra
    wished = probe(path, colorspace="bt709")
    assert (wished.colour_source, "colours" in wished.extra) == ("user", False)


def test_results_do_not_depend_on_threads(clip: Maker) -> None:
    """One decoder thread or four: the same samples at the same times."""
    path = clip("h264.mkv")
    one, four = read(path, threads=1), read(path, threads=4)
    assert times(one) == times(four)
    assert all(np.array_equal(a.planes().luma, b.planes().luma) for a, b in zip(one, four, strict=True))


def test_leaving_early_and_closing_from_another_thread(clip: Maker) -> None:
    """A consumer that stops, and a `close` while another thread reads, end quietly."""
    source = open_source(clip("h264.mp4"))
    frames = source.frames()
    kept = next(frames)
    source.close()
    assert list(frames) == []
    assert kept.rgb().shape == (48, 64, 3)
    source.close()
    other = open_source(clip("h264.mp4"))
    it = other.frames()
    next(it)
    thread = threading.Thread(target=other.close)
    thread.start()
    rest = list(it)
    thread.join()
    assert len(rest) < N


def test_frames_can_be_read_once(clip: Maker) -> None:
    """A second pass wants a second source."""
    source = open_source(clip("h264.mp4"))
    list(source.frames())
    with pytest.raises(UsageError, match="read once"):
        next(source.frames())


def test_colons_and_percent_signs_in_names(clip: Maker, tmp_path: Path) -> None:
    """A file name is a name, not a protocol or a pattern."""
    odd = Path(shutil.copy(clip("h264.mp4"), tmp_path / "take:2 %03d.mp4"))
    assert len(read(odd)) == N


def test_unknown_option_and_decoder(clip: Maker) -> None:
    """Slips of the caller are named."""
    with pytest.raises(UsageError, match="'speed'"):
        open_source(clip("h264.mp4"), speed=2)
    with pytest.raises(UsageError, match="pyav, decord"):
        open_source(clip("h264.mp4"), decoder="opencv")
    with pytest.raises(InputError):
        open_source("/no/such/clip.mp4")


def test_interlaced_is_decoded_as_it_is_and_said(clip: Maker) -> None:
    """Both fields in one frame, nothing lost, a note in the info."""
    path = clip("fields.mp4", options={"preset": "ultrafast", "x264-params": "interlaced=1"})
    source = open_source(path)
    assert source.info.extra["interlaced"] is True
    assert len(list(source.frames())) == N
    assert source.holes() == ()


def test_pictures_that_are_never_shown_are_no_loss(clip: Maker) -> None:
    """VP8 sends hidden reference pictures as packets of their own."""
    path = clip(
        "hidden.webm", codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "16", "b": "50k"}
    )
    source = open_source(path)
    frames = list(source.frames())
    assert len(frames) == N
    assert source.holes() == ()


@pytest.mark.parametrize(("pts", "rate"), [(range(0, 48, 2), Fraction(25)), (range(24), Fraction(50))])
def test_the_rate_of_an_avi_is_that_of_its_pictures(clip: Maker, pts: range, rate: Fraction) -> None:
    """Ticks without a picture are none: every second one here, as FFmpeg writes rates that vary."""
    path = clip("a.avi", codec="mjpeg", pixel_format="yuvj420p", pts=tuple(pts), time_base=Fraction(1, 50))
    assert probe(path).rate == pytest.approx(rate, rel=0.05)
    frames = read(path)
    assert {frame.duration * frame.time_base for frame in frames} == {1 / rate}
    assert [frame.time for frame in frames] == [Fraction(one, 50) for one in pts]
