"""Pulse: how alike the colour of several patches of skin beats, at the rate of a heart.

W. Wang, A. C. den Brinker, S. Stuijk, G. de Haan, "Algorithmic principles of remote PPG", IEEE Trans.
Biomedical Engineering 64(7), 2017: the plane orthogonal to the skin's tone ("POS"), tuned in windows of
1.6 s, overlap-added. G. de Haan, V. Jeanne, "Robust pulse rate from chrominance-based rPPG", IEEE Trans.
Biomedical Engineering 60(10), 2013: the signal-to-noise ratio as defined there.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BAND_HZ: Final = (0.7, 3.0)
"""42 to 180 beats a minute."""
_WINDOW_S: Final = 1.6
_PROJECTION: Final = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]])
_PROJECTION.setflags(write=False)
_PEAK_HZ: Final = 0.12
"""Half the width of a beat's line: hearts are not clocks."""
_TRIALS: Final = 99
"""Times that the patches are put out of step with each other to see what chance gives."""


class Beat(NamedTuple):
    """What several patches have in common.

    Attributes:
        coherence: mean over pairs of patches of the correlation that their common strongest line gives;
            1 where all of them swing as one at one rate and not otherwise, about 0 where none does.
        chance: the value below which 95 % of 99 trials stay in which each patch gets a random phase.
        bpm: beats a minute of that line.
        snr_db: power of the mean signal at that rate and its double over the rest of 0.7 to 4 Hz.
        share: of the mean signal's power in the band that lies in that line, 0 to 1.
    """

    coherence: float
    chance: float
    bpm: float
    snr_db: float
    share: float


def even_rate(times: Any, colours: Any, rate: float) -> Array:
    """Samples at an even rate, linear between those that are known.

    Args:
        times: n seconds, rising. colours: n x p x 3, NaN where not measured.
        rate: samples a second.

    Returns:
        p x m x 3 from the first to the last time; a patch that is known less than twice is NaN.
    """
    when, rows = np.asarray(times, np.float64), np.asarray(colours, np.float64)
    grid = np.arange(when[0], when[-1], 1 / rate)
    found = np.full((rows.shape[1], len(grid), 3), np.nan)
    for patch in range(rows.shape[1]):
        known = np.isfinite(rows[:, patch]).all(-1)
        if known.sum() >= 2:
            for channel in range(3):
                found[patch, :, channel] = np.interp(grid, when[known], rows[known, patch, channel])
    return found


def pos(colours: Any, rate: float) -> Array:
    """The pulse in each patch's colour (POS).

    Args:
        colours: p x m x 3, RGB, even in time, finite, above 0.
        rate: samples a second.

    Returns:
        p x m, no unit; zeros where m is shorter than 1.6 s.
    """
    rows = np.asarray(colours, np.float64)
    count, length = rows.shape[1], max(2, round(_WINDOW_S * rate))
    found = np.zeros(rows.shape[:2])
    if count < length:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(rows, length, axis=1)
    evened = windows / windows.mean(-1, keepdims=True)
    one, two = np.moveaxis(np.einsum("ij,pnjl->pnil", _PROJECTION, evened), 2, 0)
    spread = two.std(-1, keepdims=True)
    beats = (
        one + np.divide(one.std(-1, keepdims=True), spread, out=np.zeros_like(spread), where=spread > 0) * two
    )
    beats = beats - beats.mean(-1, keepdims=True)
    for place in range(length):
        found[:, place : place + beats.shape[1]] += beats[..., place]
    return found


def common_beat(signals: Any, rate: float, *, seed: int = 0) -> Beat | None:
    """Whether several signals beat alike.

    Args:
        signals: p x m, p of 2 or more, even in time.
        rate: samples a second.
        seed: of the random phases.

    Returns:
        None where a signal does not change at all within the band.
    """
    rows = np.asarray(signals, np.float64)
    patches, count = rows.shape
    size = 1 << (count - 1).bit_length() + 2
    spectra = np.fft.rfft((rows - rows.mean(1, keepdims=True)) * np.hanning(count), size)
    hz = np.arange(spectra.shape[1]) * rate / size
    band = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    power = (np.abs(spectra) ** 2).astype(np.float64)
    totals = power[:, band].sum(1)
    if not (totals > 1e-18).all():
        return None
    lines = spectra / np.sqrt(totals)[:, None]
    width = max(_PEAK_HZ, 1.5 * rate / count)
    coherence, peak = _strongest(lines, hz, band, width)
    random = np.random.default_rng(seed)
    turns = np.exp(2j * np.pi * random.uniform(size=(_TRIALS, patches, 1)))
    chances = [_strongest(lines * turn, hz, band, width)[0] for turn in turns]
    mean = np.abs(lines.mean(0)) ** 2
    near = _near(hz, peak, width)
    return Beat(
        coherence,
        float(np.percentile(chances, 95)),
        60 * peak,
        _snr_db(mean, hz, peak, width),
        float(mean[near & band].sum() / max(mean[band].sum(), 1e-18)),
    )


def _strongest(lines: NDArray[Any], hz: Array, band: NDArray[np.bool_], width: float) -> tuple[float, float]:
    """The line in which the patches have most in common: mean correlation of pairs, and Hz."""
    patches = len(lines)
    # Sum over pairs of Re(a * conj(b)), by the square of the sum.
    together = np.abs(lines.sum(0)) ** 2 - (np.abs(lines) ** 2).sum(0)
    common = together / (patches * (patches - 1))
    reach = max(1, round(width / (hz[1] - hz[0])))
    running = np.concatenate([[0.0], np.cumsum(np.where(band, common, 0.0))])
    low = np.clip(np.arange(len(hz)) - reach, 0, len(hz))
    high = np.clip(np.arange(len(hz)) + reach + 1, 0, len(hz))
    sums = np.where(band, running[high] - running[low], -np.inf)
    best = int(sums.argmax())
    inside = slice(int(low[best]), int(high[best]))
    weight = np.clip(np.where(band, common, 0.0)[inside], 0, None)
    centre = float(weight @ hz[inside] / weight.sum()) if weight.sum() > 0 else float(hz[best])
    return float(sums[best]), centre


def _near(hz: Array, peak: float, width: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(hz - peak) <= width)


def _snr_db(power: Array, hz: Array, peak: float, width: float) -> float:
    beat = _near(hz, peak, width) | _near(hz, 2 * peak, width)
    band = (hz >= BAND_HZ[0]) & (hz <= 4.0)
    rest = float(power[band & ~beat].sum())
    return float(10 * np.log10((float(power[band & beat].sum()) + 1e-18) / (rest + 1e-18)))
