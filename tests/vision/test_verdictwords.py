"""Sentences of a verdict: what was measured is told from what is assumed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidface.data.finding import Finding, Stretch
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Moment
from vidface.vision.kindfusion import Fusion, KindWeight
from vidface.vision.trackevidence import TrackEvidence
from vidface.vision.verdictwords import reasons_of, standing_out, verdict_of

WEIGHT = KindWeight(1.0, 1.0, -4, 4, 1.0, 0.0, (-1.64, 0.0, 1.64))


def heard(*scores: tuple[str, float]) -> TrackEvidence:
    """One finding of two seconds after the other for each pair of a kind and a score."""
    fusion = Fusion(dict.fromkeys(KINDS, WEIGHT), 0.0, 0.2, 0.8)
    evidence = TrackEvidence(fusion)
    for place, (kind, score) in enumerate(scores):
        span = Stretch(50 * place, 50 * place + 50, Fraction(2 * place), Fraction(2 * place + 2))
        evidence.add(Finding(kind, 1, span, score))
    return evidence


def reason(kind: str, score: float) -> str:
    """The one sentence on one kind with one finding."""
    fusion = Fusion({kind: WEIGHT}, 0.0, 0.2, 0.8)
    evidence = TrackEvidence(fusion)
    evidence.add(Finding(kind, 1, Stretch(0, 50, Fraction(0), Fraction(2)), score))
    (line,) = reasons_of(evidence, 1)
    return line


@pytest.mark.parametrize("kind", [name for name, one in KINDS.items() if one.references])
def test_what_is_usual_on_another_day_is_assumed(kind: str) -> None:
    """Nobody measured real clips against references of another day."""
    told = "assumed for references of another day: nine in ten real clips between -1.64 and 1.64."
    assert reason(kind, 3.0).endswith(told)


@pytest.mark.parametrize("kind", [name for name, one in KINDS.items() if not one.references])
def test_what_is_usual_without_references_is_measured(kind: str) -> None:
    line = reason(kind, 3.0)
    assert line.endswith("; nine in ten real clips lie between -1.64 and 1.64.")
    assert "assumed" not in line


@pytest.mark.parametrize("score", [0.4, 3.0])
def test_inside_and_outside_differ_by_so_much(score: float) -> None:
    """The score is an absolute value: a small one is no surplus of agreement."""
    says = (
        f"the inside and the outside of the face differ by {score:.1f} standard deviations of what is usual"
    )
    assert says in reason("inner_outer", score)


def test_the_strongest_reason_comes_first_whichever_way_it_points() -> None:
    """Steps of -3, 2 and 0.5 from a weight's centre of 1; what adds less than 0.1 is not worth a sentence."""
    scores = (("texture_noise", 1.5), ("lipsync", 1.05), ("blend", 3.0), ("pulse", -2.0))
    lines = reasons_of(heard(*scores), 1)
    assert [line.split(":")[0] for line in lines] == [
        "Against a manipulation",
        "For a manipulation",
        "For a manipulation",
    ]
    assert "a pulse in the skin has a coherence of -2.00" in lines[0]
    assert "gives log odds of 3.0" in lines[1]
    assert "the rest of the picture has a log ratio of 1.50" in lines[2]


@pytest.mark.parametrize(
    ("kind", "score", "says"),
    [
        ("appearance", 3.0, "looks 3.0 standard deviations less like"),
        ("appearance", -3.0, "looks 3.0 standard deviations more like"),
        ("drift", 3.0, "wanders 3.0 standard deviations more than"),
        ("drift", -3.0, "wanders 3.0 standard deviations less than"),
    ],
)
def test_more_and_less_follow_the_sign_of_the_score(kind: str, score: float, says: str) -> None:
    """The size is told without a sign, so the word has to carry it."""
    assert says in reason(kind, score)


def test_a_reason_points_at_the_window_that_speaks_its_way_most() -> None:
    """For a manipulation where the score is highest, against it where it is lowest."""
    (line,) = reasons_of(heard(("blend", 2.0), ("blend", 4.0), ("blend", 3.0)), 1)
    assert line.startswith("For a manipulation: the search for traces of blending gives log odds of 3.0")
    assert ", most clearly 4.00 at 2.0 to 4.0 s (track 1, mean of 3 windows)" in line
    (line,) = reasons_of(heard(("blend", 0.0), ("blend", -1.0), ("blend", -2.0)), 1)
    assert line.startswith("Against a manipulation: the search for traces of blending gives log odds of -1.0")
    assert ", most clearly -2.00 at 4.0 to 6.0 s (track 1, mean of 3 windows)" in line


def moments(*values: float, begin: int = 0) -> list[Moment]:
    """Windows of half a second, one after the other."""
    half = Fraction(1, 2)
    return [Moment(half * i, half * (i + 1), value) for i, value in enumerate(values, begin)]


def test_the_longest_part_that_reaches_the_bar_is_pointed_at() -> None:
    """Two seconds at least, without a window below the bar and without a hole."""
    first = moments(0.95, 0.95, 0.95, 0.95, 0.1)
    longer = moments(0.8, 0.9, 0.8, 0.85, 0.8, 0.2, begin=5)
    assert standing_out([*first, *longer], 0.8) == [
        "From 2.5 to 5.0 s alone the probability reaches 0.90, though the track as a whole does not: "
        "look there."
    ]
    assert standing_out(moments(0.9, 0.9, 0.9), 0.8) == []
    assert standing_out([*moments(0.9, 0.9), *moments(0.9, 0.9, begin=3)], 0.8) == []
    assert standing_out([], 0.8) == []


def test_the_interval_holds_the_probability() -> None:
    """Windows that speak both ways: it lies within, and the interval is wide."""
    found = verdict_of(heard(*(("blend", score) for score in (3.0, -1.0, 2.0, -2.0, 4.0, 3.0))), 1)
    assert found.low < found.probability < found.high
    alike = verdict_of(heard(*[("blend", 3.0)] * 6), 1)
    assert alike.low <= alike.probability <= alike.high
