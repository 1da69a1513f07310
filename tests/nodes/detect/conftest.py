"""A detector of red rectangles that behaves like a network, and frames made of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device, Faces, Frame, Planes
from vidface.infer import session
from vidface.infer.contract import Port
from vidface.infer.manifest import Manifest, parse_manifest
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.vision.detection import STRIDES
from vidface.vision.resize import resize

MANIFEST = """
name: red-rectangles
title: Finds red rectangles
task: detect
family: yunet
licence: {id: Apache-2.0, class: permissive}
files: [{name: model.onnx}]
contract:
  inputs: [{name: input, shape: [N, 3, H, W], layout: NCHW, channels: bgr, multiple: 32}]
  outputs: [{meaning: "heads"}]
defaults: {min_score: 0.5}
source: made for tests
"""
SMALLEST_PX = 11
RED = (255, 0, 0)


class RedRectangles:
    """Answers like a YuNet: a red rectangle of 11 or more rows is a face.

    Its box is measured to a fraction of a pixel from the light in rows and columns, so scaling that
    keeps edges in place gives back exact boxes. The score falls with the distance of the colour from
    pure red. Two neighbouring cells report each face, the second one weaker and a pixel beside.
    """

    name = "red-rectangles"

    def __init__(self, manifest: Manifest, shape: tuple[int | None, ...] = (None, 3, None, None)) -> None:
        self.manifest = manifest
        self.inputs = (Port("input", shape, "float32"),)
        names = [f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
        self.outputs = tuple(Port(name, (None, None, None), "float32") for name in reversed(names))
        self.shapes: list[tuple[int, ...]] = []
        self.closed = False

    def __call__(self, tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        assert self.inputs[0].fault(tensor) is None
        self.shapes.append(tensor.shape)
        n, _, height, width = tensor.shape
        heads = {
            f"{head}_{s}": np.zeros((n, height // s * (width // s), k), np.float32)
            for head, k in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
            for s in STRIDES
        }
        for number, picture in enumerate(tensor):
            for box, score in rectangles(picture):
                self._report(heads, number, width // 8, box, score)
        return heads

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _report(
        heads: dict[str, NDArray[np.float32]], number: int, columns: int, box: NDArray[Any], score: float
    ) -> None:
        centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        for step, share, shift in ((0, 1.0, 0.0), (1, 0.8, 1.0)):
            column, row = int(centre[0] // 8), int(centre[1] // 8)
            column += step if column + 1 < columns else -step
            cell, corner = row * columns + column, np.array([column, row])
            heads["cls_8"][number, cell] = score * share
            heads["obj_8"][number, cell] = score * share
            heads["bbox_8"][number, cell] = [*((centre + shift) / 8 - corner), *np.log(sides / 8)]
            points = box[:2] + sides * [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]
            heads["kps_8"][number, cell] = (points / 8 - corner).ravel()


def rectangles(picture: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Box and score of each red rectangle of a 3 x H x W BGR picture."""
    light = np.clip(picture[2] - np.maximum(picture[0], picture[1]), 0, None).astype(np.float64)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((light > 8).astype(np.uint8))
    for label in range(1, count):
        x, y, w, h, _ = stats[label]
        part = np.where(labels[y : y + h, x : x + w] == label, light[y : y + h, x : x + w], 0)
        if part.max() < 60:
            continue
        middle, half = [], []
        for profile, start in ((part.sum(0), x), (part.sum(1), y)):
            places = np.arange(len(profile)) + 0.5 + start
            middle.append((profile * places).sum() / profile.sum())
            half.append(profile.sum() / profile.max() / 2)
        box = np.array([middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]])
        if box[3] - box[1] >= SMALLEST_PX:
            yield box, float(part.max() / 255)


class ArrayPixels:
    """Pixels of an RGB array."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self._image = image

    @property
    def size(self) -> tuple[int, int]:
        return self._image.shape[1], self._image.shape[0]

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        wide, high = self.size
        size = (wide, high) if width is None else (width, max(1, round(high * width / wide)))
        return resize(self._image, size)

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self.rgb(width)[..., ::-1])

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        return self.rgb(width)[..., 1]

    def planes(self) -> Planes:
        raise AssertionError("a detector has no use for planes")

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        raise AssertionError("a detector has no use for crops")

    def painted(self, paint: Callable[[Planes], None]) -> ArrayPixels:
        raise AssertionError("a detector does not paint")

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> ArrayPixels:
        raise AssertionError("a detector does not paint")


MakeFrame = Callable[..., Frame]
Detect = Callable[..., list[Faces]]


@pytest.fixture(scope="session")
def make_frame() -> MakeFrame:
    """make_frame(width, height, boxes, index=0, colour=RED): red rectangles on black."""

    def make(width: int, height: int, boxes: Any = (), *, index: int = 0, colour: Any = RED) -> Frame:
        image = np.zeros((height, width, 3), np.uint8)
        for x1, y1, x2, y2 in boxes:
            image[y1:y2, x1:x2] = colour
        return Frame(index, index, Fraction(1, 25), ArrayPixels(image))

    return make


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., Frame]:
    """frame_of(rgb_array, index=0)."""
    return lambda image, index=0: Frame(index, index, Fraction(1, 25), ArrayPixels(image))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> RedRectangles:
    """Whatever model is asked for, this one is loaded."""
    model = RedRectangles(parse_manifest(MANIFEST, origin="test"))
    monkeypatch.setattr(session, "load", lambda name, device, *, threads=1: model)
    return model


@pytest.fixture
def detect(network: RedRectangles) -> Detect:
    """detect(frames, chunk=8, device=..., **fields): the faces of each frame, fed in batches of `chunk`."""

    def run(
        frames: list[Frame], *, chunk: int = 8, device: Device | None = None, **fields: Any
    ) -> list[Faces]:
        node = DetectFace(**fields)
        node.open(device or Device())
        node.reset()
        batches = [Batch(frames[i : i + chunk]) for i in range(0, len(frames), chunk)]
        found = [faces for batch in batches for faces in node.process(batch)]
        node.close()
        return found

    return run
