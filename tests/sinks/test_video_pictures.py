"""VideoSink: size, depth, chroma and colour come out as they went in, and what is lost is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read
from tests.sinks.video_files import INFO, encode, frame_at, write_frames
from vidface.data import Planes
from vidface.data.provenance import MadeBy, Provenance
from vidface.media.colour import Colour
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels
from vidface.media.probe import probe


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
        ("bgra", "h264", "yuv420p", "a quarter of its colour samples"),
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


def test_transparency_that_lies_beside_the_pictures_is_said_too(clip: Maker, tmp_path: Path) -> None:
    """VP8 and VP9 in webm: the decoder shows none of it, the file says that it is there."""
    path = clip("clear.webm", codec="libvpx-vp9", pixel_format="yuva420p", pts=(0, 1))
    assert probe(path).extra["alpha"].startswith("dropped")
    _, facts = encode(path, tmp_path)
    assert facts["notes"] == ["transparency was dropped"]
    assert "alpha" not in probe(clip("vp9.webm", codec="libvpx-vp9", pts=(0, 1))).extra


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (33, 21), (64, 1)])
def test_odd_sizes_keep_their_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """H.264 at any size, down to one pixel: 4:4:4 where 4:2:0 cannot be odd."""
    info = replace(INFO, width=size[0], height=size[1])
    out, _ = write_frames([frame_at(i, size) for i in range(3)], tmp_path, info=info)
    assert [f.size for f in read(out)] == [size] * 3


def test_frames_of_another_size_are_scaled_and_counted(tmp_path: Path) -> None:
    """A file has one size: the first frame's."""
    frames = [frame_at(0), frame_at(1, (96, 80)), frame_at(2, (96, 80))]
    out, facts = write_frames(frames, tmp_path)
    assert [f.size for f in read(out)] == [(64, 48)] * 3
    assert facts["notes"] == ["frames of another size were scaled to 64 x 48 (2 times)"]


def test_frames_of_other_colours_are_told_and_counted(tmp_path: Path) -> None:
    """Primaries and transfer are not converted: HDR after SDR is shown as SDR. Untagged ones say nothing."""
    frames = []
    for place, codes in enumerate([(1, 1), (9, 16), (9, 16), (2, 2)]):
        pixels = AvPixels(av.VideoFrame.from_ndarray(picture(place), "rgb24").reformat(format="yuv420p"))
        colour = Colour("bt709", primaries=codes[0], transfer=codes[1])
        frames.append(frame_at(place).with_pixels(AvPixels(pixels.upright()[0], colour=colour)))
    _, facts = write_frames(frames, tmp_path)
    assert facts["notes"] == ["frames of other primaries or transfer were tagged as the first is (2 times)"]


@pytest.mark.parametrize("created", [True, False])
def test_interlaced_pictures_are_told(clip: Maker, tmp_path: Path, created: bool) -> None:
    """They come out as progressive ones; pictures made anew never were interlaced."""
    path = clip("in.mp4")
    info = replace(probe(path), extra={"interlaced": True})
    made = Provenance((MadeBy("portrait", "reenact.portrait", generates=True),), created=created)
    _, facts = encode(path, tmp_path, target={"info": info, "provenance": made})
    wanted = [] if created else ["interlaced pictures were coded as progressive; deinterlace first"]
    assert facts["notes"] == wanted


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


@pytest.mark.parametrize("created", [True, False])
def test_pictures_made_anew_have_square_pixels(clip: Maker, tmp_path: Path, created: bool) -> None:
    """A portrait is not stretched by who drives it; what is changed in place keeps its shape."""
    path = clip("in.mp4")
    info = replace(probe(path), extra={"sample_aspect_ratio": "16:15", "profile": "High"})
    made = Provenance((MadeBy("portrait", "reenact.portrait", generates=True),), created=created)
    out, _ = encode(path, tmp_path, target={"info": info, "provenance": made})
    found = probe(out).extra.get("sample_aspect_ratio", "1:1")
    assert found == ("1:1" if created else "16:15")


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


def test_every_frame_is_written_in_the_colour_of_the_first(tmp_path: Path) -> None:
    """A folder of pictures: full range first, then limited, then one large enough for another matrix."""
    green = np.full((48, 64, 3), (40, 200, 60), np.uint8)
    large = np.full((720, 960, 3), (40, 200, 60), np.uint8)
    full = av.VideoFrame.from_ndarray(green, "rgb24").reformat(
        format="yuvj420p", dst_color_range="JPEG", dst_colorspace="ITU601"
    )
    first = frame_at(0).with_pixels(AvPixels(full, colour=Colour("bt601", full_range=True)))
    others = [
        frame_at(1 + place).with_pixels(AvPixels(av.VideoFrame.from_ndarray(one, "rgb24")))
        for place, one in enumerate((green, large))
    ]
    out, _ = write_frames([first, *others], tmp_path, codec="ffv1", container="mkv")
    for one in read(out):
        # Each of up to four conversions takes a level or so off; a wrong matrix or range is 12 and more.
        assert np.abs(one.rgb().astype(int) - (40, 200, 60)).max() <= 6


def test_an_untagged_picture_that_grew_past_the_matrix_of_its_size_is_tagged(tmp_path: Path) -> None:
    """640 x 480 is BT.601 untold; written at 1280 x 480 players would take it for BT.709."""
    small = np.full((48, 64, 3), (40, 200, 60), np.uint8)
    pixels = AvPixels(av.VideoFrame.from_ndarray(small, "rgb24").reformat(format="yuv420p"))
    wide = pixels.remade((1280, 48), lambda planes: _fill(planes, pixels.planes()))
    out, _ = write_frames([frame_at(0).with_pixels(wide)], tmp_path)
    assert np.abs(read(out)[0].rgb().astype(int) - (40, 200, 60)).max() <= 4


def _fill(planes: Planes, given: Planes) -> None:
    planes.luma[:], planes.u[:], planes.v[:] = given.luma[0, 0], given.u[0, 0], given.v[0, 0]


@pytest.mark.parametrize(
    ("codec", "container", "lost"),
    [
        ("vp9", "webm", True),
        ("av1", "mkv", True),
        ("ffv1", "mkv", True),
        ("h265", "mkv", False),
        ("vp9", "mp4", False),
    ],
)
def test_a_shape_of_pixels_that_a_container_does_not_tell_is_said(
    clip: Maker, tmp_path: Path, codec: str, container: str, lost: bool
) -> None:
    """Kept or said, never neither."""
    path = clip("in.mp4")
    info = replace(probe(path), extra={"sample_aspect_ratio": "16:15"})
    out, facts = encode(path, tmp_path, codec=codec, container=container, target={"info": info})
    assert (probe(out).extra.get("sample_aspect_ratio") == "16:15") is not lost
    assert any("the shape of a pixel, 16:15, is not told" in note for note in facts["notes"]) is lost


def test_rgb_that_loses_colour_samples_is_said(clip: Maker, tmp_path: Path) -> None:
    path = clip("in.mkv", codec="ffv1", pixel_format="bgra")
    _, facts = encode(path, tmp_path)
    note = "RGB (bgra) was coded as 4:2:0, which has a quarter of its colour samples"
    assert note in facts["notes"]
    _, facts = encode(clip("yuv.mp4"), tmp_path)
    assert note not in facts["notes"]


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_ffv1_holds_odd_sizes(clip: Maker, tmp_path: Path, size: tuple[int, int], pixel_format: str) -> None:
    """Subsampled too, without a change of a sample."""
    path = clip("in.mkv", codec="ffv1", pixel_format=pixel_format, size=size, bare_options={}, pts=(0, 1))
    out, _ = encode(path, tmp_path, codec="ffv1", container="mkv")
    assert probe(out).pixel_format == pixel_format
    for one, other in zip(read(out), read(path), strict=True):
        assert np.array_equal(one.luma(), other.luma())
