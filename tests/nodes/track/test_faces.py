"""track.faces keeps people apart, keeps their numbers, and fills holes truthfully."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.nodes.track._stage import (
    SIZE,
    box_on,
    faces_of,
    frames_at,
    going,
    numbers,
    row_near,
    run,
    same,
    seen,
    segment,
    steady,
    tracks_of,
    unit,
)
from vidface.data import Device, Embeddings, Faces
from vidface.nodes.track.faces import TrackFaces

LOOK_AHEADS = (0, 12)


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_two_who_cross_keep_their_numbers(look_ahead: int) -> None:
    """They pass through each other; for 0.3 s only the nearer one is seen."""
    right = going(200, 300, 100, vx=200)
    left = going(1000, 310, 80, vx=-200, unseen=(1.85, 2.15))
    times = steady(4)
    values = run(TrackFaces(look_ahead=look_ahead), times, seen(times, [right, left]))
    assert len(tracks_of(values, times, right)) == 1
    assert numbers(values) == {1, 2}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_a_missed_second_keeps_the_number_and_has_no_rows(look_ahead: int, every: int) -> None:
    """A walking face is not seen from 1.5 to 2.5 s; the hole is longer than what is filled."""
    walk = going(200, 300, 90, vx=80, unseen=(1.5, 2.5))
    times = steady(4)
    values = run(TrackFaces(look_ahead=look_ahead), times, seen(times, [walk], every=every))
    assert numbers(values) == {1}
    assert all(len(value) == 0 for value, t in zip(values, times, strict=True) if 1.85 < t < 2.45)
    assert len(values[-4]) == 1


@pytest.mark.parametrize("every", [1, 3, 5])
def test_who_walks_past_is_followed_from_the_first_look_on(every: int) -> None:
    """Eight face sizes a second, seen weakly and with errors: one number, and a row on every frame."""
    rng, times, found = np.random.default_rng(1), steady(2), []
    for i in range(len(times)):
        x = 40 + 8 * 60 * i / 25 + rng.normal(0, 1.5)
        one = faces_of([(x, 300 + rng.normal(0, 1.5), 60 + rng.normal(0, 1.5))], score=0.7)
        found.append(Faces.none(looked=False) if i % every else one)
    values = run(TrackFaces(), times, found)
    assert numbers(values) == {1}
    assert all(len(value) == 1 for value in values)


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
@pytest.mark.parametrize(("rate_hz", "every"), [(5, 3), (15, 10), (25, 25)])
def test_where_looks_are_rare_the_rows_in_between_stay(look_ahead: int, rate_hz: int, every: int) -> None:
    """More than `interpolate_s` from look to look, and nobody missed the face: it is there throughout."""
    walk, times = going(200, 300, 90, vx=40), steady(6, rate_hz)
    values = run(TrackFaces(look_ahead=look_ahead), times, seen(times, [walk], every=every))
    assert numbers(values) == {1}
    assert all(len(value) == 1 for value in values[every:])
    none = run(TrackFaces(look_ahead=look_ahead, interpolate_s=0), times, seen(times, [walk], every=every))
    assert {len(value) for i, value in enumerate(none) if i % every} == {0}


def test_a_camera_of_a_frame_in_ten_seconds_fills_no_such_hole() -> None:
    """Nobody knows where somebody was for so long."""
    times = [Fraction(5 * i) for i in range(8)]
    values = run(TrackFaces(), times, seen(times, [going(300, 300, 90)], every=2))
    assert [len(value) for value in values] == [1, 0] * 4


def test_longer_than_max_gap_is_a_new_number() -> None:
    path = going(300, 300, 90, unseen=(1, 2))
    times = steady(3)
    assert numbers(run(TrackFaces(max_gap_s=0.5), times, seen(times, [path]))) == {1, 2}
    assert numbers(run(TrackFaces(max_gap_s=1.5), times, seen(times, [path]))) == {1}


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
@pytest.mark.parametrize("wait_s", [2, 5, 60])
def test_looks_farther_apart_than_max_gap_are_linked(look_ahead: int, wait_s: int) -> None:
    """A slow camera: two faces that hardly move; one that misses a look was away for longer than allowed."""
    times = [Fraction(wait_s * i) for i in range(12)]
    places = [(300 + 5 * (i % 3), 300, 90) for i in range(12)]
    found = [faces_of([place, (900, 400, 90)] if i != 6 else [place]) for i, place in enumerate(places)]
    values = run(TrackFaces(look_ahead=look_ahead), times, found)
    assert all(value.tracks.tolist()[:1] == [1] for value in values[1:])
    assert [value.tracks.tolist()[1:] for value in values[8:]] == [[3]] * 4
    moved = [faces_of([(300 + 400 * i, 300, 90)], score=0.95) for i in range(3)]
    assert numbers(run(TrackFaces(look_ahead=look_ahead), times[:3], moved)) == {1, 2, 3}


def test_a_hole_is_filled_on_the_straight_line() -> None:
    """Linear motion and growth: interpolated boxes and landmarks are exact, and marked."""
    path = going(200, 300, 80, vx=100, vy=-20, grow=10)
    times = steady(3)
    found = seen(times, [path])
    gaps = set(range(20, 28)) | {40}
    holed = [Faces.none() if i in gaps else value for i, value in enumerate(found)]
    values = run(TrackFaces(), times, holed)
    for i, (value, time) in enumerate(zip(values, times, strict=True)):
        assert value.interpolated.tolist() == [i in gaps]
        np.testing.assert_allclose(value.boxes[0], box_on(path, time), atol=1e-3)
        np.testing.assert_allclose(value.landmarks, found[i].landmarks, atol=1e-3)
        assert value.scores[0] == np.float32(0.8)


def test_cadence_is_filled_between_looks() -> None:
    """The detector looks at every third frame; every frame has the face, exactly on its way."""
    path = going(200, 300, 80, vx=150)
    times = steady(3, 24)
    values = run(TrackFaces(), times, seen(times, [path], every=3))
    for i, (value, time) in enumerate(zip(values[:-2], times, strict=False)):
        assert value.interpolated.tolist() == [i % 3 != 0]
        assert value.looked == (i % 3 == 0)
        np.testing.assert_allclose(value.boxes[0], box_on(path, time), atol=1e-3)


def test_cadence_without_look_ahead_is_predicted() -> None:
    """Once the motion is known, predictions between looks lie within 5 % of a face."""
    path = going(200, 300, 80, vx=120)
    times = steady(3, 24)
    values = run(TrackFaces(look_ahead=0), times, seen(times, [path], every=3))
    for i in range(24, len(times)):
        assert values[i].interpolated.tolist() == [i % 3 != 0]
        np.testing.assert_allclose(values[i].boxes[0], box_on(path, times[i]), atol=4)


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_who_walks_out_has_no_rows_outside(look_ahead: int) -> None:
    """Off to the right at 2.2 s; the row ends with the picture and never lies beyond it."""
    out = going(840, 300, 80, vx=200, unseen=(2.19, 9))
    times = steady(4)
    values = run(TrackFaces(look_ahead=look_ahead), times, seen(times, [out]))
    for value, time in zip(values, times, strict=True):
        assert len(value) <= 1
        assert (value.boxes[:, 0] + value.boxes[:, 2] < 2 * SIZE[0]).all()
        assert time < 2.4 or len(value) == 0


def test_look_ahead_gives_no_rows_after_the_last_sighting() -> None:
    """Who vanishes in mid-picture is not drawn on: the future says that nothing follows."""
    gone = going(300, 300, 80, unseen=(0.97, 9))
    times = steady(3)
    values = run(TrackFaces(), times, seen(times, [gone]))
    assert [len(value) for value in values] == [1] * 25 + [0] * 50


def test_a_birth_is_dated_back() -> None:
    """A face with an ordinary score needs two looks, yet has its row from the first."""
    times = steady(1)
    found = seen(times, [going(300, 300, 80, unseen=(-1, 0.3))])
    first = next(i for i, value in enumerate(found) if len(value))
    values = run(TrackFaces(), times, found)
    assert [len(v) for v in values] == [len(f) for f in found]
    values = run(TrackFaces(look_ahead=0), times, found)
    assert (len(values[first]), len(values[first + 1])) == (0, 1)


def test_a_sure_face_is_a_track_at_once() -> None:
    times = steady(0.2)
    found = [faces_of([(300, 300, 80)], score=0.95)] * len(times)
    assert [len(value) for value in run(TrackFaces(look_ahead=0), times, found)] == [1] * len(times)


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_a_single_false_alarm_is_dropped(look_ahead: int) -> None:
    """And takes no number."""
    times = steady(2)
    found = seen(times, [going(300, 300, 80)])
    found[20] = faces_of([(300, 300, 80), (900, 500, 60)])
    values = run(TrackFaces(look_ahead=look_ahead), times, found)
    assert numbers(values) == {1}


def test_a_weak_detection_prolongs_but_does_not_begin() -> None:
    times = steady(2)
    weak = [faces_of([(300, 300, 80)], score=0.3)] * len(times)
    assert numbers(run(TrackFaces(), times, weak)) == set()
    mixed = [faces_of([(300, 300, 80)])] * 5 + list(weak[5:])
    values = run(TrackFaces(), times, mixed)
    assert not any(value.interpolated.any() for value in values)
    assert all(len(value) == 1 for value in values)


def test_a_picture_shows_its_faces() -> None:
    """A stream of one frame: nobody can be seen twice, everybody is believed."""
    values = run(TrackFaces(), steady(0.04), [faces_of([(300, 300, 80), (600, 300, 90)])])
    assert values[0].tracks.tolist() == [1, 2]


def test_reset_begins_new_tracks_under_new_numbers() -> None:
    """The same people after a cut count on; a new `open` counts from 1."""
    node, times = TrackFaces(), steady(1)
    frames, found = frames_at(times), seen(times, [going(300, 300, 80), going(700, 300, 80)])
    for _ in range(2):
        node.open(Device())
        before, after = segment(node, frames[:12], found[:12]), segment(node, frames[12:], found[12:])
        assert numbers(before) == {1, 2}
        assert numbers(after) == {3, 4}
        node.close()


@pytest.mark.parametrize("rate_hz", [10, 15, 30, 60])
def test_time_counts_not_frames(rate_hz: int) -> None:
    """The same motion at other frame rates: the same people, and the same hole is bridged."""
    one = going(300, 300, 80, vx=150, unseen=(1.0, 1.9))
    two = going(900, 330, 90, vx=-150)
    times = steady(4, rate_hz)
    values = run(TrackFaces(), times, seen(times, [one, two]))
    assert numbers(values) == {1, 2}
    assert len(tracks_of(values, times, two)) == 1


@settings(max_examples=20)
@given(st.lists(st.integers(8, 120), min_size=60, max_size=60))
def test_uneven_frame_times(steps_ms: list[int]) -> None:
    """Variable frame rate: two people who pass each other are two tracks, and holes are filled by time."""
    times = [Fraction(sum(steps_ms[:i]), 1000) for i in range(len(steps_ms))]
    one = going(200, 300, 80, vx=90)
    two = going(800, 420, 80, vx=-90)
    found = seen(times, [one, two])
    found[30] = Faces.none()
    values = run(TrackFaces(), times, found)
    assert numbers(values) == {1, 2}
    want = sorted(box_on(path, times[30]).tolist() for path in (one, two))
    np.testing.assert_allclose(sorted(values[30].boxes.tolist()), want, atol=1e-2)


@settings(max_examples=20)
@given(st.floats(0.25, 4), st.floats(0, 800), st.sampled_from(LOOK_AHEADS))
def test_scale_and_place_do_not_matter(scale: float, shift: float, look_ahead: int) -> None:
    """A picture scaled or moved has the same tracks, scaled or moved."""
    times, rng = steady(2), np.random.default_rng(3)
    wobble = rng.normal(0, 3, (len(times), 2, 3))
    missed = rng.uniform(size=(len(times), 2)) < 0.2

    def stream(factor: float, offset: float) -> list[Faces]:
        found = []
        for i, time in enumerate(times):
            ways = [(500 + 100 * float(time), 500, 80), (800 - 100 * float(time), 560, 90)]
            places = [
                tuple(np.add(way, wobble[i, k]) * factor) for k, way in enumerate(ways) if not missed[i, k]
            ]
            found.append(faces_of([(x + offset, y + offset, side) for x, y, side in places]))
        return found

    def tracked(factor: float, offset: float) -> list[Faces]:
        node = TrackFaces(look_ahead=look_ahead)
        node.open(Device())
        return segment(node, frames_at(times, (6000, 6000)), stream(factor, offset))

    for plain, changed in zip(tracked(1, 0), tracked(scale, shift), strict=True):
        assert plain.tracks.tolist() == changed.tracks.tolist()
        assert plain.interpolated.tolist() == changed.interpolated.tolist()
        np.testing.assert_allclose(changed.boxes, plain.boxes * scale + shift, rtol=1e-3, atol=0.05)


def test_looks_decide_where_motion_cannot() -> None:
    """Two people change places while out of sight for a second; with embeddings each keeps the number."""
    times = steady(3)
    vectors = {1: unit(1, 0, 0.1), 2: unit(0, 1, 0.1)}
    found, looks = [], []
    for time in times:
        if 1 < time < 2:
            found.append(Faces.none())
            looks.append(Embeddings.none(3))
            continue
        order = (1, 2) if time <= 1 else (2, 1)
        found.append(faces_of([(400, 300, 80), (520, 300, 80)]))
        looks.append(Embeddings.of(np.stack([vectors[k] for k in order])))
    blind = run(TrackFaces(), times, found)
    assert blind[-1].tracks[row_near(blind[-1], 400, 300)] == 1
    values = run(TrackFaces(), times, found, looks)
    assert numbers(values) == {1, 2}
    assert values[-1].tracks[row_near(values[-1], 400, 300)] == 2
    assert same(run(TrackFaces(appearance_weight=0), times, found, looks), blind)


def test_embeddings_that_are_not_measured_do_no_harm() -> None:
    """Rows of zeros, and frames that nobody looked at, which carry none."""
    times = steady(2, 24)
    found = seen(times, [going(300, 300, 80), going(500, 300, 80)], every=3)
    looks = [Embeddings.of(np.zeros((2, 4), np.float32)) if f.looked else Embeddings.none() for f in found]
    assert same(run(TrackFaces(), times, found, looks), run(TrackFaces(), times, found))


def test_embeddings_may_be_left_out_for_a_while() -> None:
    """A camera that cannot keep pace turns the embedder off: values without rows, and tracks go on."""
    times = steady(2)
    found = seen(times, [going(300, 300, 80), going(500, 300, 80)])
    known = Embeddings.of(np.eye(2, 3, dtype=np.float32))
    looks = [Embeddings.none() if 10 <= i < 30 else known for i in range(len(times))]
    assert numbers(run(TrackFaces(), times, found, looks)) == {1, 2}


def test_embeddings_of_other_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="frame 0 has 1 faces and 2 embeddings"):
        run(
            TrackFaces(),
            steady(0.04),
            [faces_of([(300, 300, 80)])],
            [Embeddings.of(np.eye(2, 3, dtype=np.float32))],
        )


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_fifty_faces_with_misses(look_ahead: int) -> None:
    """A grid of fifty who sway, each missed at a fifth of the looks: fifty numbers, sound rows."""
    times, rng = steady(3), np.random.default_rng(8)
    found = []
    for time in times:
        sway = 15 * np.sin(3 * float(time))
        places = [(60 + 125 * (k % 10) + sway, 70 + 140 * (k // 10), 50.0) for k in range(50)]
        found.append(faces_of([p for p in places if rng.uniform() > 0.2]))
    values = run(TrackFaces(look_ahead=look_ahead), times, found)
    assert len(numbers(values)) == 50
    assert same(values, run(TrackFaces(look_ahead=look_ahead), times, found))
    for value in values:
        assert len(set(value.tracks.tolist())) == len(value)
        assert value.tracks.tolist() == sorted(value.tracks.tolist())
        assert np.isfinite(value.boxes).all()
        assert np.isfinite(value.landmarks).all()
        assert (value.boxes[:, 2:] > value.boxes[:, :2]).all()
    assert all(len(value) == 50 for value in values[5:-5]) or look_ahead == 0


def test_detected_rows_are_those_of_the_detector() -> None:
    """What was seen is passed on untouched; only the order and the number are new."""
    times, rng = steady(2), np.random.default_rng(5)
    found = [faces_of([(300 + rng.normal(0, 4), 300, 80), (700, 300, 80)]) for _ in times]
    for value, faces in zip(run(TrackFaces(), times, found), found, strict=True):
        order = np.argsort(value.boxes[:, 0])
        np.testing.assert_array_equal(value.boxes[order], faces.boxes)
        np.testing.assert_array_equal(value.landmarks[order], faces.landmarks)


@pytest.mark.parametrize("found", [Faces.none(), Faces.none(looked=False)])
def test_nobody_at_all(found: Faces) -> None:
    """Empty in, empty out; `looked` is passed on."""
    for value in run(TrackFaces(), steady(1), [found] * 25):
        assert len(value) == 0
        assert value.looked == found.looked


def test_unknown_landmarks_and_flat_boxes_are_survived() -> None:
    """NaN landmarks, a box without area, the same time twice."""
    times = [*steady(0.4), *[steady(0.4)[-1]] * 3]
    found = [Faces.of([[300, 300, 380, 380], [600, 300, 600, 300]])] * len(times)
    for value in run(TrackFaces(), times, found):
        assert np.isfinite(value.boxes).all()


def test_memory_does_not_grow_with_the_stream() -> None:
    """After a thousand frames on which a new face came every second, only those near the end are kept."""
    times = steady(40)
    found = [faces_of([(100 + 997 * int(t) % 1000, 100 + 331 * int(t) % 500, 60)]) for t in times]
    node = TrackFaces()
    run(node, times, found)
    kept = node._trails._trails
    assert len(kept) <= 4
    assert sum(len(trail.sightings) for trail in kept.values()) <= 4 + node.look_ahead


@pytest.mark.parametrize("wrong", [{"look_ahead": -1}, {"birth_score": 2}, {"max_gap_s": -1}, {"gap": 1}])
def test_parameters_are_bounded(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TrackFaces(**wrong)


def test_a_post_that_passes_before_a_face_does_not_part_it() -> None:
    """The detector frames first the left part, then nothing, then the right part, then the face again."""
    before = [[145 + 2 * i, 159 + i, 220 + 2 * i, 253] for i in range(-12, 6)]
    behind = [[158, 167, 217, 251], [161, 171, 209, 251], [162, 181, 196, 236], None, [195, 179, 236, 246]]
    after = [[185, 175, 236, 252], *[[179 + 2 * i, 177 + i, 237 + 2 * i, 251] for i in range(10)]]
    found = [
        Faces.none() if box is None else Faces.of([box], scores=[0.85]) for box in (*before, *behind, *after)
    ]
    values = run(TrackFaces(), steady(len(found) / 25), found)
    assert numbers(values) == {1}
    assert len(values[-1]) == 1
