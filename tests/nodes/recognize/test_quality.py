"""recognize.quality on a drawn face, put into frames large and small, sharp and blurred, whole and cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vision.drawn import POINTS, blurred, drawn_face, noisy
from vidface.data import Faces, Frame
from vidface.data.identity import Embeddings
from vidface.data.measures import Measures
from vidface.data.mesh import POINTS as MESH_POINTS
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.recognize.quality import KINDS, RecognizeQuality
from vidface.vision.facequality import WEIGHTS
from vidface.vision.meshtopology import FACE_OVAL

BOX = np.array((20.0, 24.0, 92.0, 112.0))


def picture(face: NDArray[Any], at: tuple[int, int] = (60, 40), size: tuple[int, int] = (240, 200)) -> Frame:
    """A grey frame with a face's crop pasted in with its corner `at`; what reaches outside is cut off."""
    height, width = face.shape
    large = np.full((size[1] + 2 * height, size[0] + 2 * width), 120, np.float32)
    x, y = at[0] + width, at[1] + height
    large[y : y + height, x : x + width] = face
    grey = large[height:-height, width:-width].clip(0, 255).astype(np.uint8)
    return frame_from_rgb(np.repeat(grey[:, :, None], 3, axis=2), 0)


FRAME = picture(drawn_face())


def faces(*places: tuple[float, float, float], **columns: Any) -> Faces:
    """What a detector would say of crops pasted at (x, y), of `side` pixels."""
    boxes = [BOX * side / 112 + (x, y, x, y) for x, y, side in places]
    marks = [POINTS * side / 112 + (x, y) for x, y, side in places]
    return Faces.of(boxes, **{"landmarks": marks} | columns)


def judge(frame: Frame, found: Faces, **ports: Any) -> Measures:
    """What the node says of one frame."""
    with NodeHarness(RecognizeQuality()) as harness:
        given = {name: [value] for name, value in {"frame": frame, "faces": found, **ports}.items()}
        (value,) = harness.run(**given)
        assert isinstance(value, Measures)
        return value


def row(frame: Frame, found: Faces, **ports: Any) -> dict[str, float]:
    """The measures of the first face, by short name."""
    columns = judge(frame, found, **ports).columns()
    return {name.removeprefix("quality_"): float(values[0]) for name, values in columns.items()}


def posed(yaw: float, pitch: float = 0.0) -> Poses:
    """The pose of one face."""
    zero = np.zeros(1, np.float32)
    return Poses(np.array([(yaw, pitch, 0)], np.float32), np.zeros((1, 2), np.float32), zero + 1, zero)


def test_golden_row_of_a_drawn_face() -> None:
    """112 pixels of crop: 35 between the eyes, sharp, well lit, from the front, whole."""
    found = row(picture(drawn_face()), faces((60, 40, 112)), pose=posed(30), embeddings=of_chance(0.8))
    golden = {
        "size": 0.746,
        "sharpness": 0.8755,
        "exposure": 1.0,
        "contrast": 0.864,
        "noise": 0.9995,
        "light": 1.0,
        "pose": 0.75,
        "framing": 1.0,
        "recognisability": 0.8,
        "quality": 0.8443,
    }
    assert found == pytest.approx(golden, abs=3e-3)


def of_chance(*chances: float) -> Embeddings:
    """Looks of this recognisability."""
    return Embeddings.of(np.ones((len(chances), 4)), recognisability=np.array(chances, np.float32))


def test_every_column_is_described_and_weighed() -> None:
    """Ten columns, each with a meaning; the combined score knows all the others."""
    assert [kind.name for kind in KINDS][-1] == "quality"
    assert {kind.name for kind in KINDS} == {f"quality_{name}" for name, _ in WEIGHTS} | {"quality"}
    assert all(kind.meaning.endswith(".") for kind in KINDS)


def test_a_small_face_is_small_and_an_enlarged_one_is_not_sharp() -> None:
    """24 pixels of crop, as they are and drawn out to 112: both score low, each for its own reason."""
    tiny = drawn_face(24)
    large = cv2.resize(tiny, (112, 112), interpolation=cv2.INTER_CUBIC)
    good = row(picture(drawn_face()), faces((60, 40, 112)))
    small = row(picture(tiny), faces((60, 40, 24)))
    out = row(picture(large), faces((60, 40, 112)))
    assert small["size"] < 0.6 * good["size"]
    assert small["sharpness"] > 0.9
    assert out["size"] == pytest.approx(good["size"])
    assert out["sharpness"] < 0.65 * good["sharpness"]
    assert max(small["quality"], out["quality"]) < good["quality"] - 0.05


def scored(*worse: NDArray[Any]) -> list[float]:
    """The combined score of each picture."""
    return [row(picture(face), faces((60, 40, 112)))["quality"] for face in worse]


def test_the_score_falls_with_what_is_wrong() -> None:
    """Blur, darkness, glare and noise: the more, the lower."""
    face = drawn_face()
    for worse in (
        [face, blurred(face, 1), blurred(face, 2), blurred(face, 4)],
        [face, face * 0.5, face * 0.2, face * 0.08],
        [face, face * 1.6, face * 2.2],
        [face, noisy(face, 6), noisy(face, 15), noisy(face, 30)],
    ):
        assert (np.diff(scored(*worse)) < 0).all()


def test_size_raises_the_score() -> None:
    """Of the same face, the larger one is better, also beyond the size of the crop."""
    values = [
        row(picture(drawn_face(side), at=(20, 10)), faces((20, 10, side)))["quality"]
        for side in (16, 32, 64, 112, 180)
    ]
    assert (np.diff(values) > 0).all()


def test_pose_comes_from_the_pose_where_it_is_known() -> None:
    """A wired pose counts; where it is NaN, or absent, the landmarks do."""
    frame, found = picture(drawn_face()), faces((60, 40, 112))
    plain = row(frame, found)["pose"]
    assert plain > 0.9
    assert row(frame, found, pose=posed(60))["pose"] == pytest.approx(0.25)
    assert row(frame, found, pose=Poses.none(1))["pose"] == pytest.approx(plain)
    assert row(frame, found, pose=posed(60))["quality"] < row(frame, found)["quality"]


def test_recognisability_is_that_of_the_embedding() -> None:
    """NaN where it is not wired or was not measured, and then it does not count."""
    frame, found = picture(drawn_face()), faces((60, 40, 112))
    plain = row(frame, found)
    assert np.isnan(plain["recognisability"])
    low = row(frame, found, embeddings=of_chance(0.1))
    assert low["recognisability"] == pytest.approx(0.1)
    assert low["quality"] < 0.7 * plain["quality"]
    assert row(frame, found, embeddings=Embeddings.none(4, 1))["quality"] == pytest.approx(plain["quality"])


def test_interpolated_rows_and_unknown_landmarks_are_empty() -> None:
    """Nobody saw a face there; the rows around them are not touched. Mirrored points fix no face either."""
    marks = np.stack([POINTS + np.array([60, 40])] * 4)
    marks[2] = np.nan
    marks[3] = marks[3][[1, 0, 2, 4, 3]]
    marks[3][:, 1] = marks[3][0, 1]
    found = Faces.of(
        [BOX + np.array([60, 40, 60, 40])] * 4, landmarks=marks, interpolated=[False, True, False, False]
    )
    values = judge(picture(drawn_face()), found).values
    assert np.isfinite(values[0][[0, 1, 2, 3, 4, 5, 6, 7, 9]]).all()
    assert np.isnan(values[1:3]).all()
    assert len(values) == 4


def test_a_face_across_the_border_is_judged_on_what_is_there() -> None:
    """The black beyond the frame is neither under-exposed nor an edge; outside for good is no score."""
    half = row(picture(drawn_face(), at=(-50, 40)), faces((-50, 40, 112)))
    whole = row(picture(drawn_face()), faces((60, 40, 112)))
    assert half["exposure"] == 1
    assert half["framing"] == pytest.approx((92 - 50) / 72, abs=0.01)
    assert half["sharpness"] == pytest.approx(whole["sharpness"], abs=0.2)
    assert half["quality"] < whole["quality"]
    away = row(picture(drawn_face()), faces((-300, 40, 112)))
    assert np.isnan(away["quality"])
    assert away["framing"] == 0


def test_a_box_that_ends_at_the_edge_does_not_hide_that_the_face_goes_on() -> None:
    """Detectors draw the box around what they see; the landmarks say where the rest would be."""
    cut = faces((-50, 40, 112))
    seen = Faces.of(np.maximum(cut.boxes, 0), landmarks=cut.landmarks)
    framing = row(picture(drawn_face(), at=(-50, 40)), seen)["framing"]
    assert framing == pytest.approx(row(picture(drawn_face(), at=(-50, 40)), cut)["framing"], abs=0.06)
    assert framing < 0.65


def test_a_face_behind_a_larger_one_loses_framing() -> None:
    """The smaller of two overlapping boxes; with only one of them it has all."""
    two = judge(picture(drawn_face()), faces((60, 40, 112), (110, 60, 60)))
    framing = two.column("quality_framing")
    assert framing[0] == 1
    assert framing[1] < 0.9


def outlined(polygon: Sequence[tuple[float, float]]) -> Meshes:
    """A mesh of which only the outline is true: along a polygon in pixels of the frame."""
    corners = np.array([*polygon, polygon[0]])
    steps = np.linspace(0, len(polygon), len(FACE_OVAL), endpoint=False)
    points = np.zeros((1, MESH_POINTS, 3))
    for axis in (0, 1):
        points[0, list(FACE_OVAL), axis] = np.interp(steps, np.arange(len(corners)), corners[:, axis])
    return Meshes.of(points)


def test_with_a_mesh_the_face_ends_at_its_outline() -> None:
    """A hood within the ellipse, white beside the mesh, counts without a mesh and not with it."""
    face = drawn_face()
    face[:, :33] = 255
    frame, found = picture(face), faces((60, 40, 112))
    mesh = outlined([(98, 70), (150, 70), (150, 145), (98, 145)])
    assert row(frame, found)["exposure"] < 0.97
    assert row(frame, found, mesh=mesh)["exposure"] == 1
    assert row(frame, found, mesh=Meshes.none(1)) == pytest.approx(row(frame, found), nan_ok=True)


@given(
    points=st.lists(st.floats(-1e5, 1e5, width=32), min_size=10, max_size=10),
    scale=st.sampled_from([1e-6, 1e-3, 1, 1000]),
)
def test_wild_landmarks_give_a_number_or_nothing(points: list[float], scale: float) -> None:
    """Whatever a detector says: every measure lies in [0, 1] or is NaN, and nothing fails or warns."""
    marks = np.array(points, np.float32).reshape(1, 5, 2) * np.float32(scale)
    found = Faces.of([(10, 10, 90, 110)], landmarks=marks)
    values = RecognizeQuality().process(FRAME, found).values
    assert (np.isnan(values) | ((values >= 0) & (values <= 1))).all()


def test_landmarks_of_no_possible_face_are_not_judged() -> None:
    """All within a pixel, or farther apart than any frame: empty, where a crop could not even be cut."""
    marks = np.stack([POINTS / 100, POINTS * 1e7])
    found = Faces.of([(10, 10, 90, 110)] * 2, landmarks=marks)
    assert np.isnan(judge(picture(drawn_face()), found).values).all()


def test_a_frame_without_faces_has_no_rows() -> None:
    """But the columns, so that a table knows them."""
    value = judge(picture(drawn_face()), Faces.none(), mesh=Meshes.none(), pose=Poses.none())
    assert (len(value), value.kinds) == (0, KINDS)


def test_skipped_neighbours_and_wrong_rows() -> None:
    """A value without rows measured nobody; another number of rows is refused by name."""
    frame, found = picture(drawn_face()), faces((60, 40, 112))
    plain = row(frame, found)
    skipped = {"pose": Poses.none(), "mesh": Meshes.none(), "embeddings": Embeddings.none(4)}
    assert row(frame, found, **skipped) == pytest.approx(plain, nan_ok=True)
    wrong: dict[str, Any] = {"pose": Poses.none(2), "embeddings": of_chance(0.1, 0.2)}
    for name, value in wrong.items():
        with pytest.raises(UsageError, match=f"{name} has 2 rows for 1 faces"):
            RecognizeQuality().process(frame, found, **{name: value})
