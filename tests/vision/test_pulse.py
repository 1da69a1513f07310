"""The pulse's mathematics: rates, shares, and what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.pulse import _snr_db, common_beat, even_rate, pos

RATE = 30.0


def test_uneven_times_are_evened() -> None:
    """A slope stays a slope, whatever the times; an unknown patch stays unknown."""
    times = np.sort(np.random.default_rng(0).uniform(0, 2, 40))
    colours = np.stack([np.repeat(times[:, None], 3, 1), np.full((40, 3), np.nan)], 1)
    found = even_rate(times, colours, RATE)
    assert found.shape[0] == 2
    assert np.allclose(np.diff(found[0, :, 0]), 1 / RATE)
    assert np.isnan(found[1]).all()


def test_light_alone_is_no_pulse() -> None:
    """All channels by the same factor: POS takes it away; the blood's own colour stays."""
    time = np.arange(300) / RATE
    swing = np.sin(2 * np.pi * 1.2 * time)
    skin = np.array([190.0, 140.0, 120.0])
    light = skin * (1 + 0.02 * swing[:, None])
    blood = skin * (1 + 0.02 * swing[:, None] * np.array([0.35, 0.8, 0.5]))
    found = pos(np.stack([light, blood]), RATE)
    assert found[0].std() < 0.02 * found[1].std()


@pytest.mark.parametrize("bpm", [48, 72, 110, 170])
def test_common_lines_are_found_at_their_rate(bpm: int) -> None:
    random = np.random.default_rng(bpm)
    time = np.arange(360) / RATE
    signals = np.sin(2 * np.pi * bpm / 60 * time) + random.normal(0, 1.0, (5, 360))
    beat = common_beat(signals, RATE)
    assert beat is not None
    assert beat.bpm == pytest.approx(bpm, abs=2)
    assert beat.coherence > 1.5 * beat.chance


def test_each_for_itself_is_chance() -> None:
    """Lines as strong in each patch, but at rates of their own, are nothing common."""
    time = np.arange(360) / RATE
    signals = np.stack([np.sin(2 * np.pi * hz * time) for hz in (0.9, 1.3, 1.7, 2.1, 2.6)])
    beat = common_beat(signals, RATE)
    assert beat is not None
    assert beat.coherence < 0.1


def test_false_alarms_are_as_stated() -> None:
    """Of 60 sets of noise about one in twenty lies above `chance`."""
    random = np.random.default_rng(5)
    above = 0
    for _ in range(60):
        beat = common_beat(random.normal(size=(5, 300)), RATE)
        assert beat is not None
        above += beat.coherence > beat.chance
    assert above <= 9


def test_a_still_patch_and_a_short_one() -> None:
    assert common_beat(np.zeros((3, 300)), RATE) is None
    assert not pos(np.full((2, 20, 3), 100.0), RATE).any()


def test_the_strength_of_a_beat_is_its_lines_against_the_rest_of_the_band() -> None:
    """Beat and its double against all else from 0.7 to 4 Hz; the sway of a head and flicker do not count."""
    hz = np.arange(0, 8, 0.1)
    power = np.zeros(len(hz))
    for where, much in ((1.2, 8.0), (2.4, 2.0), (0.9, 0.5), (3.5, 0.5), (0.3, 1000.0), (5.0, 1000.0)):
        power[round(10 * where)] = much
    assert _snr_db(power, hz, 1.2, 0.12) == pytest.approx(10)
