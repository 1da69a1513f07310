"""Scores against references: whose spread counts, and which way they point."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.vision.madeprior import made_prior
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.vision.facegeometry import DISTANCES, SIZE
from vidface.vision.personlook import Look
from vidface.vision.personlooks import doubted, strangers, unlike
from vidface.vision.personscore import Appearance, Geometry, InnerOuter, Level

D = 64
PRIOR = made_prior(D)
RNG = np.random.default_rng


def towards(who: int, seed: int, cosine: float = 0.8, *, part: int = 0) -> np.ndarray:
    """A unit vector about that near to a made person (`part`: 0 whole, 1 inside, 2 outside of the face)."""
    centre = RNG(1000 * part + who).normal(size=D)
    away = RNG((who, seed, part)).normal(size=D)
    centre, away = centre / np.linalg.norm(centre), away / np.linalg.norm(away)
    mixed = cosine * centre + np.sqrt(1 - cosine**2) * away
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def shape(who: int, seed: int, sd: float = 0.02) -> np.ndarray:
    return RNG(50 + who).normal(1, 0.06, SIZE) + RNG((who, seed)).normal(0, sd, SIZE)


def person(count: int, who: int = 1, **changed: Any) -> PersonReferences:
    """References of made recordings, one look each."""
    arrays: dict[str, Any] = {
        "sources": tuple(ReferenceSource(str(n), "", clip=False) for n in range(count)),
        "source": np.arange(count),
        "vectors": np.stack([towards(who, n) for n in range(count)]),
        "inner": np.stack([towards(who, n, part=1) for n in range(count)]),
        "outer": np.stack([towards(who, n, part=2) for n in range(count)]),
        "recognisability": np.full(count, 0.9, np.float32),
        "shapes": np.stack([shape(who, n) for n in range(count)]),
        "angles": np.zeros((count, 2), np.float32),
        "eyes_px": np.full(count, 40, np.float32),
    }
    return PersonReferences("", "e", "m", **(arrays | changed))


def look(whole: int = 1, inner: int = 1, outer: int = 1, face: int = 1, seed: int = 500) -> Look:
    """What a clip shows: whole, inside, outside and shape of made people."""
    return Look(
        towards(whole, seed), 0.9, towards(inner, seed, part=1), towards(outer, seed, part=2),
        shape(face, seed), 0.0, 0.0, 40.0, vectors=10, parts=3, meshes=1,
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 14])
def test_own_looks_score_low_and_strangers_high(count: int) -> None:
    test = Appearance(person(count), PRIOR)
    own = [test(look(seed=seed)).score for seed in range(500, 520)]
    other = [test(look(whole=7, seed=seed)).score for seed in range(500, 520)]
    assert np.mean(own) < 1.5
    assert min(other) > max(own) + 2
    assert test(look()).details["references"] == count
    assert test(look()).details["own_spread"] == (count >= 3)


def test_with_few_references_the_spread_is_that_of_other_people() -> None:
    """One and two references: score = (prior mean - cosine) / prior sd, whatever they are like."""
    for count in (1, 2):
        test = Appearance(person(count), PRIOR)
        score = test(look(whole=7))
        assert score.score == pytest.approx((0.7 - score.details["cosine"]) / 0.1, abs=1e-6)


def test_references_that_vary_widen_their_own_spread() -> None:
    """The same stranger is fewer deviations off from somebody whose pictures differ much."""
    wide = person(12, vectors=np.stack([towards(1, n, 0.5 + 0.4 * (n % 2)) for n in range(12)]))
    narrow = person(12, vectors=np.stack([towards(1, n, 0.84) for n in range(12)]))
    stranger = look(whole=7)
    assert Appearance(wide, PRIOR)(stranger).score < Appearance(narrow, PRIOR)(stranger).score - 0.5


def test_looks_of_one_clip_are_one_recording() -> None:
    """Ten looks of one clip do not make the spread known."""
    one = replace(person(10), sources=person(1).sources, source=np.zeros(10, np.int64))
    assert Appearance(one, PRIOR)(look()).details == pytest.approx(
        Appearance(one, PRIOR)(look()).details | {"references": 1, "own_spread": 0.0}
    )


def test_the_level_keeps_the_prior_with_few_values_and_leaves_it_with_many() -> None:
    prior = Level(0.0, 1.0, 0)
    assert prior.blend(np.array([5.0, 5.0])) == prior
    assert prior.blend(np.full(3, 2.0)).mean == pytest.approx(6 / 11)
    many = prior.blend(RNG(1).normal(2, 0.5, 400))
    assert many.mean == pytest.approx(2, abs=0.1)
    assert many.sd == pytest.approx(0.5, abs=0.1)
    assert many.own == 400


def test_inside_and_outside_of_two_people_are_told() -> None:
    """Both ways; the sign says which; one and the same person, also a stranger's, stays below."""
    test = InnerOuter(person(8), PRIOR)
    same, swapped, replaced = test(look()), test(look(outer=7)), test(look(inner=7))
    assert same.score < 2
    assert swapped.score > 2.5 < replaced.score
    assert swapped.details["signed"] > 0 > replaced.details["signed"]
    assert test(look(inner=7, outer=7)).score < 2
    assert same.score >= 0


def test_the_own_spread_is_taken_off_once() -> None:
    """Many references that differ little: about one honest look of twenty lies beyond 1.96."""
    test = InnerOuter(person(60), PRIOR)
    scores = np.array([test(look(seed=seed)).score for seed in range(500, 800)])
    assert np.mean(scores > 1.96) < 0.05


def test_another_shape_is_told_and_which_distance() -> None:
    test = Geometry(person(14), PRIOR)
    own, other = test(look()), test(look(face=7))
    assert own.score < 2 < other.score
    longer = look()._replace(shape=shape(1, 500, 0.0) + np.eye(SIZE)[7] * 0.15)
    sigmas = {n: v for n, v in test(longer).details.items() if n.startswith("sigmas_")}
    assert max(sigmas, key=lambda name: abs(sigmas[name])) == "sigmas_nose_to_chin"
    assert sigmas["sigmas_nose_to_chin"] > 3
    assert {f"sigmas_{one.name}" for one in DISTANCES} == set(sigmas)
    assert Geometry(person(1), PRIOR)(look(face=7)).details["references"] == 1


def test_shapes_are_freed_of_what_the_pose_adds() -> None:
    """A prior that knows how distances lean on pitch takes it off references and clip alike."""
    lean = np.zeros((6, SIZE))
    lean[0] = 0.3
    prior = made_prior(D, shape_pose=lean)
    shown = look()._replace(shape=look().shape + 0.3, pitch=20.0)
    assert Geometry(person(8), prior)(shown).score == pytest.approx(
        Geometry(person(8), PRIOR)(look()).score, abs=1e-6
    )


def test_a_stranger_among_references_is_found() -> None:
    """One of five is left out; of two that differ none is, but both are doubted; one alone is not judged."""
    rows = [towards(1, n) for n in range(4)] + [towards(7, 0)]
    sigmas = strangers(rows, [0.9] * 5, PRIOR)
    assert doubted(sigmas) == [4]
    assert 4 in unlike(sigmas)
    pair = strangers([rows[0], rows[4]], [0.9] * 2, PRIOR)
    assert doubted(pair) == []
    assert unlike(pair) == [0, 1]
    assert np.isnan(strangers(rows[:1], [0.9], PRIOR)).all()
