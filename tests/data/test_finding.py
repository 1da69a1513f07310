"""Findings and verdicts are checked at birth and turn into plain rows."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from vidface.data.finding import Finding, Findings, Stretch
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Moment, Verdict, Verdicts

SPAN = Stretch(3, 9, Fraction(3, 25), Fraction(9, 25))


def test_a_stretch_runs_forward() -> None:
    with pytest.raises(ValueError, match="forward"):
        Stretch(9, 3, Fraction(0), Fraction(1))
    with pytest.raises(ValueError, match="forward"):
        Stretch(3, 9, Fraction(1), Fraction(0))


def test_a_finding_has_a_score_or_says_why_not() -> None:
    with pytest.raises(ValueError, match="either"):
        Finding("blend", 1, SPAN)
    with pytest.raises(ValueError, match="either"):
        Finding("blend", 1, SPAN, 0.5, "too small")
    with pytest.raises(ValueError, match="finite"):
        Finding("blend", 1, SPAN, math.inf)
    assert not Finding("blend", 1, SPAN, why_not="The face is 24 px wide; 48 are needed.").applies


def test_a_finding_is_frozen_all_through() -> None:
    one = Finding("blend", 1, SPAN, 0.5, details={"frames": 3}, heat=np.zeros((4, 4), np.uint8))
    assert one.heat is not None
    assert not one.heat.flags.writeable
    with pytest.raises(TypeError):
        one.details["frames"] = 4  # type: ignore[index]


def test_rows_are_json_with_null_for_what_is_not_known() -> None:
    row = Finding("motion", None, SPAN, 1.234567, details={"sigma": math.nan}).row()
    assert json.loads(json.dumps(row, allow_nan=False)) == {
        "kind": "motion",
        "track": None,
        "first_frame": 3,
        "last_frame": 9,
        "start": "0.120000",
        "end": "0.360000",
        "score": 1.23457,
        "why_not": None,
        "details": {"sigma": None},
    }
    assert len(Findings.none()) == 0


def test_every_kind_is_described() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.meaning.endswith(".")
        assert kind.limits.endswith(".")


def test_a_verdict_gives_an_ordered_interval_or_nothing() -> None:
    with pytest.raises(ValueError, match="low <= probability <= high"):
        Verdict("manipulated", 0.9, 0.95, 1.0)
    with pytest.raises(ValueError, match="low <= probability <= high"):
        Verdict("inconclusive", 0.9)
    with pytest.raises(ValueError, match="without a probability"):
        Verdict("authentic")
    with pytest.raises(ValueError, match="one of"):
        Verdict("fake", 0.9, 0.8, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Verdict\.claim must be one of"):
        Verdict(claim="perhaps")  # type: ignore[arg-type]


def test_a_verdicts_rows() -> None:
    moment = Moment(Fraction(0), Fraction(1), 0.75)
    one = Verdict("manipulated", 0.9, 0.8, 0.95, ("because",), ("blend",), ("pulse: too short",), (moment,))
    assert one.full_row() == {
        "opinion": "manipulated",
        "probability": 0.9,
        "low": 0.8,
        "high": 0.95,
        "used": ["blend"],
        "claim": None,
        "reasons": ["because"],
        "left_out": ["pulse: too short"],
        "moments": [{"start": "0.000000", "end": "1.000000", "probability": 0.75}],
    }
    assert Verdict().row()["probability"] is None
    assert len(Verdicts.none()) == 0
