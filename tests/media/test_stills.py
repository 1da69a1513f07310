"""Still pictures named by a field: upright RGB, or one sentence that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vidface.errors import InputError
from vidface.media import stills
from vidface.media.stills import read_still


def picture(path: Path) -> Path:
    """32 x 20, red on the left and blue on the right."""
    rgb = np.zeros((20, 32, 3), np.uint8)
    rgb[:, :16, 0], rgb[:, 16:, 2] = 255, 255
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def test_a_picture_is_read_as_rgb(tmp_path: Path) -> None:
    """Red stays red."""
    found = read_still(picture(tmp_path / "a.png"))
    assert found.shape == (20, 32, 3)
    assert found[10, 4].tolist() == [255, 0, 0]


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    """A JPEG that lies on its side comes out upright: orientation 6 is a quarter turn clockwise."""
    data = picture(tmp_path / "a.jpg").read_bytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    block = b"Exif\0\0" + tiff
    (tmp_path / "b.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + data[2:])
    found = read_still(tmp_path / "b.jpg")
    assert found.shape == (32, 20, 3)
    assert found[4, 10, 0] > 200


@pytest.mark.parametrize("name", ["gone.png", "clip.mp4", "text.png", "."])
def test_what_is_no_picture_gets_a_sentence(tmp_path: Path, name: str) -> None:
    """Missing, of another kind, damaged, or a folder."""
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=str(tmp_path)):
        read_still(tmp_path / name)


def test_a_giant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its size, and the size that would do."""
    monkeypatch.setattr(stills, "LARGEST", 24)
    with pytest.raises(InputError, match="up to 24 pixels a side are read, but it is 32 x 20"):
        read_still(picture(tmp_path / "a.png"))
