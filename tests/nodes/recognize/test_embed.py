"""recognize.embed with a made network: which rows are measured, from which pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.data.crops import Crops
from vidface.graph.harness import NodeHarness
from vidface.infer.embedder import Looks
from vidface.nodes.recognize import embed
from vidface.nodes.recognize.embed import RecognizeEmbed
from vidface.vision.align import TEMPLATES

FIVE = TEMPLATES["arcface112"].points


class MeanColour:
    """An embedder whose vector is the mean colour of the crop."""

    template, size, dimension, fingerprint, unread = "arcface112", 112, 3, "made@1", 0

    def __init__(self, *_args: Any, **_named: Any) -> None:
        self.calls: list[int] = []

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        self.calls.append(len(crops))
        colours = crops.reshape(len(crops), 112 * 112, 3).mean(1).astype(np.float32) + 1
        return Looks(
            colours / np.linalg.norm(colours, axis=1, keepdims=True), np.full(len(crops), 0.7, np.float32)
        )

    def close(self) -> None:
        pass


class Painted:
    """A frame of one colour; a crop shows it."""

    size = (300, 200)

    def __init__(self, colour: tuple[int, int, int]) -> None:
        self.colour = colour
        self.matrices: list[NDArray[np.float64]] = []

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        self.matrices.append(matrix)
        return np.full((size[1], size[0], 3), self.colour, np.uint8)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "Embedder", MeanColour)


def frame(pixels: Any, index: int = 0) -> Frame:
    return Frame(index, index, Fraction(1, 25), pixels)


def faces(count: int = 1, **more: Any) -> Faces:
    boxes = [(10, 10, 70, 90)] * count
    return Faces.of(boxes, landmarks=np.tile(FIVE, (count, 1, 1)).astype(np.float32), **more)


def run(frames: list[Frame], found: list[Faces], **fields: Any) -> list[Embeddings]:
    with NodeHarness(RecognizeEmbed(upright="", **fields)) as harness:
        return harness.run(frame=frames, faces=found)


@pytest.mark.usefixtures("made")
def test_wired_crops_are_read_in_place_of_the_frame() -> None:
    """The second row has no crop: zeros. The crop is cut anew on the embedder's template."""
    pixels = np.zeros((2, 256, 256, 3), np.uint8)
    pixels[0, :, :, 1] = 200
    matrices = np.full((2, 2, 3), np.nan)
    matrices[0] = [(2, 0, 10), (0, 2, 10)]
    crops = Crops(pixels, matrices, "ffhq512")
    with NodeHarness(RecognizeEmbed(upright="")) as harness:
        (found,) = harness.run(frame=[frame(Painted((200, 0, 0)))], faces=[faces(2)], crops=[crops])
        (none,) = harness.run(frame=[frame(Painted((200, 0, 0)), 1)], faces=[faces(2)], crops=[Crops.none()])
    assert found.vectors[0].argmax() == 1
    assert not found.vectors[1].any()
    assert not none.vectors.any()


@pytest.mark.usefixtures("made")
def test_each_row_is_read_from_its_own_frame_by_its_landmarks() -> None:
    red, blue = Painted((200, 0, 0)), Painted((0, 0, 200))
    one, none, two = run([frame(red), frame(red, 1), frame(blue, 2)], [faces(), Faces.none(), faces(2)])
    assert (len(one), len(none), len(two)) == (1, 0, 2)
    assert one.vectors[0].argmax() == 0
    assert (two.vectors.argmax(1) == 2).all()
    assert one.model == "made@1"
    assert one.recognisability.tolist() == pytest.approx([0.7])
    np.testing.assert_allclose(red.matrices[0], np.eye(2, 3), atol=1e-4)


@pytest.mark.usefixtures("made")
def test_rows_that_cannot_or_should_not_be_read_are_zeros() -> None:
    """Small, interpolated, without landmarks, with landmarks in one point."""
    marks = np.tile(FIVE, (5, 1, 1)).astype(np.float32)
    marks[2], marks[3] = np.nan, 50
    boxes = [(0, 0, 60, 80), (0, 0, 5, 6), (0, 0, 60, 80), (0, 0, 60, 80), (0, 0, 60, 80)]
    found = Faces.of(boxes, landmarks=marks, interpolated=[False, False, False, False, True])
    (value,) = run([frame(Painted((9, 9, 9)))], [found])
    assert value.known.tolist() == [True, False, False, False, False]
    assert np.isnan(value.recognisability[1:]).all()
    (value,) = run([frame(Painted((9, 9, 9)))], [found], interpolated=True, min_face_px=0)
    assert value.known.tolist() == [True, True, False, False, True]


@pytest.mark.usefixtures("made")
def test_faces_of_a_batch_of_frames_are_read_together() -> None:
    node = RecognizeEmbed(upright="")
    node.open(Device())
    with NodeHarness(node, chunk=8) as harness:
        harness.run(frame=[frame(Painted((1, 2, 3)), i) for i in range(4)], faces=[faces(2)] * 4)
        assert harness.node._embedder.calls == [8]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("made")
def test_crops_without_numbers_are_told() -> None:
    node = RecognizeEmbed(upright="")
    node.open(Device())
    assert node.facts() == {}
    node._embedder.unread = 2
    assert node.facts()["no_numbers"] == 2
    assert "2 crops" in node.facts()["notes"][0]


def test_a_mesh_without_numbers_is_told() -> None:
    """Tilted faces would be embedded as somebody else's again."""
    node = RecognizeEmbed()
    node.open(Device())
    assert node._upright is not None
    node._upright._network.unread = 3
    assert "tilted faces may be embedded wrongly" in node.facts()["notes"][0]
    node.close()
