"""What Wav2Lip's networks hear, against the definitions: bands, levels, places in time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.melchunk import BANDS, HOP, RATE, REACH, STEPS, filters, mel_chunk


def tone(hz: float, loud: float = 0.5) -> NDArray[np.float32]:
    """A sine over all samples of a chunk."""
    return np.asarray(loud * np.sin(2 * np.pi * hz * np.arange(sum(REACH)) / RATE), np.float32)


def test_silence_is_the_least_level() -> None:
    chunk = mel_chunk(np.zeros(sum(REACH), np.float32))
    assert chunk.shape == (BANDS, STEPS)
    assert (chunk == -4).all()


def test_bands_have_equal_area_and_rising_places() -> None:
    """Slaney's norm: the integral over hertz of each triangle is 1, as far as lines of 20 Hz show it."""
    table = filters()
    assert table.shape == (BANDS, 401)
    wide = table[40:].sum(1) * 20
    assert np.abs(wide - 1).max() < 0.05
    assert (np.diff(table.argmax(1)) >= 0).all()
    assert not table[:, :2].any()
    assert not table[:, 382:].any()


@pytest.mark.parametrize(("hz", "band"), [(1000, 25.3), (4000, 62.7)])
def test_a_tone_lies_in_its_band(hz: float, band: float) -> None:
    """By hand: Slaney's mel of 55 and 7600 Hz is 0.825 and 44.5, of 1000 Hz 15, of 4000 Hz 35.2."""
    chunk = mel_chunk(tone(hz))
    assert int(chunk.mean(1).argmax()) == pytest.approx(band, abs=1)


def test_levels_are_decibels_in_eighths_of_the_range() -> None:
    """Ten times as loud is 20 dB, of 100 dB for 8 units: 1.6 more."""
    soft, loud = mel_chunk(tone(1000, 0.005)), mel_chunk(tone(1000, 0.05))
    top = int(loud.mean(1).argmax())
    assert (loud[top] - soft[top]).mean() == pytest.approx(1.6, abs=0.02)


def test_loudness_is_absolute() -> None:
    """By hand: a sine at 1000 Hz of 0.05 has in a Hann window of 800 a line of 0.05 x 200 = 10, through the
    pre-emphasis |1 - 0.97 e^(-iw)| = 0.384: 3.84; with its two neighbours (half of it) under the band's
    triangle of height 2 / width."""
    chunk = mel_chunk(tone(1000, 0.05))
    lines = filters() @ (np.eye(401)[49:52].T @ np.array([0.5, 1, 0.5]) * 3.84)
    wanted = 8 * (20 * np.log10(lines.max()) - 20 + 100) / 100 - 4
    assert chunk.max() == pytest.approx(wanted, abs=0.05)


def test_steps_begin_at_the_frame() -> None:
    """A click i steps behind the frame is loudest in step i."""
    for step in (0, 7, 15):
        samples = np.zeros(sum(REACH), np.float32)
        samples[REACH[0] + step * HOP] = 1
        assert int(mel_chunk(samples).mean(0).argmax()) == step


def test_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="is made of"):
        mel_chunk(np.zeros(100, np.float32))
