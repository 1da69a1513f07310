"""mesh.face with a model of red squares: where it looks, what it gives, and when it starts anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from vidface.data import Device, Faces, Frame
from vidface.errors import ModelError, ModelMissingError
from vidface.graph.harness import NodeHarness
from vidface.nodes.mesh.face import FaceMeshes, MeshFace
from vidface.vision.boxes import iou_matrix

Square = tuple[float, float, float]
Picture = Callable[..., Frame]
FacesAt = Callable[..., Faces]


class Watched:
    """Pixels that count the crops cut out of them."""

    def __init__(self, frame: Frame, places: list[NDArray[np.float64]]) -> None:
        self._pixels = frame.pixels
        self._places = places

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pixels, name)

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        # The middle of the crop and its side, in the frame.
        inverse = np.linalg.inv(matrix[:, :2])
        self._places.append(np.append(inverse @ (np.array(size) / 2 - matrix[:, 2]), inverse[0, 0] * size[0]))
        return self._pixels.crop(matrix, size)


def watched(frame: Frame) -> tuple[Frame, list[NDArray[np.float64]]]:
    """The same frame, and the list that its crops will be noted in: x, y, side."""
    places: list[NDArray[np.float64]] = []
    return replace(frame, pixels=Watched(frame, places)), places


def run(
    model: str, frames: Sequence[Frame], faces: Sequence[Faces], *, segments: Any = (), **fields: Any
) -> list[FaceMeshes]:
    """The node over a stream."""
    with NodeHarness(MeshFace(model=model, **fields), chunk=fields.pop("chunk", 4)) as harness:
        return [FaceMeshes(*v) for v in harness.run(frame=frames, faces=faces, segments=segments)]


@pytest.mark.parametrize("side", [24, 60, 150])
def test_points_lie_on_the_face(
    tiny: str, picture: Picture, faces_at: FacesAt, mesh_of: Any, side: float
) -> None:
    """Measured in the crop, given in pixels of the frame: within 3 % of the face, at any size."""
    square = (140, 110, side)
    ((mesh, faces),) = run(tiny, [picture(square)], [faces_at(square)])
    error = np.abs(mesh.points[0, :, :2] - mesh_of(*square)).max() / side
    assert error < 0.03
    depth = mesh.points[0, :, 2]
    assert depth.min() < -0.1 * side
    assert mesh.presence[0] == 1
    assert mesh.blendshapes[0] == pytest.approx(np.full(52, 0.25))
    assert faces.landmarks[0, 2] == pytest.approx([140, 110 + 0.05 * side], abs=0.03 * side)


def test_the_next_crop_follows_from_the_last_mesh(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """The tracker's box lags ever more behind; the crop and the mesh stay on the face all the same."""
    frames, places = [], []
    for i in range(8):
        frame, seen = watched(picture((100 + 4 * i, 110, 60), index=i))
        frames.append(frame)
        places.append(seen)
    faces = [faces_at((100 + 2 * i, 110, 60)) for i in range(8)]
    found = run(tiny, frames, faces)
    # The first face is read twice, from the detector's view and from its first mesh; then once a frame.
    assert [len(seen) for seen in places] == [2] + [1] * 7
    for i in range(1, 8):
        assert places[i][0][0] == pytest.approx(100 + 4 * (i - 1), abs=1)
        middle = (found[i].mesh.points[0, :, :2].min(0) + found[i].mesh.points[0, :, :2].max(0)) / 2
        assert middle[0] == pytest.approx(100 + 4 * i, abs=1)


def test_refined_faces_sit_where_the_mesh_is(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Box and landmarks of an interpolated row come from the mesh and it is no guess any more."""
    true, guessed = (140, 110, 60), faces_at((131, 106, 66), interpolated=[True], scores=[0.7])
    ((_, faces),) = run(tiny, [picture(true)], [guessed])
    assert iou_matrix(faces.boxes, faces_at(true).boxes)[0, 0] > 0.93
    assert faces.landmarks[0] == pytest.approx(faces_at(true).landmarks[0], abs=1.5)
    assert not faces.interpolated[0]
    assert (faces.tracks[0], faces.scores[0]) == (1, guessed.scores[0])


def test_a_lost_face_gives_an_empty_row_and_is_found_again(
    tiny: str, picture: Picture, faces_at: FacesAt
) -> None:
    """Hidden for two frames: NaN with low presence, faces as the tracker gave them; then measured anew."""
    square = (140, 110, 60)
    frames = [picture(*([] if i in (2, 3) else [square]), index=i) for i in range(5)]
    last, places = watched(frames[4])
    given = faces_at(square, interpolated=[True])
    found = run(tiny, [*frames[:4], last], [given] * 5)
    assert [value.mesh.known[0] for value in found] == [True, True, False, False, True]
    assert [value.mesh.presence[0] for value in found[2:4]] == [0, 0]
    assert np.isnan(found[2].mesh.blendshapes).all()
    assert np.array_equal(found[2].faces.boxes, given.boxes)
    assert found[2].faces.interpolated[0]
    assert len(places) == 2


def test_where_tracker_and_mesh_disagree_the_tracker_wins(
    tiny: str, picture: Picture, faces_at: FacesAt
) -> None:
    """The track jumps to another face while the old one is still there: the mesh goes along."""
    old, new = (80, 110, 60), (220, 110, 60)
    frames = [picture(old, new, index=i) for i in range(3)]
    found = run(tiny, frames, [faces_at(old), faces_at(new), faces_at(new)])
    assert [value.mesh.points[0, :, 0].mean() > 150 for value in found] == [False, True, True]


def test_one_face_is_given_to_one_row_only(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Two tracks on one face: the one that a detector saw keeps it, whatever the order of rows."""
    here, near = (140, 110, 60), (150, 112, 60)
    for places, guessed, kept in (((near, here), [True, False], 1), ((here, near), [False, True], 0)):
        given = faces_at(*places, interpolated=guessed)
        ((mesh, faces),) = run(tiny, [picture(here)], [given])
        assert np.flatnonzero(mesh.known).tolist() == [kept]
        assert mesh.presence[1 - kept] == 0
        assert np.array_equal(faces.boxes[1 - kept], given.boxes[1 - kept])


def test_faces_too_small_or_outside_are_not_read(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Rows stay, unmeasured; nothing is cut out for them."""
    frame, places = watched(picture((140, 110, 14), (-80, 110, 60)))
    ((mesh, faces),) = run(
        tiny, [frame], [faces_at((140, 110, 14), (-80, 110, 60), (140, 400, 60))], min_face_px=16
    )
    assert not mesh.known.any()
    assert len(faces) == 3
    assert not places


def test_a_face_cut_off_by_the_edge_is_read(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Half outside: a mesh all the same, and no error."""
    ((mesh, _),) = run(tiny, [picture((4, 110, 60))], [faces_at((4, 110, 60))], min_overlap=0.2)
    assert mesh.known[0]


@pytest.mark.parametrize("marks", [None, np.full((1, 5, 2), 140.0)])
def test_without_landmarks_the_box_serves(
    tiny: str, picture: Picture, faces_at: FacesAt, mesh_of: Any, marks: Any
) -> None:
    """Landmarks that are not known, or all in one place: the crop follows from the box."""
    square = (140, 110, 60)
    given = Faces.of(faces_at(square).boxes, landmarks=marks, tracks=[1])
    ((mesh, _),) = run(tiny, [picture(square)], [given])
    assert np.abs(mesh.points[0, :, :2] - mesh_of(*square)).max() < 2


def test_rows_without_a_track_have_no_memory(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Before tracking every row is read from the detector's view, twice."""
    square = (140, 110, 60)
    frames, counts = zip(*(watched(picture(square, index=i)) for i in range(3)), strict=True)
    run(tiny, frames, [faces_at(square, tracks=[-1])] * 3)
    assert [len(places) for places in counts] == [2, 2, 2]


def test_a_cut_forgets_the_meshes(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """A new segment begins from the detector's view."""
    square = (140, 110, 60)
    frames, counts = zip(*(watched(picture(square, index=i)) for i in range(4)), strict=True)
    run(tiny, frames, [faces_at(square)] * 4, segments=(2,))
    assert [len(places) for places in counts] == [2, 1, 2, 1]


def test_a_still_picture_gives_a_still_mesh(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """The same picture ten times: crop and mesh come to rest and stay there, to a hundredth of a pixel."""
    square = (140, 110, 60)
    found = run(tiny, [picture(square, index=i) for i in range(10)], [faces_at(square)] * 10)
    late = np.stack([value.mesh.points[0] for value in found[4:]])
    assert np.ptp(late, axis=0).max() < 0.01


def test_many_faces_are_read_in_chunks(tiny: str, picture: Picture, faces_at: FacesAt, mesh_of: Any) -> None:
    """More faces than one batch holds, each in its row."""
    squares = [(40 + 60 * (i % 5), 40 + 60 * (i // 5), 30) for i in range(20)]
    ((mesh, _),) = run(tiny, [picture(*squares)], [faces_at(*squares)])
    for row, square in enumerate(squares):
        assert np.abs(mesh.points[row, :, :2] - mesh_of(*square)).max() < 1.5


def test_values_do_not_depend_on_chunks(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Bit for bit."""
    frames = [picture((100 + 5 * i, 110, 60), index=i) for i in range(7)]
    faces = [faces_at((100 + 5 * i, 110, 60)) for i in range(7)]
    one = run(tiny, frames, faces)
    with NodeHarness(MeshFace(model=tiny), chunk=1) as harness:
        other = harness.run(frame=frames, faces=faces)
    for a, (b, _) in zip(one, other, strict=True):
        assert a.mesh.points.tobytes() == b.points.tobytes()


def test_a_frame_without_faces_gives_none(tiny: str, picture: Picture) -> None:
    """Nobody there, or nobody looked: no rows, and `looked` is passed on."""
    for looked in (True, False):
        ((mesh, faces),) = run(tiny, [picture()], [Faces.none(looked=looked)])
        assert len(mesh) == len(faces) == 0
        assert faces.looked is looked


def test_memory_is_bounded_by_the_faces_in_view(tiny: str, picture: Picture, faces_at: FacesAt) -> None:
    """Tracks that are gone are not kept."""
    node = MeshFace(model=tiny)
    node.open(Device())
    node.reset()
    for track in range(1, 6):
        node.process(picture((140, 110, 60)), faces_at((140, 110, 60), tracks=[track]))
    assert list(node._last) == [5]
    node.close()


@pytest.mark.parametrize("output", ["points", "presence"])
def test_a_crop_that_gives_no_numbers_is_not_measured(
    tiny: str, picture: Picture, faces_at: FacesAt, output: str
) -> None:
    """Its row is NaN with presence 0, the other's is there; it is counted. Before, the whole run ended."""
    node = MeshFace(model=tiny)
    node.open(Device())
    node.reset()
    holder: Any = node._network
    network = holder._model

    def confused(tensor: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        outputs = {name: value.copy() for name, value in network(tensor).items()}
        outputs[output][: len(tensor) - 1] = np.nan
        return outputs

    assert node.facts() == {}
    holder._model = confused
    mesh, _ = node.process(picture((80, 110, 60), (220, 110, 60)), faces_at((80, 110, 60), (220, 110, 60)))
    assert mesh.known.tolist() == [False, True]
    assert mesh.presence[0] == 0
    assert node.facts()["no_numbers"] == 1
    assert "gave no numbers" in node.facts()["notes"][0]


def test_another_kind_of_model_is_refused(put_model: Callable[[str, Path], str], repo: Path) -> None:
    """An embedder has no points: the message says what a mesh model gives."""
    name = put_model("embedder", repo / "tests" / "infer" / "tiny" / "embed.onnx")
    with pytest.raises(ModelError, match="embedder gives vector, but a mesh model gives points, presence"):
        MeshFace(model=name).open(Device())


def test_a_missing_model_is_named(tiny: str) -> None:
    """As everywhere: there is no model of that name."""
    assert MeshFace(model="absent").models() == ("absent",)
    with pytest.raises(ModelMissingError, match="absent"):
        MeshFace(model="absent").open(Device())


@pytest.mark.parametrize("field", [{"min_presence": 1.5}, {"min_face_px": -1}, {"min_overlap": 2}])
def test_parameters_have_bounds(field: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        MeshFace(**field)
