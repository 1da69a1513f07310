"""How a person moves: which movements of the head and of the face go together.

Everybody who speaks nods, turns, raises brows and opens the mouth; which of these go together is a habit.
Over three seconds the correlations of all pairs of signals are taken, as in S. Agarwal et al., "Protecting
World Leaders Against Deep Fakes" (2019), with the turns' velocities as further signals. All is
resampled to 25 values a second by time, so that the frame rate of a clip does not matter.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.measures import Measures
from vidface.data.mesh import BLENDSHAPES

Array = NDArray[np.float64]

RATE: Final = 25
WINDOW: Final = 75
"""Values in a window: 3 s."""
HOP: Final = 37
"""Half a window, as the protocol has it."""
_GAP_S: Final = 0.5
"""A window may have holes of so long; they are bridged by a line."""
_SMOOTH: Final = (0.11, 0.24, 0.30, 0.24, 0.11)
"""A turn jitters by a degree from frame to frame; without this velocities would be that jitter."""
_CLIP: Final = 0.98

_MEASURED: Final = ("mouth_opening", "mouth_width", "smile", "brow_raise_left", "brow_raise_right",
                    "eye_opening_left", "eye_opening_right")  # fmt: skip
_SHAPES: Final[tuple[tuple[str, ...], ...]] = (
    ("jawOpen",),
    ("mouthPucker", "mouthFunnel"),
    ("mouthPressLeft", "mouthPressRight"),
    ("mouthRollLower", "mouthRollUpper"),
    ("mouthShrugLower",),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("browInnerUp",),
    ("browDownLeft", "browDownRight"),
    ("eyeSquintLeft", "eyeSquintRight"),
)
_PLACES: Final = tuple(tuple(BLENDSHAPES.index(name) for name in group) for group in _SHAPES)

POSE: Final = 3
EXPRESSIONS: Final = len(_SHAPES)
SIGNALS: Final = POSE + len(_MEASURED) + len(_SHAPES)
"""Numbers of a face on a frame: yaw, pitch, roll in degrees, then measures, then blendshapes."""
ALL: Final = SIGNALS + POSE
"""With the velocities of the turns."""
SIZE: Final = ALL * (ALL - 1) // 2
"""Numbers in a signature: one for each pair."""


def expressions_of(blendshapes: Any) -> NDArray[np.float32]:
    """n x 52 blendshapes -> n x `EXPRESSIONS`: means of those that tell one thing."""
    shapes = np.asarray(blendshapes, np.float32)
    return np.column_stack([shapes[:, list(places)].mean(axis=1) for places in _PLACES])


def signals_of(angles: Any, measures: Measures, blendshapes: Any) -> NDArray[np.float32]:
    """The signals of the faces of a frame.

    Args:
        angles: n x 3 degrees, as in `Poses`. measures: those of mesh.measures. blendshapes: n x 52.

    Returns:
        n x `SIGNALS` float32, NaN where not measured.

    Raises:
        KeyError: a measure is not among those given.
    """
    measured = [measures.column(name) for name in _MEASURED]
    columns = [np.asarray(angles, np.float32), *measured, expressions_of(blendshapes)]
    return np.asarray(np.column_stack(columns), np.float32)


def resampled(times: Any, signals: Any, end: float, length: int = WINDOW) -> Array | None:
    """`length` values at 25 a second, the last one at `end`; None where too much is missing.

    Args:
        times: n seconds, ascending. signals: n x p, rows with NaN are holes.
        end: the last moment, seconds.
    """
    rows, at = np.asarray(signals, np.float64), np.asarray(times, np.float64)
    known = np.isfinite(rows).all(axis=1)
    rows, at = rows[known], at[known]
    wanted = end - np.arange(length)[::-1] / RATE
    # A moment's grace: the first and the last frame seldom lie on the grid.
    near = (at > wanted[0] - _GAP_S) & (at < end + _GAP_S)
    rows, at = rows[near], at[near]
    if len(at) < length // 3 or at[0] > wanted[0] + 1 / RATE or at[-1] < end - 1 / RATE:
        return None
    if float(np.diff(at).max(initial=0)) > _GAP_S:
        return None
    return np.stack([np.interp(wanted, at, column) for column in rows.T], axis=1)


def signature(series: Any) -> NDArray[np.float32]:
    """Signals of 3 s (`WINDOW` x `SIGNALS`) -> `SIZE` float32: Fisher's z of each pair's correlation.

    A signal that does not move at all goes with nothing: 0.
    """
    rows = np.asarray(series, np.float64)
    padded = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
    calm = np.stack([np.convolve(column, _SMOOTH, mode="valid") for column in padded.T], axis=1)
    speed = np.gradient(calm[:, :POSE], 1 / RATE, axis=0)
    whole = np.concatenate([calm, speed], axis=1)
    whole = whole - whole.mean(axis=0)
    length = np.linalg.norm(whole, axis=0)
    unit = whole / np.where(length > 1e-6, length, np.inf)
    pairs = (unit.T @ unit)[np.triu_indices(ALL, 1)]
    return np.asarray(np.arctanh(np.clip(pairs, -_CLIP, _CLIP)), np.float32)


def windows_of(times: Any, signals: Any) -> tuple[NDArray[np.float32], Array]:
    """All windows of a recording, half over one another.

    Returns:
        w x `SIZE` signatures, and w moments at which they end, seconds.
    """
    at = np.asarray(times, np.float64)
    found, ends = [], []
    if len(at):
        end = float(at[0]) + (WINDOW - 1) / RATE
        while end <= float(at[-1]) + 0.5 / RATE:
            series = resampled(at, signals, end)
            if series is not None:
                found.append(signature(series))
                ends.append(end)
            end += HOP / RATE
    signatures = np.stack(found) if found else np.zeros((0, SIZE), np.float32)
    return signatures, np.asarray(ends, np.float64)
