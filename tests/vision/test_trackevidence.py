"""The ledger of a track's findings: which window a finding counts for, and that memory is bounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vidface.data.finding import Finding, Stretch
from vidface.vision.kindfusion import Fusion, KindWeight
from vidface.vision.trackevidence import MOST, TrackEvidence

WEIGHT = KindWeight(centre=0.0, scale=1.0, low=-4, high=4, weight=1.0, offset=0.0)
FUSION = Fusion({"blend": WEIGHT, "drift": WEIGHT}, 0.0, 0.3, 0.7)


def found(kind: str, start: float, end: float, score: float) -> Finding:
    stretch = Stretch(0, 1, Fraction(start), Fraction(end))
    return Finding(kind, 1, stretch, score)


def test_a_finding_counts_for_every_window_that_it_touches() -> None:
    ledger = TrackEvidence(FUSION)
    ledger.add(found("blend", 1.0, 2.0, 2.0))
    ledger.add(found("blend", 1.5, 2.5, -2.0))
    moments = list(ledger.moments())
    assert [float(one.start) for one in moments] == [1.0, 1.5, 2.0]
    assert [round(one.probability, 3) for one in moments] == [0.881, 0.5, 0.119]
    assert ledger.windows == 3
    assert ledger.steps() == {"blend": 0.0}


def test_the_strongest_and_the_weakest_are_kept() -> None:
    ledger = TrackEvidence(FUSION)
    for at, score in enumerate((1.0, 3.0, -2.0)):
        ledger.add(found("blend", at, at + 1, score))
    record = ledger.kinds["blend"]
    assert record.strongest is not None
    assert record.weakest is not None
    assert (record.strongest.score, record.weakest.score) == (3.0, -2.0)
    assert record.mean == pytest.approx(2 / 3)


def test_a_finding_that_does_not_apply_leaves_its_reason() -> None:
    ledger = TrackEvidence(FUSION)
    ledger.add(Finding("drift", 1, Stretch(0, 1, Fraction(0), Fraction(1)), why_not="Too short."))
    assert ledger.kinds["drift"].why_not == "Too short."
    assert ledger.steps() == {}
    assert ledger.windows == 0


def test_earlier_findings_may_come_later() -> None:
    ledger = TrackEvidence(FUSION)
    ledger.add(found("blend", 5.0, 6.0, 1.0))
    ledger.add(found("drift", 3.0, 4.0, 1.0))
    assert [float(one.start) for one in ledger.moments()] == [3.0, 3.5, 5.0, 5.5]


def test_no_moment_goes_beyond_what_was_looked_at() -> None:
    """A track from 5.04 to 6.1 s: the windows' grid begins before it and ends after it."""
    ledger = TrackEvidence(FUSION)
    ledger.add(found("drift", 5.25, 6.125, 1.0))
    ledger.add(found("blend", 5.0625, 5.75, 1.0))
    for told in (ledger, ledger.without(["drift"]), ledger.without(["blend"])):
        moments = list(told.moments())
        assert all(5.0625 <= one.start < one.end <= 6.125 for one in moments)
    moments = list(ledger.moments())
    assert [(float(one.start), float(one.end)) for one in moments] == [(5.0625, 5.5), (5.5, 6), (6, 6.125)]


def test_hours_fit_into_the_same_room() -> None:
    """Windows grow longer, sums stay what they were."""
    ledger = TrackEvidence(FUSION)
    for second in range(3, 4003):
        ledger.add(found("blend", second, second + 1, 1.0 if second < 2000 else -1.0))
    moments = list(ledger.moments())
    assert len(moments) <= MOST
    assert moments[0].probability > 0.7
    assert moments[-1].probability < 0.3
    assert (float(moments[0].start), float(moments[-1].end)) == (3.0, 4003.0)
    assert ledger.kinds["blend"].count == 4000
    assert ledger.windows == len(moments)


def test_a_long_finding_is_no_trouble() -> None:
    ledger = TrackEvidence(FUSION)
    ledger.add(found("blend", 0, 3600, 1.0))
    assert len(list(ledger.moments())) <= MOST


def test_findings_that_look_far_back_widen_the_interval() -> None:
    """What changes every five seconds tells less than as many windows that are independent."""
    widths = []
    for reach in (0.5, 15.5):
        ledger, signs = TrackEvidence(FUSION), np.random.default_rng(4).choice([-2.0, 2.0], 20)
        for at in range(40, 240):
            ledger.add(found("blend", at / 2 - 0.5, at / 2, float(signs[at // 10 - 4])))
            ledger.add(found("drift", at / 2 - reach, at / 2, 0.0))
        low, high = ledger.interval()
        widths.append(high - low)
    assert widths[1] > 1.2 * widths[0]
