"""Speech features, the envelope, and how well a mouth keeps time with it: on signals made for it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data.sound import SOUND_RATE, Sound
from vidface.vision.speech import (
    BANDS,
    HOP,
    RATE,
    WINDOW,
    envelope,
    lip_sync,
    log_mel,
    mel_energies,
    smoothed,
    triangles,
)
from vidface.vision.speechwindow import AHEAD, ROWS, features_of, place_of_frame


def tone(seconds: float, hz: float, level: float = 0.5) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(level * np.sin(2 * np.pi * hz * time), np.float32)


def babble(seconds: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Noise that swells about four times a second, and the swell at every sample."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    knots = rng.uniform(0, 1, round(seconds * 4) + 2) ** 2
    swell = np.interp(np.arange(count) / RATE * 4, np.arange(len(knots)), knots)
    return np.asarray(0.3 * swell * rng.normal(0, 0.4, count), np.float32), swell


def test_the_features_run_at_a_hundred_rows_a_second() -> None:
    assert RATE == SOUND_RATE
    assert log_mel(np.zeros(WINDOW + 7 * HOP)).shape == (8, BANDS)
    assert log_mel(np.zeros(WINDOW - 1)).shape == (0, BANDS)


def test_a_triangle_is_one_at_its_own_edge_and_nothing_beyond_its_neighbours() -> None:
    table = triangles(np.array([0.0, 100, 300, 400]), np.arange(0.0, 500, 50))
    assert table[0].tolist() == [0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0, 0, 0]
    assert table[1].tolist() == [0, 0, 0, 0.25, 0.5, 0.75, 1, 0.5, 0, 0]


def test_a_tone_lies_in_the_band_of_its_pitch() -> None:
    """The loudest of 40 bands rises with the pitch, and its centre on the mel scale is the tone's."""
    bands = [int(log_mel(tone(0.2, hz))[5].argmax()) for hz in (200, 500, 1000, 3000, 6000)]
    mel = [2595 * np.log10(1 + hz / 700) for hz in (80, 7600)]
    width = (mel[1] - mel[0]) / (BANDS + 1)
    expected = [(2595 * np.log10(1 + hz / 700) - mel[0]) / width - 1 for hz in (200, 500, 1000, 3000, 6000)]
    assert bands == pytest.approx(expected, abs=0.7)


def test_the_features_do_not_depend_on_how_loud_the_recording_is() -> None:
    voice, _ = babble(1.2)
    assert np.abs(log_mel(voice) - log_mel(0.1 * voice)).max() < 1e-3


def test_silence_is_not_made_loud() -> None:
    """Faint hiss is held against the floor, not against itself."""
    hiss = np.random.default_rng(0).normal(0, 1e-4, RATE).astype(np.float32)
    assert log_mel(np.zeros(RATE)).max() == 0
    assert log_mel(hiss).max() < 0.5 < log_mel(300 * hiss).max()


def test_a_full_scale_sine_has_the_power_of_one_half() -> None:
    _, power = mel_energies(tone(0.2, 1000, level=1.0))
    assert power == pytest.approx(0.5, rel=0.02)


def test_the_envelope_follows_the_swell_and_leaves_hum_out() -> None:
    voice, swell = babble(4)
    found = envelope(voice)
    at = np.arange(len(found)) * HOP + WINDOW // 2
    assert np.corrcoef(found, swell[at])[0, 1] > 0.95
    assert envelope(tone(1, 50)).max() < 0.02 < envelope(tone(1, 500)).max()


def test_smoothing_halves_what_swings_at_the_cutoff() -> None:
    time = np.arange(1000) / 100
    assert np.ptp(smoothed(np.sin(2 * np.pi * 8 * time), 100, 8)[100:-100]) / 2 == pytest.approx(
        0.5, abs=0.02
    )
    assert smoothed(np.ones(20), 100, 8) == pytest.approx(np.ones(20))


@pytest.mark.parametrize("lag", [-0.2, 0.0, 0.13])
@pytest.mark.parametrize("rate", [25, 29.97])
def test_the_lag_of_a_mouth_is_found(lag: float, rate: float) -> None:
    """A mouth that opens as the voice swells, `lag` seconds late, with noise on it."""
    voice, swell = babble(6)
    times = np.arange(int(5.5 * rate)) / rate + 0.25
    rng = np.random.default_rng(1)
    mouth = np.interp(times - lag, np.arange(len(swell)) / RATE, swell) + rng.normal(0, 0.05, len(times))
    mouth[::17] = np.nan
    found = lip_sync(times, mouth, envelope(voice), voice_start=WINDOW / 2 / RATE)
    assert found is not None
    assert found.lag_s == pytest.approx(lag, abs=0.02)
    assert found.correlation > 0.9
    assert found.confidence > 0.5


def test_a_mouth_of_another_voice_has_no_confidence() -> None:
    times = np.arange(140) / 25 + 0.2
    _, swell = babble(6, seed=1)
    mouth = np.interp(times, np.arange(len(swell)) / RATE, swell)
    found = lip_sync(times, mouth, envelope(babble(6, seed=2)[0]), voice_start=WINDOW / 2 / RATE)
    assert found is not None
    assert found.correlation < 0.5


def test_where_there_is_nothing_to_compare_there_is_no_answer() -> None:
    times, still = np.arange(50) / 25, np.ones(50)
    voice = envelope(babble(3)[0])
    assert lip_sync(times, still, voice, voice_start=0) is None
    assert lip_sync(times, np.random.default_rng(0).random(50), np.zeros(300), voice_start=0) is None
    assert lip_sync(times[:10], np.arange(10), voice, voice_start=0) is None
    assert lip_sync(times, np.full(50, np.nan), voice, voice_start=0) is None


def test_a_frames_window_ends_a_quarter_of_a_second_behind_it() -> None:
    """Sound beyond the look-ahead changes nothing; sound just within it does."""
    assert AHEAD <= 0.25 * RATE
    quiet = np.zeros(24_000, np.float32)
    beyond, within = quiet.copy(), quiet.copy()
    beyond[16_000 + AHEAD :] = tone(0.3, 500)[: 8000 - AHEAD]
    within[16_000 + AHEAD - 400 : 16_000 + AHEAD] = 0.5
    windows = [features_of(Sound(samples, 0, 16_000)) for samples in (quiet, beyond, within)]
    assert windows[0].shape == (ROWS, BANDS)
    assert np.array_equal(windows[0], windows[1])
    assert not np.array_equal(windows[0], windows[2])
    assert place_of_frame(1) == 16_000 + AHEAD
