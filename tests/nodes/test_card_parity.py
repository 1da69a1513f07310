"""The nodes over pictures on a card against the same nodes over pictures in host memory.

On torch's CPU device everywhere, and on a card where there is one.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data import Device, Faces, Frame
from vidface.data.card import Card
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels
from vidface.media.planar import plane_views
from vidface.node import Batch, Window
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.mesh.face import MeshFace
from vidface.nodes.recognize.embed import RecognizeEmbed
from vidface.nodes.restore.face import RestoreFace

torch = pytest.importorskip("torch", reason="torch is an extra")
pytestmark = pytest.mark.parametrize("on", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])


@pytest.fixture
def device(on: str) -> Device:
    if on == "cpu":
        return Device(card=Card("cpu"))
    if not torch.cuda.is_available():
        if os.environ.get("VIDFACE_REQUIRE_CUDA") == "1":
            pytest.fail("VIDFACE_REQUIRE_CUDA=1 promises a card, but torch sees none")
        pytest.skip("torch sees no CUDA device")
    return Device("cuda", card=Card("cuda:0"))


@pytest.fixture
def frames(samples: Path) -> list[Frame]:
    return list(islice(open_source(samples / "two_people.mp4").frames(), 0, 40, 13))


def there(frames: list[Frame], card: Card) -> list[Frame]:
    """The same frames as a decoder leaves them on a card."""
    from vidface.media.cardpixels import CardPixels
    from vidface.vision.tensorforms import CardPlanes

    made = []
    for frame in frames:
        picture, colour = AvPixels.of(frame).upright()
        luma, u, v = (np.array(view) for view in plane_views(picture))
        chroma = np.stack([u, v], axis=-1)
        light, colours = (torch.from_numpy(sheet).to(card.device) for sheet in (luma, chroma))
        planes = CardPlanes(light, colours, matrix=colour.matrix, full_range=colour.full_range, left=True)
        made.append(frame.with_pixels(CardPixels(planes, card, colour=colour, mark=card.mark())))
    return made


def run(node: Any, device: Device, *ports: Any, batched: bool = True) -> Any:
    """Values of a node for all frames."""
    node.open(device)
    node.reset()
    try:
        if batched:
            return list(node.process(*(Batch(port) for port in ports)))
        return [node.process(*values) for values in zip(*ports, strict=True)]
    finally:
        node.close()


@pytest.mark.parametrize("tiles", ["off", 2])
def test_faces_are_found_in_the_same_places(device: Device, frames: list[Frame], tiles: Any) -> None:
    """Boxes and landmarks within a pixel; no picture leaves the card, and none is copied to it."""
    assert device.card is not None
    want = run(DetectFace(tiles=tiles), Device(), frames)
    made = run(DetectFace(tiles=tiles), device, there(frames, device.card))
    assert sum(len(faces) for faces in want) >= 6
    for one, other in zip(made, want, strict=True):
        assert len(one) == len(other)
        assert np.abs(one.boxes - other.boxes).max() <= 1
        assert np.abs(one.landmarks - other.landmarks).max() <= 1
        assert np.abs(one.scores - other.scores).max() <= 0.02
    nothing_left(device.card)


def test_meshes_lie_in_the_same_places(device: Device, frames: list[Frame]) -> None:
    """Points within a pixel on average; crops are cut and read on the card."""
    assert device.card is not None
    faces = run(DetectFace(), Device(), frames)
    want = run(MeshFace(), Device(), frames, faces, batched=False)
    made = run(MeshFace(), device, there(frames, device.card), faces, batched=False)
    for one, other in zip(made, want, strict=True):
        assert np.array_equal(one.mesh.known, other.mesh.known)
        known = other.mesh.known
        assert np.abs(one.mesh.points[known] - other.mesh.points[known]).mean() <= 0.2
        assert np.abs(one.faces.boxes - other.faces.boxes).max() <= 1
    nothing_left(device.card)


def test_people_are_the_same(device: Device, frames: list[Frame]) -> None:
    """Embeddings: cosine of 0.999 and more."""
    assert device.card is not None
    faces: list[Faces] = run(DetectFace(), Device(), frames)
    want = run(RecognizeEmbed(), Device(), frames, faces)
    made = run(RecognizeEmbed(), device, there(frames, device.card), faces)
    assert sum(len(one.vectors) for one in want) >= 6
    for one, other in zip(made, want, strict=True):
        assert (np.sum(one.vectors * other.vectors, axis=1) >= 0.999).all()
        assert np.abs(one.recognisability - other.recognisability).max() <= 0.02
    nothing_left(device.card)


def test_a_batch_may_lie_in_both_places(device: Device, frames: list[Frame]) -> None:
    """After a frame that the card could not decode: each is served where it is."""
    assert device.card is not None
    mixed = [*there(frames[:2], device.card), *frames[2:]]
    want = run(DetectFace(), Device(), frames)
    made = run(DetectFace(), device, mixed)
    assert all(np.abs(a.boxes - b.boxes).max() <= 1 for a, b in zip(made, want, strict=True))
    assert device.card.traffic.copies("inputs_to_card") >= 1
    vectors = run(RecognizeEmbed(), device, mixed, want)
    assert all(len(one.vectors) == len(faces) for one, faces in zip(vectors, want, strict=True))


def test_restored_faces_are_pasted_on_the_card(device: Device, frames: list[Frame]) -> None:
    """Pictures equal by 45 dB, untouched outside the faces; crops and changes cross over, pictures do not."""
    assert device.card is not None
    fields: Any = {"min_face_px": 24, "look_ahead": 0}
    faces = run(DetectFace(), Device(), frames[:2])
    windows = [Window([one], 0) for one in frames[:2]], [Window([one], 0) for one in faces]
    want = run(RestoreFace(**fields), Device(), *windows, batched=False)
    over = [Window([one], 0) for one in there(frames[:2], device.card)]
    made = run(RestoreFace(**fields), device, over, windows[1], batched=False)
    assert device.card.traffic.copies("pictures_to_host") == 0
    for one, other, frame in zip(made, want, frames, strict=False):
        assert one.frame.on_card(device.card) is not None
        after, before = other.frame.planes().luma.astype(float), frame.planes().luma
        assert (after != before).any()
        got = one.frame.planes().luma.astype(float)
        assert np.mean((got - after) ** 2) <= 255**2 / 10**4.5
        assert ((got == before) | (after != before)).mean() > 0.999


def nothing_left(card: Card) -> None:
    counted = card.traffic.to_json()
    assert counted["pictures_to_host"]["copies"] == 0
    assert counted["forms_to_host"]["copies"] == 0
    assert counted["inputs_to_card"]["copies"] == 0
    assert counted["results_to_host"]["copies"] > 0
