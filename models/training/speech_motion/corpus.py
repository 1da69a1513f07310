"""What the network reads and should say: mel windows at every frame, and how the mouth stood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshFitter
from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import BANDS, FLOOR_DB, HOP, RANGE_DB, RATE, WINDOW, envelope, mel_energies
from vidface.vision.speechwindow import AHEAD, ROWS, STRETCH_ROWS, place_of_frame

Float = NDArray[np.float32]

HELD_OUT = ("speech_grid_pwij3p", "speech_grid_swiz3n", "talking_retalking_2", "talking_vexpress_vasa12",
            "talking_vexpress_vasa17", "talking_vexpress_vasa7", "talking_liveportrait_d20")  # fmt: skip
"""Clips that no weight has seen; as far as one can tell, their faces and voices are in no other clip."""
NOT_SPEECH = ("talking_liveportrait_d10", "talking_liveportrait_d12", "talking_liveportrait_d14")
"""Music, or another's voice: even networks that saw them find nothing of the mouth in the sound."""
LATE = {"talking_retalking_3": 0.06, "talking_liveportrait_s13": 0.14}
"""Clips of training whose sound comes late, in seconds, as a first network found."""


_AFTER = AHEAD // HOP


class Clip(NamedTuple):
    """One clip.

    Attributes:
        times: n seconds.
        rows: r x BANDS mel energies, one every 10 ms; `power`: r, of the whole spectrum.
        places: n, the row that comes last in each frame's window.
        moves: n x m expression against the person's rest with the mouth closed; NaN where not measured.
        opening: n, gap of the lips above that of the rest, inter-ocular distances.
    """

    name: str
    times: NDArray[np.float64]
    rows: Float
    power: Float
    places: NDArray[np.int64]
    moves: Float
    opening: Float
    voice: Float
    voice_start: float


def clip_of(path: Path, mouth: Mouth) -> Clip | None:
    """One packed clip; None where its sound is silent."""
    arrays = np.load(path)
    samples = arrays["samples"].astype(np.float32) / 32767
    if np.abs(samples).mean() < 1e-4:
        return None
    model, points, times = mouth.model, arrays["points"], arrays["times"]
    known = np.isfinite(points).all((1, 2))
    moves = np.full((len(times), len(model.expression)), np.nan)
    fit = MeshFitter(model, one_person=True).fit(points[known])
    opening = mouth.gap(fit.expression)
    rest = mouth.closed(fit.expression.mean(0), gap=float(np.percentile(opening, 5)))
    moves[known] = fit.expression - rest
    first = int(arrays["first"])
    rows, power = mel_energies(samples)
    ends = np.array([place_of_frame(time + LATE.get(path.stem, 0)) for time in times]) - first
    places = np.round((ends - WINDOW) / HOP).astype(np.int64)
    gap = np.full(len(times), np.nan, np.float32)
    gap[known] = opening - mouth.gap(rest)
    voice_start = first / RATE + WINDOW / 2 / RATE
    return Clip(
        path.stem, times, rows, power, places, moves.astype(np.float32), gap, envelope(samples), voice_start
    )


def clips_in(pack: Path, mouth: Mouth) -> list[Clip]:
    """All clips with sound."""
    found = [clip_of(path, mouth) for path in sorted(pack.glob("*.npz")) if path.stem not in NOT_SPEECH]
    return [clip for clip in found if clip is not None]


def windows(
    clip: Clip,
    frames: Any,
    spoil: Callable[[Float], Float] | None = None,
    *,
    shift: int = 0,
    tempo: float = 1.0,
) -> Float:
    """k x ROWS x BANDS features at the given frames, as `vidface.vision.speechwindow` makes them.

    `spoil` changes the energies before they are put against the loudest moment; `shift` moves by rows,
    `tempo` speaks faster (above 1) or slower around each frame.
    """
    out = np.zeros((len(frames), ROWS, BANDS), np.float32)
    for place, frame in enumerate(frames):
        last = int(clip.places[frame]) + 1 + shift
        rows = last - _AFTER + np.round(tempo * np.arange(_AFTER - STRETCH_ROWS, _AFTER)).astype(np.int64)
        index = np.clip(rows, 0, len(clip.rows) - 1)
        energy, power = clip.rows[index], clip.power[index]
        if spoil is not None:
            changed = spoil(energy)
            power = power * changed.sum(1) / np.maximum(energy.sum(1), 1e-12)
            energy = changed
        loudest = max(2 * float(power.max()), 10 ** (FLOOR_DB / 10))
        level = 10 * np.log10(2 * energy[-ROWS:] / loudest + 10 ** (-RANGE_DB / 10 - 2))
        out[place] = np.clip(level / RANGE_DB + 1, 0, None)
    return out
