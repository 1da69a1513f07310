"""Meshes taken apart into skull, person and expression, and Motions put on another face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data.motion import Motion
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, LIPS_INNER
from vidface.vision.motionfit import Driver, Person, matrix_of, vector_of
from vidface.vision.motionput import Face, Put
from vidface.vision.rigid import angle_between, rotations_of

MODEL = MeshModel.load(Path(__file__).resolve().parents[2] / "models/vidface-meshmodel/model.npz")
RNG = np.random.default_rng(5)
WHO = RNG.normal(0, 1, (2, len(MODEL.identity))) * MODEL.identity_std


def mesh(who: Any = 0.0, expression: Any = (), angles: Any = (0, 0, 0), at: Any = (100, 90)) -> Any:
    """A made face: coefficients, yaw, pitch, roll, place; 40 pixels an eye distance."""
    shape = MODEL.mean + np.tensordot(np.broadcast_to(who, len(MODEL.identity)), MODEL.identity, 1)
    shape = shape + np.tensordot(np.asarray(expression), MODEL.expression[: len(expression)], 1)
    return ((shape @ rotations_of([angles])[0].T) * 40 + (*at, 0)).astype(np.float32)


def talk(count: int) -> Any:
    """Expressions over time whose mean is neutral."""
    made = RNG.normal(0, 1, (count, len(MODEL.expression))) * MODEL.expression_std
    return made - made.mean(axis=0)


def gap(points: Any, ring: tuple[int, ...]) -> float:
    return float(np.linalg.norm(points[ring[4], :2] - points[ring[12], :2]))


def test_vector_and_matrix_are_each_other_s_inverse_with_the_signs_of_poses() -> None:
    """A small turn is (-pitch, -yaw, roll) in radians."""
    turn = rotations_of([(2.0, 1.0, -3.0)])[0]
    assert vector_of(turn) == pytest.approx(np.radians([-1.0, -2.0, -3.0]), abs=2e-3)
    assert matrix_of(vector_of(turn)) == pytest.approx(turn, abs=1e-9)


def test_the_pose_of_a_made_face_is_found() -> None:
    """Turn within half a degree; shift in eye distances and size against the first frame."""
    driver = Driver(MODEL, [mesh(WHO[0])])
    found = driver(mesh(WHO[0], angles=(20, -10, 5), at=(140, 70)))
    assert angle_between(matrix_of(found.rotation)[None], rotations_of([(20, -10, 5)]))[0] < 0.5
    assert found.shift[:2] == pytest.approx([1.0, -0.5], abs=0.08)
    assert found.scale == pytest.approx(1, abs=0.02)


def test_the_most_neutral_of_the_first_frames_is_the_reference() -> None:
    """Not the one with the open mouth, nor the one that looks aside."""
    smile = 2 * np.eye(1, len(MODEL.expression))[0]
    first = [
        mesh(WHO[0], smile),
        mesh(WHO[0], angles=(25, 0, 0)),
        mesh(WHO[0], at=(120, 90)),
        mesh(WHO[0], -smile),
    ]
    found = Driver(MODEL, first).reference
    assert np.linalg.norm(found.rotation) < 0.05
    assert abs(found.expression[0]) < 0.5
    assert not found.shift.any()


@pytest.mark.parametrize("ahead", [0, 4])
def test_a_driver_back_in_its_reference_is_back_at_rest(ahead: int) -> None:
    """After sixty frames of talk too, by when some of its expression has turned out to be the person."""
    said = np.random.default_rng(3).normal(0, 0.5, (60, len(MODEL.expression))) * MODEL.expression_std
    rest = mesh(WHO[0], 0.3 * MODEL.expression_std)
    driver = Driver(MODEL, [rest, *(mesh(WHO[0], one, (25, 8, 2)) for one in said[:ahead])])
    began = driver.reference.expression
    for expression in said:
        driver(mesh(WHO[0], expression, (-5, 3, 0)))
    face, now = Face(MODEL, rest), driver(rest)
    shown = face.mesh(face.moved(now, driver.reference, Put()), Put())
    assert np.linalg.norm((shown - rest)[:, :2], axis=1).max() < 0.1
    assert np.linalg.norm(driver.reference.expression - began) > 0.02
    assert now.neutral == pytest.approx(driver.reference.expression)


def test_the_rest_is_seldom_taken_apart_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time costs as much as a frame of the driver itself: it is for one frame in five at most."""
    said = np.random.default_rng(3).normal(0, 0.5, (100, len(MODEL.expression))) * MODEL.expression_std
    anew: list[bool] = []
    real = Person.read

    def reading(self: Person, points: Any, *, learn: bool = True) -> Any:
        anew.append(not learn)
        return real(self, points, learn=learn)

    driver = Driver(MODEL, [mesh(WHO[0], 0.3 * MODEL.expression_std)])
    monkeypatch.setattr(Person, "read", reading)
    for expression in said:
        driver(mesh(WHO[0], expression, (-5, 3, 0)))
    assert 0 < sum(anew) <= 20
    assert len(anew) == 100 + sum(anew)


def test_the_person_is_factored_out_over_a_track() -> None:
    """Two people who do the same come to read alike, and far more so than after one frame."""
    said = talk(60)
    people = [Person(MODEL), Person(MODEL)]
    apart = []
    for expression in said:
        pair = [one.read(mesh(who, expression)).expression for one, who in zip(people, WHO, strict=True)]
        apart.append(np.linalg.norm(pair[0] - pair[1]))
    assert np.mean(apart[-20:]) < 0.6 * apart[0]


@pytest.mark.parametrize("spoken", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(6))
def test_a_face_at_rest_has_the_very_mesh_that_was_measured(seed: int, spoken: float) -> None:
    """Nothing is rounded off to the model: relative driving by its reference changes nothing.

    But for lips and lids that an expression has put through each other.
    """
    rng = np.random.default_rng(seed)
    said = spoken * rng.normal(0, 1, len(MODEL.expression)) * MODEL.expression_std
    noise = rng.normal(0, 0.5, (478, 3)).astype(np.float32)
    soft = [*LIPS_INNER, *EYE_LEFT, *EYE_RIGHT]
    noise[soft] = 0
    odd = mesh(WHO[0], said, (10, 5, 3)) + noise
    face, here = Face(MODEL, odd), Motion(expression=np.ones(5, np.float32))
    moved = face.mesh(face.moved(here, here, Put()), Put())
    same = np.setdiff1d(np.arange(478), soft if spoken else [])
    assert moved[same] == pytest.approx(odd[same], abs=0.05)
    assert face.moved(Motion.none(), here, Put()) is face.rest


def test_the_driver_s_shape_stays_with_the_driver() -> None:
    """Driven absolutely by a neutral driver of quite another shape, a face keeps its own shape."""
    driver = Driver(MODEL, [mesh(WHO[1], expression) for expression in talk(40)])
    neutral = driver(mesh(WHO[1]))
    face = Face(MODEL, mesh(WHO[0]))
    put = Put(expression="absolute", pose="absolute")
    made = face.mesh(face.moved(neutral, Motion(), put), put)
    to_own = np.linalg.norm((made - mesh(WHO[0]))[:468, :2], axis=1).mean()
    to_driver = np.linalg.norm((made - mesh(WHO[1]))[:468, :2], axis=1).mean()
    assert to_own < 0.5 * to_driver


def test_shift_is_in_eye_distances_of_the_face_that_is_driven() -> None:
    """A large face goes as many of its own eye distances as the driver of the driver's."""
    face = Face(MODEL, mesh() * np.float32(2))
    put = Put(regions=frozenset({"pose"}))
    moved = face.mesh(face.moved(Motion(shift=np.array([0.5, 0, 0])), Motion(), put), put)
    assert (moved - face.mesh(face.rest, put))[:, 0].mean() == pytest.approx(40, abs=1)


def test_a_blink_closes_the_eyes_of_a_face_with_wider_eyes() -> None:
    """The share of the opening goes over, not the way; lips region leaves the eyes alone."""
    face = Face(MODEL, mesh(WHO[0]))
    shut = MODEL.expression[:, [159, 386], 1].sum(axis=1) - MODEL.expression[:, [145, 374], 1].sum(axis=1)
    blink = Motion(expression=(0.28 * shut / (shut @ shut)).astype(np.float32))
    for region, share in (("eyes", 0.1), ("expression", 0.1), ("lips", 1)):
        put = Put(regions=frozenset({region}))  # type: ignore[arg-type]
        made = face.mesh(face.moved(blink, Motion(expression=0 * blink.expression), put), put)
        for ring in (EYE_LEFT, EYE_RIGHT):
            assert gap(made, ring) / gap(mesh(WHO[0]), ring) == pytest.approx(share, abs=0.15)


def test_lips_never_pass_through_each_other() -> None:
    """Also where the driver presses them together from a face whose mouth is open."""
    open_mouth = 1.5 * np.eye(1, len(MODEL.expression))[0]
    face = Face(MODEL, mesh(WHO[0], open_mouth))
    closed = Motion(expression=(-3 * open_mouth).astype(np.float32))
    made = face.mesh(face.moved(closed, Motion(), Put()), Put())
    upper, lower = made[[81, 82, 13, 312, 311], 1], made[[178, 87, 14, 317, 402], 1]
    assert (lower - upper > -0.3).all()


def test_openness_sliders_widen_and_close() -> None:
    """Eyes to a half, lips to twice the opening."""
    opened = np.array([1.2])
    face = Face(MODEL, mesh(0.0, opened))
    plain = face.mesh(face.rest, Put())
    made = face.mesh(face.rest, Put(eye_openness=0.5, lip_openness=1.5))
    assert gap(made, EYE_LEFT) / gap(plain, EYE_LEFT) == pytest.approx(0.5, abs=0.1)
    mouth = [(m[14] - m[13])[1] for m in (made, plain)]
    assert mouth[0] / mouth[1] == pytest.approx(1.5, abs=0.25)


def test_gaze_goes_over_and_not_with_lips_alone() -> None:
    """A look aside moves the iris by that share of the face's own eye."""
    face = Face(MODEL, mesh())
    look = Motion(gaze=np.array([[0.15, 0], [0.15, 0]], np.float32))
    width = float(np.linalg.norm((mesh()[33] - mesh()[133])[:2]))
    for regions, way in (("all", 0.15 * width), ("lips", 0)):
        put = Put(regions=frozenset({regions}))  # type: ignore[arg-type]
        made = face.mesh(face.moved(look, Motion(), put), put)
        assert made[468, 0] - mesh()[468, 0] == pytest.approx(way, abs=0.3)


def test_a_blink_goes_over_in_full_from_wider_eyes_than_the_driver_s() -> None:
    """Relative to the driver's reference the share counts: narrow eyes that shut, shut wide ones."""
    lids = MODEL.expression[:, [145, 374], 1].sum(axis=1) - MODEL.expression[:, [159, 386], 1].sum(axis=1)
    along = lids / (lids @ lids)
    narrow, shut = (Motion(expression=(-way * along).astype(np.float32)) for way in (0.1, 0.26))
    face = Face(MODEL, mesh(WHO[0], 0.06 * along))
    made = face.mesh(face.moved(shut, narrow, Put()), Put())
    rest = face.mesh(face.rest, Put())
    assert gap(made, EYE_LEFT) < 0.3 * gap(rest, EYE_LEFT)
