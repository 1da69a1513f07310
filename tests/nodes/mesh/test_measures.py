"""mesh.measures on streams of mean faces whose parts were moved by known amounts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from vidface.data import Faces, Frame
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.nodes.mesh.measures import KINDS, MeshMeasures
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT

MEAN = MeshModel.load(weights.verify("vidface-meshmodel").path).mean.astype(np.float64)
SCALE = 60.0
IRISES = [*IRIS_LEFT, *IRIS_RIGHT]


def lids(left: float = 1.0, right: float = 1.0) -> Any:
    """The mean face with each eye open to this share of its usual opening."""
    shape = MEAN.copy()
    for ring, share in ((EYE_LEFT, left), (EYE_RIGHT, right)):
        for place in range(1, 8):
            low = MEAN[ring[16 - place]]
            shape[ring[place]] = low + share * (MEAN[ring[place]] - low)
    return shape


def with_points(points: Any, by: tuple[float, float, float]) -> Any:
    shape = MEAN.copy()
    shape[list(points)] += by
    return shape


def run(
    shapes: Sequence[Any],
    *,
    fps: int = 25,
    tracks: Sequence[int] | None = None,
    segments: Any = (),
    **fields: Any,
) -> list[Measures]:
    """One frontal face a frame, `shapes` one after the other; None where it was not measured."""
    pixels: Any = None
    frames = [Frame(i, i, Fraction(1, fps), pixels) for i in range(len(shapes))]
    rows = [
        np.full_like(MEAN, np.nan) if shape is None else shape * SCALE + (300, 200, 0) for shape in shapes
    ]
    numbers = tracks or [1] * len(shapes)
    faces = [Faces.of([[0, 0, 9, 9]], tracks=np.array([number])) for number in numbers]
    straight = Poses(
        np.zeros((1, 3), np.float32),
        np.zeros((1, 2), np.float32),
        np.array([SCALE], np.float32),
        np.zeros(1, np.float32),
    )
    poses = [Poses.none(1) if shape is None else straight for shape in shapes]
    with NodeHarness(MeshMeasures(**fields)) as harness:
        found: list[Measures] = harness.run(
            frame=frames, faces=faces, mesh=[Meshes.of(row) for row in rows], pose=poses, segments=segments
        )
    return found


def column(found: list[Measures], name: str) -> list[float]:
    return [float(measures.column(name)[0]) for measures in found]


def blink(frames: int, *, before: int = 10, after: int = 10) -> list[Any]:
    return [lids()] * before + [lids(0.1, 0.1)] * frames + [lids()] * after


def test_every_column_is_described() -> None:
    """A name, a unit and one sentence each, no name twice."""
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.unit and kind.meaning.endswith(".") for kind in KINDS)
    assert all(kind.name in (MeshMeasures.__doc__ or "") for kind in KINDS)


def test_the_mean_face_is_zero_where_zero_means_it() -> None:
    found = run([MEAN])
    for name in ("smile", "brow_raise_left", "brow_raise_right", "gaze_yaw", "gaze_pitch", "blink_left"):
        assert column(found, name)[0] == pytest.approx(0, abs=1e-3), name
    assert column(found, "interocular_px")[0] == pytest.approx(SCALE, rel=1e-3)


def test_a_wink_shuts_one_eye() -> None:
    """The person's left one, and it is no blink of both."""
    found = run([lids()] * 5 + [lids(left=0.1)] * 4 + [lids()] * 5)
    assert column(found, "blink_left") == [0] * 5 + [1] * 4 + [0] * 5
    assert column(found, "blink_right") == [0] * 14
    assert column(found, "blink_count")[-1] == 0


@pytest.mark.parametrize("fps", [15, 25, 60])
def test_blinks_are_counted_whatever_the_frame_rate(fps: int) -> None:
    """Three blinks of 0.2 s with a second between them."""
    one = [lids(0.1, 0.1)] * round(0.2 * fps) + [lids()] * fps
    counts = column(run([lids()] * fps + one * 3, fps=fps), "blink_count")
    assert counts[-1] == 3
    assert (np.diff(counts) >= 0).all()


def test_long_closed_eyes_are_no_blink() -> None:
    """Shut for a second: blink_left and blink_right say so all the time, blink_count does not rise."""
    found = run(blink(25))
    assert column(found, "blink_left")[10:35] == [1] * 25
    assert column(found, "blink_count")[-1] == 0
    assert column(run(blink(25), longest_blink_s=2), "blink_count")[-1] == 1


def test_a_half_open_eye_between_the_limits_keeps_its_state() -> None:
    """Hysteresis: 0.58 of the usual opening is open after open and shut after shut."""
    found = run([lids()] * 50 + [lids(0.58, 0.58)] * 3 + [lids(0.1, 0.1)] * 3 + [lids(0.58, 0.58)] * 3)
    assert column(found, "blink_left") == [0] * 53 + [1] * 6


@pytest.mark.parametrize("share", [0.3, 0.45])
def test_narrow_eyes_are_learned(share: float) -> None:
    """Eyes that are never open further than this are open within 2 s, and then they blink."""
    narrow = [lids(share, share)] * 75
    found = run([*narrow, *[lids(0.05, 0.05)] * 4, *narrow])
    assert column(found, "blink_left")[50:] == [0] * 25 + [1] * 4 + [0] * 75
    assert column(found, "blink_count")[-1] - column(found, "blink_count")[50] == 1


def test_eyes_shut_for_long_stay_shut() -> None:
    """Five seconds do not make them narrow ones."""
    found = run([*[lids()] * 100, *[lids(0.1, 0.1)] * 125, *[lids()] * 5])
    assert column(found, "blink_left") == [0] * 100 + [1] * 125 + [0] * 5


def test_tracks_do_not_share_their_blinks() -> None:
    """A new track starts from nothing."""
    shapes = blink(4) + blink(4)
    counts = column(run(shapes, tracks=[1] * 24 + [2] * 24), "blink_count")
    assert (counts[23], counts[24], counts[47]) == (1, 0, 1)


def test_a_cut_starts_anew() -> None:
    counts = column(run(blink(4) + blink(4), segments=[24]), "blink_count")
    assert (counts[23], counts[24], counts[47]) == (1, 0, 1)


def test_faces_without_a_track_are_measured_too() -> None:
    """Eyes shut are seen, counts are not kept."""
    found = run(blink(4), tracks=[-1] * 24)
    assert column(found, "blink_right")[10:14] == [1] * 4
    assert np.isnan(column(found, "blink_count")).all()


def test_gaze_has_the_signs_of_the_pose() -> None:
    """Irises to the viewer's right: positive yaw. Irises up: positive pitch. Some degrees each."""
    right, up = run([with_points(IRISES, (0.04, 0, 0)), with_points(IRISES, (0, -0.02, 0))])
    assert 10 < right.column("gaze_yaw")[0] < 20
    assert right.column("gaze_pitch")[0] == pytest.approx(0, abs=1e-2)
    assert 8 < up.column("gaze_pitch")[0] < 20
    assert up.column("gaze_yaw")[0] == pytest.approx(0, abs=1e-2)


def test_shut_eyes_have_no_gaze() -> None:
    """Unknown while both are shut, known while one is."""
    both, one = run([lids(0, 0)])[0], run([lids(0, 1)])[0]
    assert np.isnan([both.column("gaze_yaw")[0], both.column("gaze_pitch")[0]]).all()
    assert np.isfinite(one.column("gaze_yaw")[0])


def test_smile_and_brows_answer_to_their_points() -> None:
    smiling = MEAN.copy()
    smiling[[61, 291]] += [(-0.05, -0.08, 0), (0.05, -0.08, 0)]
    found = run([smiling, with_points((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (0, -0.1, 0))])
    assert found[0].column("smile")[0] == pytest.approx(0.13, abs=0.005)
    assert found[1].column("brow_raise_right")[0] == pytest.approx(0.1, abs=1e-3)
    assert found[1].column("brow_raise_left")[0] == pytest.approx(0, abs=1e-3)


def test_rows_that_were_not_measured_are_unknown_and_change_nothing() -> None:
    """A gap inside a shut phase: NaN there, one blink in all."""
    shapes = [*blink(3, after=0), None, None, lids(0.1, 0.1), *[lids()] * 5]
    found = run(shapes)
    assert np.isnan(found[13].values).all()
    assert np.isnan(found[14].values).all()
    assert column(found, "blink_count")[-1] == 1


def test_no_faces_give_no_rows() -> None:
    pixels: Any = None
    with NodeHarness(MeshMeasures()) as harness:
        (found,) = harness.run(
            frame=[Frame(0, 0, Fraction(1, 25), pixels)],
            faces=[Faces.none()],
            mesh=[Meshes.none()],
            pose=[Poses.none()],
        )
    assert found.kinds == KINDS
    assert len(found) == 0


def test_opens_below_shuts_is_refused() -> None:
    with pytest.raises(ValidationError, match="opens must not be below shuts"):
        MeshMeasures(shuts=0.6, opens=0.5)


@pytest.mark.parametrize(("meshes", "poses", "rows"), [(2, 0, 2), (0, 2, 0), (0, 1, 0), (0, 0, 0)])
def test_what_was_left_out_makes_rows_that_are_not_measured(meshes: int, poses: int, rows: int) -> None:
    """A camera that cannot keep pace turns mesh or pose off: values without rows."""
    pixels: Any = None
    shapes = np.stack([MEAN * SCALE] * 2)
    (found,) = NodeHarness(MeshMeasures()).run(
        frame=[Frame(0, 0, Fraction(1, 25), pixels)],
        faces=[Faces.of([[0, 0, 9, 9]] * max(meshes, poses))],
        mesh=[Meshes.of(shapes) if meshes else Meshes.none()],
        pose=[Poses.none(poses)],
    )
    assert len(found) == rows
    assert np.isnan(found.values).all()


def test_meshes_of_other_faces_are_refused() -> None:
    pixels: Any = None
    with pytest.raises(UsageError, match="pose has 3 rows for 2 faces"):
        NodeHarness(MeshMeasures()).run(
            frame=[Frame(0, 0, Fraction(1, 25), pixels)],
            faces=[Faces.of([[0, 0, 9, 9]] * 2)],
            mesh=[Meshes.none(2)],
            pose=[Poses.none(3)],
        )
