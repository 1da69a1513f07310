"""Pictures: a folder in natural order, one picture alone, EXIF orientation, damage that costs one place."""

from __future__ import annotations

import shutil
import struct
import zlib
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import picture, read, times
from vidface.data.digest import digests_in
from vidface.errors import InputError, UsageError
from vidface.media.decode import open_source
from vidface.media.exif import jpeg_turn, stated_turn
from vidface.media.images import is_still, natural_key
from vidface.media.onepicture import read_picture


def save(path: Path, i: int, size: tuple[int, int] = (64, 48)) -> Path:
    """Write the test picture i."""
    assert cv2.imwrite(str(path), picture(i, size)[..., ::-1])
    return path


def exif(value: int, order: str) -> bytes:
    """An EXIF block that states an orientation and nothing else."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, value, 0)
    return head + struct.pack(f"{order}H", 1) + entry + struct.pack(f"{order}I", 0)


def with_orientation(path: Path, value: int, order: str = "<") -> Path:
    """Put an EXIF orientation tag into a picture."""
    data = path.read_bytes()
    tiff = exif(value, order)
    if path.suffix == ".jpg":
        block = b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff
        data = data[:2] + block + data[2:]
    elif path.suffix == ".png":
        named = b"eXIf" + tiff
        block = struct.pack(">I", len(tiff)) + named + struct.pack(">I", zlib.crc32(named))
        data = data[:33] + block + data[33:]  # behind the header, before the picture
    elif path.suffix == ".webp":
        size = struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3]
        extended = b"VP8X" + struct.pack("<II", 10, 8) + size
        chunks = extended + data[12:] + b"EXIF" + struct.pack("<I", len(tiff)) + tiff
        data = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
    else:
        data = retagged(data, value)
    path.write_bytes(data)
    return path


def retagged(tiff: bytes, value: int) -> bytes:
    """A little-endian TIFF whose directory, moved to the end, states an orientation."""
    (first,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, first)
    entries = [tiff[first + 2 + 12 * i : first + 14 + 12 * i] for i in range(count)]
    kept = [entry for entry in entries if struct.unpack_from("<H", entry)[0] != 0x0112]
    entries = sorted([*kept, struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)], key=lambda e: e[1::-1])
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + directory


def test_a_folder_is_a_clip_in_natural_order(tmp_path: Path) -> None:
    """frame2 before frame10; one picture every 1/25 s; other files are passed over."""
    for i in (1, 2, 10, 9, 100):
        save(tmp_path / f"frame{i}.png", i % 30)
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_source(tmp_path)
    frames = list(source.frames())
    assert times(frames) == [Fraction(i, 25) for i in range(5)]
    assert [int(f.rgb()[-1, 0, 0]) for f in frames] == [
        int(picture(i % 30)[-1, 0, 0]) for i in (1, 2, 9, 10, 100)
    ]
    info = source.info
    assert (info.container, info.codec, info.frames, info.duration) == ("images", "png", 5, Fraction(1, 5))


def test_what_is_hidden_is_neither_shown_nor_hashed(tmp_path: Path) -> None:
    """The digests of a run's input are those of the pictures that it saw."""
    for name in ("a.png", ".b.png", "c.png"):
        save(tmp_path / name, 1)
    assert len(read(tmp_path)) == 2
    assert list(digests_in(tmp_path) or {}) == ["a.png", "c.png"]
    (tmp_path / "only").mkdir()
    save(tmp_path / "only" / ".b.png", 1)
    with pytest.raises(InputError, match="wanted a folder of pictures"):
        read(tmp_path / "only")


def test_natural_key() -> None:
    """Digits count as numbers, letters whatever their case."""
    names = ["b1", "a10", "A2", "a1b", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a1b", "A2", "a10", "b1"]


def test_a_raised_figure_in_a_name_is_no_number(tmp_path: Path) -> None:
    """Of a folder with `1²3.jpg` every picture is read."""
    for name in ("1²3.png", "12.png", "2.png"):
        save(tmp_path / name, 1)
    assert len(read(tmp_path)) == 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tif"])
def test_one_picture_is_a_clip_of_one_frame(tmp_path: Path, suffix: str) -> None:
    """Every common kind; its colours are right."""
    frames = read(save(tmp_path / f"one.{suffix}", 3))
    assert len(frames) == 1
    assert np.abs(frames[0].rgb().astype(int) - picture(3)).mean() < 4


@pytest.mark.parametrize(
    ("suffix", "order"),
    [("jpg", "<"), ("jpg", ">"), ("png", "<"), ("png", ">"), ("webp", "<"), ("webp", ">"), ("tif", "<")],
)
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation(tmp_path: Path, value: int, suffix: str, order: str) -> None:
    """All eight orientations of CIPA DC-008 come upright, mirrored ones too, in both byte orders."""
    plain = read(save(tmp_path / f"plain.{suffix}", 3))[0].rgb()
    path = with_orientation(save(tmp_path / f"lying.{suffix}", 3), value, order)
    wanted = {
        1: plain,
        2: plain[:, ::-1],
        3: plain[::-1, ::-1],
        4: plain[::-1],
        5: plain.transpose(1, 0, 2),
        6: np.rot90(plain, -1),
        7: plain[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(plain, 1),
    }
    source = open_source(path)
    frame = next(iter(source.frames()))
    assert np.array_equal(frame.rgb(), wanted[value])
    assert (source.info.width, source.info.height) == frame.size


def test_damaged_exif_states_nothing() -> None:
    """A header that ends in the middle is passed over."""
    assert jpeg_turn(b"\xff\xd8\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0") is None
    assert jpeg_turn(b"GIF89a") is None
    assert stated_turn(BytesIO(b"\x89PNG\r\n\x1a\n\0\0\0\x09eXIfMM\0*")) is None
    assert stated_turn(BytesIO(b"RIFF\x04\0\0\0WEBPEXIF")) is None
    assert stated_turn(BytesIO(b"II*\0\xff\xff\xff\x7f")) is None
    assert jpeg_turn(b"") is None


def test_a_damaged_picture_keeps_its_place(tmp_path: Path) -> None:
    """The hole is named, the others keep their times."""
    for i in range(4):
        save(tmp_path / f"{i}.png", i)
    (tmp_path / "2.png").write_bytes(b"\x89PNG but not really")
    source = open_source(tmp_path)
    frames = list(source.frames())
    assert times(frames) == [Fraction(i, 25) for i in (0, 1, 3)]
    assert [f.index for f in frames] == [0, 1, 2]
    (hole,) = source.holes()
    assert (hole.frames, hole.after_index, hole.time) == (1, 1, Fraction(2, 25))
    assert "2.png" in hole.cause


def cut_off(path: Path, share: float) -> Path:
    """The beginning of a JPEG that is worth cutting."""
    noise = np.random.default_rng(0).integers(0, 255, (160, 120, 3), np.uint8)
    assert cv2.imwrite(str(path), noise, PROGRESSIVE if "prog" in path.name else [])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]


@pytest.mark.parametrize("name", ["base.jpg", "prog.jpg"])
def test_a_jpeg_that_was_cut_off_is_shown_and_told_once(tmp_path: Path, name: str) -> None:
    """FFmpeg makes grey of what is missing, and says nothing."""
    source = open_source(cut_off(tmp_path / name, 0.6), lasts=Fraction(1, 5))
    assert len(list(source.frames())) == 5
    (hole,) = source.holes()
    assert (hole.frames, hole.after_index, hole.time) == (0, -1, Fraction(0))
    assert hole.cause == f"{name} is cut off or damaged; it is shown as far as it can be read"


@pytest.mark.parametrize("name", ["base.jpg", "prog.jpg"])
@pytest.mark.parametrize("behind", [b"\n", bytes(999), b"\0\0\0\x18ftypmp42" + bytes(range(256)), None])
def test_what_stands_behind_a_whole_jpeg_is_no_damage(
    tmp_path: Path, name: str, behind: bytes | None
) -> None:
    """Cameras put clips, depth and further pictures there."""
    path = cut_off(tmp_path / name, 1.0)
    path.write_bytes(path.read_bytes() + (path.read_bytes() if behind is None else behind))
    source = open_source(path)
    assert len(list(source.frames())) == 1
    assert source.holes() == ()


def png_head(wide: int, high: int) -> bytes:
    """A PNG that states its size and holds nothing."""
    named = b"IHDR" + struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + named + struct.pack(">I", zlib.crc32(named))


def jpeg_head(wide: int, high: int) -> bytes:
    """A JPEG that states its size, behind a block that does not."""
    return b"\xff\xd8\xff\xe0\0\4\0\0\xff\xc2\0\x0b\x08" + struct.pack(">HH", high, wide) + bytes(6)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.png", png_head(20000, 20000), "has 20000 x 20000 pixels, which is too large"),
        ("a.jpg", jpeg_head(20000, 20001), "has 20000 x 20001 pixels, which is too large"),
        ("b.png", png_head(2000, 2000), "is damaged or no picture"),
        ("b.jpg", jpeg_head(20, 20), "is damaged or no picture"),
        ("c.jpg", b"\xff\xd8\xff\xe0\0", "is damaged or no picture"),
        ("a.webp", b"RIFF\x46\1\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0" + bytes(99), "is an animated WebP"),
        ("b.webp", b"RIFF\x46\1\0\0WEBPVP8X", "is damaged or no picture"),
    ],
)
def test_why_a_picture_cannot_be_read(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    """What is whole and not supported is not called damaged."""
    path = tmp_path / name
    path.write_bytes(data)
    found = read_picture(path)
    assert isinstance(found, str)
    assert found.startswith(told)


def test_a_png_that_moves_is_a_clip(clip: Maker, tmp_path: Path) -> None:
    """Alone it shows all of its pictures, in a folder the first one, which is said."""
    path = clip("a.apng", codec="apng", pixel_format="rgb24", pts=(0, 1, 2))
    moving = Path(shutil.copy(path, tmp_path / "a.PNG"))
    assert times(read(moving)) == [Fraction(i, 25) for i in range(3)]
    assert not is_still(moving)
    assert is_still(save(tmp_path / "b.png", 1))
    assert is_still(tmp_path / "gone.png")
    source = open_source(tmp_path)
    assert len(list(source.frames())) == 2
    assert source.info.extra["animations"].startswith("1: of each")


def test_only_damaged_pictures(tmp_path: Path) -> None:
    """Nothing to see is an input error."""
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(InputError, match="none of its 1 pictures can be read"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        open_source(tmp_path / "gone.jpg")


def test_rate_and_part(tmp_path: Path) -> None:
    """Ten pictures a second, from 0.2 s on, until before 0.5 s."""
    for i in range(8):
        save(tmp_path / f"{i}.png", i, (16 + 2 * i, 16))
    frames = read(tmp_path, rate=10, start=0.2, stop=0.5)
    assert times(frames) == [Fraction(i, 10) for i in (2, 3, 4)]
    assert [f.size for f in frames] == [(20, 16), (22, 16), (24, 16)]
    with pytest.raises(UsageError, match="above 0"):
        open_source(tmp_path, rate=0)
