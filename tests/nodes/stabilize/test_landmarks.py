"""stabilize.landmarks: tracks, meshes, gaps, and what passes as it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.stabilize.landmarks import StabilizeLandmarks, Steady

SHAPE = np.array([(30, 40), (70, 40), (50, 60), (35, 80), (65, 80)], float)


def frames(times: Any) -> list[Frame]:
    """Frames at these times, in seconds."""
    blank = frame_from_rgb(np.zeros((4, 4, 3), np.uint8), 0)
    return [
        replace(blank, index=i, pts=round(float(t) * 90000), time_base=Fraction(1, 90000))
        for i, t in enumerate(times)
    ]


def trembling(count: int, *, seed: int = 1, tracks: tuple[int, ...] = (1,), **more: Any) -> list[Faces]:
    """Still faces of 100 pixels whose landmarks and boxes are off by half a pixel."""
    rng = np.random.default_rng(seed)
    k = len(tracks)
    places = 300 * np.arange(k)[:, None, None]
    return [
        Faces.of(
            (np.array([0, 0, 100, 100]) + places[:, 0]) + rng.normal(0, 0.5, (k, 4)),
            landmarks=SHAPE + places + rng.normal(0, 0.5, (k, 5, 2)),
            tracks=tracks,
            **more,
        )
        for _ in range(count)
    ]


def run(
    faces: list[Faces], *, times: Any = None, segments: Any = (), mesh: Any = None, **fields: Any
) -> list[Steady]:
    """The node over a stream at 25 frames a second or at the given times."""
    stamps = np.arange(len(faces)) / 25 if times is None else times
    ports: dict[str, Any] = {"frame": frames(stamps), "faces": faces} | (
        {} if mesh is None else {"mesh": mesh}
    )
    with NodeHarness(StabilizeLandmarks(**fields)) as harness:
        return [Steady(*value) for value in harness.run(segments=segments, **ports)]


def jitter(values: list[Any]) -> float:
    """Standard deviation of the change from frame to frame, after the first second."""
    return float(np.diff(np.stack(values)[25:], axis=0).std())


def test_a_still_face_is_held_calmer() -> None:
    """Landmarks and boxes: less than half the jitter, and no shift; everything else as it was."""
    given = trembling(100)
    steady = run(given)
    for name in ("landmarks", "boxes"):
        before = [getattr(faces, name) for faces in given]
        after = [getattr(value.faces, name) for value in steady]
        assert jitter(after) < 0.5 * jitter(before)
        assert abs(np.mean(after[25:]) - np.mean(before[25:])) < 0.1
    for faces, value in zip(given, steady, strict=True):
        assert np.array_equal(value.faces.scores, faces.scores)
        assert np.array_equal(value.faces.tracks, faces.tracks)
        assert len(value.mesh) == len(faces)
        assert not value.mesh.known.any()


def test_boxes_may_stay() -> None:
    """boxes=False filters landmarks only."""
    given = trembling(10)
    for faces, value in zip(given, run(given, boxes=False), strict=True):
        assert np.array_equal(value.faces.boxes, faces.boxes)


def test_meshes_are_filtered_where_they_are_wired_in() -> None:
    """x, y and z; presence and blendshapes pass; an unmeasured row stays unmeasured."""
    rng = np.random.default_rng(5)
    base = rng.normal(50, 20, (1, 478, 3))
    mesh = [Meshes.of(base + rng.normal(0, 0.5, base.shape), presence=[0.9]) for _ in range(80)]
    mesh[40] = Meshes.none(1)
    steady = run(trembling(80), mesh=mesh)
    assert not steady[40].mesh.known.any()
    kept = [i for i in range(80) if i != 40]
    after = np.stack([steady[i].mesh.points for i in kept])
    before = np.stack([mesh[i].points for i in kept])
    assert np.diff(after[45:], axis=0).std() < 0.5 * np.diff(before[45:], axis=0).std()
    assert steady[3].mesh.presence.tolist() == pytest.approx([0.9])


def test_tracks_do_not_mix_when_rows_change_places() -> None:
    """Two tracks in one order, then in the other: each goes on from its own place."""
    given = [faces.pick([1, 0]) if i % 2 else faces for i, faces in enumerate(trembling(20, tracks=(1, 2)))]
    for value in run(given):
        order = np.argsort(value.faces.tracks)
        assert value.faces.boxes[order][:, 0].tolist() == pytest.approx([0, 300], abs=3)


def test_a_lost_face_goes_on_or_begins_anew() -> None:
    """Away for 0.2 s and back 50 px aside: it is drawn after; away for longer than max_gap_s: not at all."""
    given = trembling(10)
    moved = Faces.of(given[9].boxes + 50, landmarks=given[9].landmarks + 50, tracks=[1])
    short = run([*given[:5], *[Faces.none()] * 4, moved])
    assert (short[-1].faces.landmarks < moved.landmarks - 0.3).all()
    long = run([*given[:5], Faces.none(), moved], times=[*np.arange(5) / 25, 0.5, 0.9])
    assert np.array_equal(long[-1].faces.landmarks, moved.landmarks)


def test_a_cut_forgets() -> None:
    """The first frame of a new segment passes as it is."""
    given = trembling(12)
    steady = run(given, segments=(6,))
    assert np.array_equal(steady[6].faces.landmarks, given[6].landmarks)
    assert not np.array_equal(steady[7].faces.landmarks, given[7].landmarks)


def test_what_has_no_track_or_is_unknown_passes() -> None:
    """Rows before tracking, NaN landmarks, a box without area, a frame without faces."""
    loose = [Faces.of(f.boxes, landmarks=f.landmarks) for f in trembling(5)]
    blind = [Faces.of(f.boxes, tracks=[1]) for f in trembling(5)]
    flat = [Faces.of([(5, 5, 5, 9)], landmarks=f.landmarks, tracks=[1]) for f in trembling(5)]
    for given in (loose, flat):
        for faces, value in zip(given, run(given), strict=True):
            assert np.array_equal(value.faces.landmarks, faces.landmarks)
            assert np.array_equal(value.faces.boxes, faces.boxes)
    assert np.isnan([value.faces.landmarks for value in run(blind)]).all()
    assert not len(run([Faces.none(looked=False)])[0].faces)


def test_the_same_input_gives_the_same_bytes() -> None:
    """Twice over, and whatever the size of the chunks."""
    given = trembling(30, tracks=(1, 2))
    with NodeHarness(StabilizeLandmarks(), chunk=7) as harness:
        other = harness.run(frame=frames(np.arange(30) / 25), faces=given)
    for value, (faces, _) in zip(run(given), other, strict=True):
        assert value.faces.landmarks.tobytes() == faces.landmarks.tobytes()


def test_memory_is_bounded_by_the_faces_in_view() -> None:
    """Tracks that cannot go on are forgotten."""
    node = StabilizeLandmarks()
    node.reset()
    for i, frame in enumerate(frames(np.arange(100) / 25)):
        node.process(frame, trembling(1, tracks=(i + 1,))[0])
    assert len(node._tracks) <= 14


def test_a_mesh_of_other_faces_is_refused() -> None:
    """The message names the port."""
    node = StabilizeLandmarks()
    node.reset()
    with pytest.raises(UsageError, match="mesh has 2 rows for 1 faces"):
        node.process(frames([0])[0], trembling(1)[0], Meshes.none(2))


@pytest.mark.parametrize("field", [{"min_cutoff": 0}, {"beta": -1}, {"d_cutoff": 0}, {"max_gap_s": -1}])
def test_parameters_have_bounds(field: dict[str, float]) -> None:
    """Nonsense is refused before anything runs."""
    with pytest.raises(ValidationError):
        StabilizeLandmarks(**field)
