"""The window of sound that the speech network reads for one frame."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.sound import Sound, sample_at
from vidface.vision.speech import HOP, WINDOW, log_mel

ROWS: Final = 64
"""Rows of features that the network sees, 10 ms each: from 0.41 s before the frame to 0.25 s behind it."""
STRETCH_ROWS: Final = 123
"""Rows among which the loudest moment is looked for: from 1 s before the frame on."""
AHEAD: Final = 4000
"""Samples behind the frame's time that are looked at: lips prepare a sound before it is heard."""
_STRETCH: Final = WINDOW + (STRETCH_ROWS - 1) * HOP


def place_of_frame(time: Fraction | float) -> int:
    """Place on the sound's grid behind the last sample that a frame's window sees."""
    return sample_at(Fraction(time)) + AHEAD


def features_of(sound: Sound) -> NDArray[np.float32]:
    """ROWS x BANDS features (see `log_mel`) of the window around a frame."""
    samples: Any = sound.part(sound.now + AHEAD - _STRETCH, _STRETCH)
    return log_mel(samples)[-ROWS:]
