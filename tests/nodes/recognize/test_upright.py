"""Tilted faces keep their vector: their landmarks come from a mesh; upright ones keep the detector's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench.tilt import frame_of, laid, seen
from vidface.cli._gallery_faces import GraphSampler
from vidface.data import Device, Faces, Frame
from vidface.infer.embedder import Embedder
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.forensics._reading import PartsReader
from vidface.nodes.mesh.face import MeshFace
from vidface.nodes.recognize._upright import MESH, Upright
from vidface.nodes.recognize.embed import RecognizeEmbed


def turned(samples: Path, degrees: float, side: int) -> Frame:
    """The portrait on grey, turned clockwise, shrunk to a square of so many pixels."""
    canvas = laid(samples / "hopper.jpg")
    return frame_of(seen(canvas, degrees, side / len(canvas)))


@pytest.fixture(scope="module")
def detector() -> Iterator[DetectFace]:
    node = DetectFace()
    node.open(Device())
    yield node
    node.close()


def found(detector: DetectFace, frame: Frame) -> Faces:
    detector.reset()
    (faces,) = detector.process(Batch([frame]))
    return faces.pick([int(faces.heights.argmax())])


def vector(frame: Frame, faces: Faces, upright: str = MESH) -> NDArray[np.float32]:
    node = RecognizeEmbed(upright=upright)
    node.open(Device())
    try:
        (value,) = node.process(Batch([frame]), Batch([faces]))
    finally:
        node.close()
    vector: NDArray[np.float32] = value.vectors[0]
    return vector


@pytest.mark.parametrize("degrees", [30, 45])
def test_a_tilted_face_keeps_its_vector(samples: Path, detector: DetectFace, degrees: float) -> None:
    """With the detector's landmarks it is somebody else's, which is why the mesh is asked."""
    straight = turned(samples, 0, 80)
    own = vector(straight, found(detector, straight))
    frame = turned(samples, degrees, 80)
    faces = found(detector, frame)
    with_mesh, without = own @ vector(frame, faces), own @ vector(frame, faces, upright="")
    assert with_mesh > 0.85
    assert with_mesh > without + 0.25


def test_an_upright_face_keeps_the_landmarks_that_were_found(samples: Path, detector: DetectFace) -> None:
    frame = turned(samples, 0, 400)
    faces = found(detector, frame)
    upright = Upright(MESH, Device())
    np.testing.assert_array_equal(upright(frame, faces, [0]), faces.landmarks)
    assert upright(frame, faces, []).shape == (0, 5, 2)
    upright.close()


def test_where_no_face_is_seen_nothing_changes(samples: Path) -> None:
    """Points in an empty corner, points that fix no crop, points that are not known."""
    frame = turned(samples, 0, 400)
    five = np.array([(10, 10), (30, 12), (20, 25), (12, 38), (28, 40)], np.float32)
    marks = np.stack([five, np.full((5, 2), 20, np.float32), np.full((5, 2), np.nan, np.float32)])
    faces = Faces.of([(5, 0, 40, 50)] * 3, landmarks=marks)
    upright = Upright(MESH, Device())
    np.testing.assert_array_equal(upright(frame, faces, [0, 1, 2]), marks)
    upright.close()


def test_the_models_of_the_node_say_what_it_loads() -> None:
    assert RecognizeEmbed().models() == ("vidface-embed", MESH)
    assert RecognizeEmbed(upright="").models() == ("vidface-embed",)


def test_enrolment_reads_tilted_pictures_as_recognition_does(samples: Path, tmp_path: Path) -> None:
    """And so does the reading of a face's parts: a tilted picture is like the upright one."""
    canvas, scale = laid(samples / "hopper.jpg"), 0.4
    sampler = GraphSampler("vidface-embed")
    try:
        vectors = []
        for degrees in (0, 45):
            path = tmp_path / f"{degrees}.png"
            cv2.imwrite(str(path), seen(canvas, degrees, scale)[..., ::-1])
            (shot,) = sampler.stills([path])
            vectors.append(shot.faces[0].vector)
    finally:
        sampler.close()
    assert vectors[0] @ vectors[1] > 0.85


def test_parts_of_a_tilted_face_are_its_own(samples: Path, detector: DetectFace) -> None:
    mesh, embedder = MeshFace(), Embedder("vidface-embed", Device())
    mesh.open(Device())
    parts = []
    for degrees in (0, 45):
        frame = turned(samples, degrees, 200)
        faces = found(detector, frame)
        mesh.reset()
        points = mesh.process(frame, faces).mesh.points[0]
        read = PartsReader(embedder)(frame, faces.landmarks[0], points)
        assert read is not None
        parts.append(read)
    mesh.close()
    embedder.close()
    assert parts[0][0] @ parts[1][0] > 0.85
    assert parts[0][1] @ parts[1][1] > 0.85
