"""The threshold keeps its promise on strangers that it has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from tests.gallery.people import MODEL, D, filled, looks, vector
from vidface.errors import UsageError
from vidface.gallery import Gallery, Reference, calibrate
from vidface.gallery.calibrate import Calibration, interval
from vidface.gallery.calibrate import strangers as impostors_of


def strangers(count: int, seed: int) -> NDArray[np.float32]:
    """Directions of nobody enrolled."""
    return np.random.default_rng(seed).standard_normal((count, D)).astype(np.float32)


def made(people: int, seed: int = 3) -> Reference:
    rows = strangers(people, seed)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Reference(rows, np.arange(people), tuple(map(str, range(people))), MODEL, 0.4)


@pytest.mark.parametrize("fmr", [0.01, 0.1])
def test_fresh_strangers_are_taken_for_somebody_as_often_as_was_asked(fmr: float) -> None:
    """Calibrated on 4,000 strangers, counted on 20,000 others."""
    known = made(40)
    found = calibrate(known, strangers(4000, 1), fmr)
    rate = float((known.scores(strangers(20000, 2)).max(axis=1) >= found.threshold).mean())
    assert rate == pytest.approx(fmr, rel=0.35)
    assert found.low < rate < found.high
    assert found.alarms <= fmr * (found.impostors + found.own)
    assert found.reached


def test_a_larger_gallery_needs_a_higher_threshold() -> None:
    """What counts is the best score over all people."""
    small, large = (calibrate(made(n), strangers(3000, 1), 0.01).threshold for n in (5, 500))
    assert large > small + 0.05


def test_too_few_strangers_are_told() -> None:
    """A rate of one in a thousand cannot be shown on fifty: the threshold is above all, and high says it."""
    known = made(2)
    found = calibrate(known, strangers(50, 1), 1e-3)
    assert not found.reached
    assert found.alarms == 0
    assert found.threshold > known.scores(strangers(50, 1)).max()
    assert 0.05 < found.high < 0.08


def test_the_gallery_is_its_own_impostor_where_nothing_is_shipped() -> None:
    """Every look against the other people, not against its own person."""
    rows = np.stack([vector(person, look) for person in range(30) for look in range(3)])
    known = Reference(rows, np.repeat(np.arange(30), 3), tuple(map(str, range(30))), MODEL, 0.4)
    found = calibrate(known, None, 0.1)
    assert (found.impostors, found.own, found.looks, found.people) == (0, 90, 90, 30)
    assert found.threshold < 0.6  # looks of one person reach 0.8 with each other


def crowd(people: int, each: int, seed: int) -> Reference:
    """Looks of one person are nearly the same, so they score nearly the same with everybody."""
    rows = np.repeat(made(people, seed).vectors, each, axis=0)
    rows += np.random.default_rng(seed).standard_normal(rows.shape).astype(np.float32) / 100
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Reference(rows, np.repeat(np.arange(people), each), tuple(map(str, range(people))), MODEL, 0.4)


def test_many_looks_of_few_people_are_few_strangers() -> None:
    """Five people with 200 looks each: the interval mostly holds the rate of fresh strangers.

    Not in 95 of 100, since people are held against each other; counted by looks it held in one of 8.
    """
    fresh = strangers(4000, 99)
    held = 0
    for seed in range(40):
        known = crowd(5, 200, seed)
        found = calibrate(known, None, 0.01)
        assert (found.own, found.compared, found.persons, found.reached) == (1000, 5, 5, False)
        rate = float((known.scores(fresh).max(axis=1) >= found.threshold).mean())
        held += found.low <= rate <= found.high
    assert held >= 35


def test_the_interval_takes_persons_for_strangers_not_looks() -> None:
    """Of 40 people one passes with all looks: 1 of 40, however many looks there are."""
    for each in (1, 7, 50):
        found = calibrate(crowd(40, each, 3), None, 0.1)
        assert found.compared == 40
        assert (found.low, found.high) == pytest.approx(interval(4, 40), abs=0.02)


def test_looks_of_few_people_do_not_dilute_the_strangers() -> None:
    """4,000 looks of two people, alike in nothing, are two strangers: 4 of 4,002 may pass, not 8."""
    rows = crowd(2, 2000, 3)
    given = strangers(4000, 1)
    found = calibrate(rows, given, 1e-3)
    passed = int((rows.scores(given).max(axis=1) >= found.threshold).sum())
    assert (found.impostors, found.own, found.compared, passed) == (4000, 4000, 2, 4)


def test_a_calibration_of_an_old_gallery_is_read() -> None:
    """Without the number of people compared, which was not stored then."""
    old = (
        '{"threshold": 0.31, "fmr": 0.001, "date": "2026-01-01T00:00:00+00:00", "impostors": 4000, "own": 90'
        ', "people": 30, "looks": 90, "alarms": 4, "low": 0.0002, "high": 0.002, "reached": true}'
    )
    read = Calibration.of(old)
    assert (read.threshold, read.own, read.compared, read.reached) == (0.31, 90, 0, True)
    found = calibrate(made(3), strangers(50, 1), 0.1)
    assert Calibration.of(found.text()).compared == found.compared == 3


def test_a_person_under_two_names_is_a_suspect() -> None:
    rows = np.stack([vector(person, look) for person in (*range(30), 7) for look in (person % 5, 5)])
    known = Reference(rows, np.repeat(np.arange(31), 2), tuple(map(str, range(31))), MODEL, 0.4)
    found = calibrate(known, strangers(2000, 1), 0.01)
    assert found.suspects[0][:2] == ("7", "30")
    assert "suspects" not in found.text()


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate(made(3), None, 0)
    with pytest.raises(UsageError, match="nothing to calibrate with"):
        calibrate(made(1), None, 0.1)
    with pytest.raises(UsageError, match="numbers"):
        calibrate(made(3), np.ones((5, D + 1)), 0.1)


@pytest.mark.parametrize(("hits", "count"), [(0, 50), (3, 1000), (50, 50), (7, 9)])
def test_the_interval_is_that_of_clopper_and_pearson(hits: int, count: int) -> None:
    wanted = binomtest(hits, count).proportion_ci(0.95, "exact")
    assert interval(hits, count) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_a_calibration_is_stored_with_the_gallery(tmp_path: Path) -> None:
    """Threshold and rate go into every reference from then on; names of suspects are not stored."""
    folder = filled(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.calibration is None
        found = gallery.calibrate(strangers(500, 1), fmr=0.02)
        gallery.add("Dan", looks(5))
    with Gallery.open(folder) as gallery:
        stored = gallery.calibration
        assert stored is not None
        assert (stored.threshold, stored.fmr, stored.impostors) == (found.threshold, 0.02, 500)
        assert stored.date.startswith("20")
        reference = gallery.reference()
        assert (reference.threshold, reference.fmr) == (found.threshold, 0.02)


def test_impostors_that_are_mostly_somebody_enrolled_are_left_out() -> None:
    """Twenty near one person among 2,000 strangers; without them the threshold is right."""
    known = made(8)
    clean = strangers(2000, 5)
    clean /= np.linalg.norm(clean, axis=1, keepdims=True)
    mixed = np.concatenate([clean, 2 * known.vectors[3] + clean[:20]])
    kept, left = impostors_of(known, mixed)
    assert left == {"3": 20}
    assert np.array_equal(kept, clean)
    assert impostors_of(known, clean)[1] == {}
    good, bad = (calibrate(known, rows, 0.005).threshold for rows in (kept, mixed))
    assert good < 0.5 < bad


def test_looks_of_a_person_need_not_stand_together() -> None:
    """Each person has three looks, enrolled in turn with those of the others."""
    one = made(8)
    rows = np.concatenate([one.vectors] * 3)
    turned = Reference(rows, np.tile(one.owners, 3), one.names, MODEL, 0.4)
    clean = strangers(2000, 5)
    mixed = np.concatenate([clean, 40 * one.vectors[3] + clean[:20]])
    assert impostors_of(turned, mixed)[1] == impostors_of(one, mixed)[1] == {"3": 20}


def test_strangers_who_are_somewhat_alike_stay() -> None:
    """People of twenty kinds, a cosine of .15 within each: the tail is heavy, but nobody is another.

    Those that would go are the ones that the threshold rests on.
    """
    draws = np.random.default_rng(5)
    kinds = draws.standard_normal((20, 256)) / 16

    def drawn(count: int) -> NDArray[np.float32]:
        own = draws.standard_normal((count, 256)) / 16
        rows = np.sqrt(0.15) * kinds[draws.integers(20, size=count)] + np.sqrt(0.85) * own
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    known = Reference(drawn(200), np.arange(200), tuple(map(str, range(200))), MODEL, 0.4)
    kept, left = impostors_of(known, drawn(4000))
    assert (len(kept), left) == (4000, {})


def test_people_without_looks_and_few_strangers_change_nothing() -> None:
    rows = made(4)
    bare = Reference(rows.vectors, rows.owners, (*rows.names, "bare"), MODEL, 0.4)
    clean = strangers(1000, 6)
    assert np.array_equal(impostors_of(bare, clean)[0], clean)
    few = np.concatenate([rows.vectors[:1]] * 9)
    assert np.array_equal(impostors_of(bare, few)[0], few)


def test_numbers_that_are_none_give_no_threshold(tmp_path: Path) -> None:
    with Gallery.open(filled(tmp_path / "g"), write=True) as gallery:
        broken = strangers(10, 1)
        broken[3, 4] = np.nan
        with pytest.raises(UsageError, match="NaN or infinity"):
            gallery.calibrate(broken)
        assert gallery.calibration is None
