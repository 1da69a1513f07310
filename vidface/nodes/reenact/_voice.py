"""The voice of a frame, and the network that hears how its mouth stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.data.sound import SOUND_RATE, Sound
from vidface.errors import ModelError
from vidface.infer import session
from vidface.vision.meshmodel import MeshModel
from vidface.vision.speech import BANDS, FLOOR_DB, HOP, WINDOW, envelope
from vidface.vision.speechwindow import AHEAD, ROWS, features_of

_SILENT_DB: Final = FLOOR_DB - 10
_NEAR: Final = SOUND_RATE // 4


class Voice(NamedTuple):
    """What is heard at a frame.

    Attributes:
        loudness: 0 to 1, of the moment against the loudest of the last second.
        speech: 0 where the quarter second to both sides is silent (under -60 dB), 1 where it is not (-50).
    """

    loudness: float
    speech: float


def voice_of(sound: Sound) -> Voice:
    """Loudness and presence of a voice; silence where there is no track."""
    levels = envelope(sound.part(sound.now - SOUND_RATE, SOUND_RATE + AHEAD))
    if not sound.heard or not len(levels):
        return Voice(0.0, 0.0)
    now = min(len(levels) - 1, (SOUND_RATE - WINDOW // 2) // HOP)
    near = float(levels[max(0, now - _NEAR // HOP) : now + _NEAR // HOP + 1].max())
    speech = (20 * np.log10(near + 1e-9) - _SILENT_DB) / (FLOOR_DB - _SILENT_DB)
    loudest = max(float(levels.max()), 10 ** (FLOOR_DB / 20))
    return Voice(float(levels[now]) / loudest, float(np.clip(speech, 0, 1)))


class SpeechNetwork:
    """An open model of the family of `vidface-speechmotion`.

    Raises:
        ModelError: it is missing or altered, or does not fit the mesh model.
    """

    def __init__(self, name: str, device: Device, model: MeshModel) -> None:
        self._model = session.load(name, device, threads=1)
        ports = {port.name: port.shape for port in (*self._model.inputs, *self._model.outputs)}
        wanted = {"mel": (ROWS, BANDS), "expression": (len(model.expression),)}
        for port, shape in wanted.items():
            if ports.get(port, ())[1:] != shape:
                raise ModelError(
                    f"reenact.speech: {name} must take mel (N x {ROWS} x {BANDS}) and give expression "
                    f"(N x {len(model.expression)}, as the mesh model has it), but its {port} is "
                    f"{ports.get(port, 'missing')}."
                )

    def __call__(self, sound: Sound, blur_s: float) -> NDArray[np.float64]:
        """Expression (m) at a frame, against a closed mouth; a mean over moments around it with `blur_s`.

        Moments on both sides are read, so smoothing does not make the mouth late.
        """
        offsets = np.array([-2, -1, 0, 1, 2]) if blur_s > 0 else np.array([0])
        shifts = np.round(offsets * blur_s * SOUND_RATE).astype(int)
        windows = [features_of(replace(sound, now=sound.now + int(shift))) for shift in shifts]
        said = self._model(np.stack(windows).astype(np.float32))["expression"].astype(np.float64)
        share = np.exp(-0.5 * offsets**2)
        mean: NDArray[np.float64] = share @ said / share.sum()
        return mean

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()
