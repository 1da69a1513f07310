"""Tilted faces keep their vector: their landmarks come from a mesh; upright ones keep the detector's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench.tilt import frame_of, laid, seen
from vidface.cli._gallery_faces import GraphSampler
from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.errors import UsageError
from vidface.infer.embedder import Embedder
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.forensics._reading import PartsReader
from vidface.nodes.mesh._network import MeshNetwork, Read
from vidface.nodes.mesh.face import MeshFace
from vidface.nodes.recognize._upright import MESH, Upright, View
from vidface.nodes.recognize.embed import RecognizeEmbed
from vidface.vision.align import TILTED_DEG, turn_between
from vidface.vision.meshcrop import Matrix


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


class Counting:
    """A network that counts calls and crops."""

    def __init__(self, network: MeshNetwork) -> None:
        self._network, self.size, self.unread = network, network.size, 0
        self.calls: list[int] = []

    def of_frames(self, frames: Sequence[Frame], matrices: Sequence[Matrix]) -> Read:
        self.calls.append(len(matrices))
        return self._network.of_frames(frames, matrices)

    def close(self) -> None:
        self._network.close()


@pytest.fixture
def counted() -> Iterator[tuple[Upright, Counting]]:
    upright = Upright(MESH, Device())
    counting = Counting(upright._network)
    upright._network = counting  # type: ignore[assignment]
    yield upright, counting
    upright.close()


def test_faces_with_a_mesh_are_not_looked_at(
    samples: Path, detector: DetectFace, counted: tuple[Upright, Counting]
) -> None:
    """The mesh says what a look would have said; rows without one, or with another's, are looked at."""
    upright, counting = counted
    frame = turned(samples, 45, 80)
    faces = found(detector, frame)
    looked = upright(frame, faces, [0])
    assert len(counting.calls) > 1
    node = MeshFace()
    node.open(Device())
    node.reset()
    mesh = node.process(frame, faces).mesh
    node.close()
    counting.calls.clear()
    (given,) = upright.of_views([View(frame, faces, [0], mesh)])
    assert counting.calls == []
    assert turn_between(given[0], looked[0]) < 3 < TILTED_DEG < turn_between(given[0], faces.landmarks[0])
    elsewhere = Meshes.of(mesh.points + np.float32(60))
    for other in (Meshes.none(1), Meshes.none(), elsewhere):
        counting.calls.clear()
        np.testing.assert_array_equal(upright.of_views([View(frame, faces, [0], other)])[0], looked)
        assert counting.calls


def test_faces_of_several_frames_are_looked_at_together(
    samples: Path, detector: DetectFace, counted: tuple[Upright, Counting]
) -> None:
    """As on a card: three frames take as many calls as one, and every face gets what it gets alone."""
    upright, counting = counted
    frames = [turned(samples, degrees, 80) for degrees in (45, 0, -45)]
    views = [View(frame, found(detector, frame), [0]) for frame in frames]
    alone = [upright(*view[:3])[0] for view in views]
    counting.calls.clear()
    upright._at_once = 64
    together = upright.of_views([*views, View(frames[0], views[0].faces, [])])
    assert counting.calls[:2] == [3, 2]
    assert len(counting.calls) <= 3
    assert [len(five) for five in together] == [1, 1, 1, 0]
    np.testing.assert_allclose(np.concatenate(together), alone, atol=0.02)
    assert upright.of_views([]) == []


def test_meshes_of_other_faces_are_refused(samples: Path, detector: DetectFace) -> None:
    frame = turned(samples, 0, 80)
    node = RecognizeEmbed()
    node.open(Device())
    with pytest.raises(UsageError, match="mesh has 2 rows for 1 faces"):
        node.process(Batch([frame]), Batch([found(detector, frame)]), mesh=Batch([Meshes.none(2)]))
    node.close()
