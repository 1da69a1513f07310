"""Sentences of a verdict: what was measured is told from what is assumed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidface.data.finding import Finding, Stretch
from vidface.data.findingkinds import KINDS
from vidface.vision.kindfusion import Fusion, KindWeight
from vidface.vision.trackevidence import TrackEvidence
from vidface.vision.verdictwords import reasons_of

WEIGHT = KindWeight(1.0, 1.0, -4, 4, 1.0, 0.0, (-1.64, 0.0, 1.64))


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
