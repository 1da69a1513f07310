"""Kept pictures of tilted faces are turned upright before they are embedded; others stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench.tilt import frame_of, laid, seen
from vidface.cli._gallery_kept import crop_of_kept, packed, template_of
from vidface.data import Device, Frame
from vidface.errors import InputError
from vidface.infer.embedder import Embedder
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.recognize._upright import MESH, Upright
from vidface.vision.align import TEMPLATES, to_template

TEMPLATE, NARROW = "arcface112", "arcface112 columns 8..104 resized to 128"


@pytest.fixture(scope="module")
def upright() -> Iterator[Upright]:
    one = Upright(MESH, Device())
    yield one
    one.close()


def kept(samples: Path, degrees: float) -> bytes:
    """The crop of the portrait as it was cut out by the detector's landmarks alone."""
    canvas = laid(samples / "hopper.jpg")
    frame = frame_of(seen(canvas, degrees, 80 / len(canvas)))
    return packed(frame.crop(to_template(five_of(frame), TEMPLATE, 112), (112, 112)), TEMPLATE)


def five_of(frame: Frame) -> NDArray[np.float32]:
    """The detector's landmarks of the largest face."""
    node = DetectFace()
    node.open(Device())
    node.reset()
    (faces,) = node.process(Batch([frame]))
    node.close()
    return np.asarray(faces.landmarks[int(faces.heights.argmax())])


def resized(data: bytes, size: int) -> NDArray[np.uint8]:
    image = cv2.cvtColor(
        np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB
    )
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def test_a_tilted_picture_is_turned(samples: Path, upright: Upright) -> None:
    """Embedded as it was kept it is nobody's, which is why it is turned."""
    straight, tilted = kept(samples, 0), kept(samples, 45)
    embedder = Embedder("vidface-embed", Device())
    crops = [resized(straight, 112), resized(tilted, 112)]
    crops.append(crop_of_kept(tilted, upright, template=TEMPLATE, size=112))
    own, before, after = embedder(np.stack(crops)).vectors
    embedder.close()
    assert own @ after > 0.8
    assert own @ after > own @ before + 0.25


@pytest.mark.parametrize("size", [112, 160])
def test_an_upright_picture_stays_as_it_is(samples: Path, upright: Upright, size: int) -> None:
    data = kept(samples, 0)
    crop = crop_of_kept(data, upright, template=TEMPLATE, size=size)
    np.testing.assert_array_equal(crop, resized(data, size))


@pytest.mark.parametrize("template", ["arcface128", "ffhq512"])
def test_a_picture_without_a_face_stays_as_it_is(upright: Upright, template: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    crop = crop_of_kept(packed(noise, template), upright, template=template, size=128)
    np.testing.assert_array_equal(crop, resized(packed(noise, template), 128))


def test_a_damaged_picture_is_refused(upright: Upright) -> None:
    with pytest.raises(InputError, match="import an export"):
        crop_of_kept(b"none", upright, template=TEMPLATE, size=112)


@pytest.mark.parametrize(("old", "new"), [(TEMPLATE, NARROW), (TEMPLATE, "arcface128"), (NARROW, TEMPLATE)])
def test_another_template_is_cut_out_of_the_picture(
    samples: Path, upright: Upright, old: str, new: str
) -> None:
    """The middle of the crop is what the whole picture gives; squeezed, as it was, it is far from that."""
    canvas = laid(samples / "hopper.jpg")
    frame = frame_of(seen(canvas, 0, 200 / len(canvas)))
    five = five_of(frame)
    data = packed(frame.crop(to_template(five, old, 128), (128, 128)), old)
    wanted = frame.crop(to_template(five, new, 128), (128, 128)).astype(float)
    inner = np.s_[16:112, 28:100]
    away = np.abs(crop_of_kept(data, upright, template=new, size=128) - wanted)[inner].mean()
    assert away < 4
    assert away * 3 < np.abs(resized(data, 128) - wanted)[inner].mean()


def test_a_picture_says_how_it_is_aligned() -> None:
    crop = np.zeros((112, 112, 3), np.uint8)
    assert [template_of(packed(crop, name)) for name in TEMPLATES] == list(TEMPLATES)
    old = cv2.imencode(".jpg", crop)[1].tobytes()
    assert template_of(old) == template_of(packed(crop, "another")) == template_of(b"") == "arcface112"
