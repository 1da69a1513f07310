"""Headers in the stream: found, compared, and put before what is recorded."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import pytest
from PIL import Image

from vidface.media.live._headers import other_coding, renewed
from vidface.media.live.wire import Coded, Opened

START = b"\x00\x00\x00\x01"
SPS, SPS2, PPS, IDR = b"\x67\x42\xc0", b"\x67\x64\xc0", b"\x68\xce", b"\x65\x88"
VPS, HSPS, HPPS = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1"


def units(*found: bytes) -> bytes:
    return b"".join(START + unit for unit in found)


def opened(codec: str, extradata: bytes) -> Opened:
    return Opened("rtsp", codec, extradata, Fraction(1, 90000), (640, 480))


def key(data: bytes) -> Coded:
    return Coded(data, 0, 0, 0, 0.0, key=True)


@pytest.mark.parametrize(
    ("codec", "extradata", "data"),
    [
        ("h264", units(SPS, PPS), units(IDR)),
        ("h264", units(SPS, PPS), units(SPS, PPS, IDR)),
        ("h264", units(SPS, PPS), b""),
        ("h264", units(SPS, PPS), b"\x00\x00\x01"),
        ("h264", units(SPS, PPS), units(SPS, b"\x68\xff", IDR)),  # another PPS is no other picture
        ("h264", b"\x01\x64\x00\x1f\xff", units(SPS2)),  # units with lengths have their headers elsewhere
        ("h264", b"", units(IDR)),
        ("hevc", units(VPS, HSPS, HPPS), units(VPS, HSPS, HPPS, b"\x26\x01")),
        ("mpeg4", b"\x00\x00\x01\x20layer", b"\x00\x00\x01\x20layer\x00\x00\x01\xb3\x01\x00\x00\x01\xb6p"),
        ("mpeg4", b"\x00\x00\x01\x20layer", b"\x00\x00\x01\xb6picture"),
        ("mjpeg", b"", b"\xff\xd8"),
    ],
)
def test_what_is_not_new_changes_nothing(codec: str, extradata: bytes, data: bytes) -> None:
    """The very same object, so that no new segment begins."""
    stream = opened(codec, extradata)
    assert renewed(stream, key(data)) is stream


@pytest.mark.parametrize(
    ("codec", "extradata", "data", "wanted"),
    [
        ("h264", units(SPS, PPS), units(SPS2, PPS, IDR), units(SPS2, PPS)),
        ("h264", units(SPS, PPS), units(SPS2, IDR), units(SPS2, PPS)),  # the part that is not repeated stays
        ("h264", b"", units(PPS, SPS, IDR), units(SPS, PPS)),
        ("hevc", b"", units(VPS, HSPS, HPPS), units(VPS, HSPS, HPPS)),
        ("hevc", units(VPS, HSPS, HPPS), units(b"\x40\x01\x0d"), units(b"\x40\x01\x0d", HSPS, HPPS)),
        ("mpeg4", b"", b"\x00\x00\x01\x20layer\x00\x00\x01\xb6p", b"\x00\x00\x01\x20layer"),
        ("mpeg4", b"\x00\x00\x01\x20a", b"\x00\x00\x01\x20b\x00\x00\x01\xb6p", b"\x00\x00\x01\x20b"),
    ],
)
def test_new_headers_take_the_place_of_the_old(
    codec: str, extradata: bytes, data: bytes, wanted: bytes
) -> None:
    """Nothing else changes where no picture comes of it."""
    stream = opened(codec, extradata)
    assert renewed(stream, key(data)) == replace(stream, extradata=wanted)


def jpeg(size: tuple[int, int]) -> bytes:
    """A picture, as cameras send them."""
    data = io.BytesIO()
    Image.new("RGB", size).save(data, "JPEG")
    return data.getvalue()


def test_pictures_of_another_size_are_another_stream() -> None:
    """MJPEG has no headers but those of each picture."""
    stream = opened("mjpeg", b"")
    assert renewed(stream, key(jpeg((640, 480)))) is stream
    assert renewed(stream, key(jpeg((320, 240)))) == replace(stream, size=(320, 240))
    assert renewed(stream, key(jpeg((320, 240))[:300])) is stream


@pytest.mark.parametrize(
    ("codec", "data", "found"),
    [
        ("h264", units(b"\x41\x9a", VPS, HSPS, HPPS, b"\x26\x01"), "hevc"),  # behind the last H.264 picture
        ("hevc", units(b"\x02\x01", SPS, PPS, IDR), "h264"),
        ("h264", units(SPS, PPS, IDR), None),
        ("hevc", units(VPS, HSPS, HPPS, b"\x26\x01"), None),
        ("hevc", units(b"\x02\x01", b"\x48\x01"), None),  # the end of a sequence
        ("mjpeg", units(SPS, PPS), None),
    ],
)
def test_headers_of_another_coding_are_known(codec: str, data: bytes, found: str | None) -> None:
    assert other_coding(opened(codec, b""), data) == found


def test_units_with_lengths_are_not_searched() -> None:
    """What looks like a start code there is none."""
    assert other_coding(opened("h264", b"\x01\x64"), units(VPS, HSPS, HPPS)) is None
