"""Windows of movement held against those of a person's references."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.person import PersonReferences
from vidface.vision.manner import RATE, WINDOW
from vidface.vision.personprior import PersonPrior
from vidface.vision.personscore import Level, Score

Array = NDArray[np.float64]

LEAST_WINDOWS: Final = 4
_LENGTH_S: Final = (WINDOW - 1) / RATE


def likeness(windows: Array, references: Array) -> Array:
    """w x m and r x m signatures around the mean of people -> w, the largest cosine to any reference."""
    units = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) for rows in (windows, references)
    ]
    return np.asarray((units[0] @ units[1].T).max(axis=1))


def left_out(windows: Array, source: NDArray[np.int64], end: Array) -> Array:
    """Likeness of each window to those of other recordings.

    With one recording: to those of its windows that do not overlap. Windows that have nothing to be
    held against are left away.
    """
    several = len(np.unique(source)) > 1
    found = []
    for place in range(len(windows)):
        others = source != source[place] if several else np.abs(end - end[place]) >= _LENGTH_S
        if others.any():
            found.append(float(likeness(windows[place : place + 1], windows[others])[0]))
    return np.asarray(found, np.float64)


class Manner:
    """How the face moves against how the person of the references does.

    Args:
        person: with `LEAST_WINDOWS` windows or more.
    """

    def __init__(self, person: PersonReferences, prior: PersonPrior) -> None:
        self._mean = prior.manner_mean
        self._windows = person.windows.astype(np.float64) - self._mean
        own = left_out(self._windows, person.window_source, person.window_end)
        mean, sd = prior.manner_level.tolist()
        self._level = Level(mean, sd, 0).blend(own)

    def __call__(self, windows: NDArray[np.float32]) -> Score:
        """w x m signatures, w of 1 or more; high moves otherwise."""
        alike = likeness(windows.astype(np.float64) - self._mean, self._windows)
        score = float(((self._level.mean - alike) / self._level.sd).mean())
        return Score(
            score,
            {
                "likeness": float(alike.mean()),
                "usual": self._level.mean,
                "references": len(self._windows),
                "windows": len(windows),
            },
        )
