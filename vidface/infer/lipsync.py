"""A lip-sync network of Wav2Lip's layout: a piece of sound and a face in, the face with a new mouth out."""

from __future__ import annotations

from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError
from vidface.infer import session
from vidface.infer.contract import Port, prepare
from vidface.infer.manifest import Input

MEL: Final = (80, 16)
_CHANNELS: Final = 6


class LipSyncer:
    """An open model of the task "lipsync".

    Read by its manifest: an input of n x 1 x 80 x 16 takes the sound (`vidface.vision.melchunk`); the one
    whose `channels` are "bgr+bgr" or "rgb+rgb" takes the picture twice, first with its lower half black, then
    whole, scaled as stated there; the first output is the picture with a new mouth, in one order of those
    channels, black and white as `range` says (0 to 1 where it says nothing). Which port of the file is which
    is told by their shapes.

    Attributes:
        name: the model. size: side of the picture in pixels.

    Raises:
        ModelError: the model is missing or altered, no lip-sync network, or its manifest
            lacks what is needed.
        ModelMismatchError: the file cannot follow its manifest.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self.name = name
        self._model = session.load(name, device, threads=threads)
        manifest = self._model.manifest
        if manifest is None or manifest.task != "lipsync":
            raise ModelError(
                f"{name} is a model of the task {manifest.task if manifest else 'unknown'}, but a lip-sync "
                "network is wanted; vidface models list --task lipsync lists those that serve."
            )
        self._spec = self._half(manifest.contract.inputs)
        self._range = manifest.contract.outputs[0].range or (0.0, 1.0)
        self._sound, self._face = self._ports()
        self.size: int = int(self._face.shape[2] or 0)

    def __call__(self, mel: NDArray[np.float32], crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Draw the mouth that goes with a piece of sound.

        Args:
            mel: 80 x 16, see `mel_chunk`.
            crop: size x size x 3 RGB.

        Returns:
            size x size x 3 float32 RGB, 0..255, not rounded; NaN where the network failed.

        Raises:
            ModelError: the runtime failed, or gave another shape than the crop's.
        """
        masked = crop.copy()
        masked[self.size // 2 :] = 0
        halves = [prepare(self._spec, one[None]) for one in (masked, crop)]
        feed = {
            self._sound.name: np.asarray(mel, np.float32)[None, None].astype(self._sound.dtype),
            self._face.name: np.concatenate(halves, axis=1).astype(self._face.dtype),
        }
        found = next(iter(self._model(**feed).values()))
        if found.shape != (1, 3, self.size, self.size):
            self._refuse(f"it should give 1 x 3 x {self.size} x {self.size}, but gave {found.shape}")
        low, high = self._range
        drawn = (found[0].astype(np.float32).transpose(1, 2, 0) - low) * np.float32(255 / (high - low))
        drawn = np.clip(drawn, 0, 255)
        return np.ascontiguousarray(drawn[..., ::-1] if self._spec.channels == "bgr" else drawn)

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _half(self, inputs: tuple[Input, ...]) -> Input:
        """The picture's input as the manifest states it, for one of the two pictures in it."""
        for spec in inputs:
            if spec.channels in ("bgr+bgr", "rgb+rgb") and spec.layout == "NCHW":
                return spec.model_copy(update={"channels": spec.channels[:3]})
        raise ModelError(
            f"{self.name}: the manifest of a lip-sync network has an input with layout: NCHW and channels: "
            "bgr+bgr or rgb+rgb, but this has none; take the family wav2lip."
        )

    def _ports(self) -> tuple[Port, Port]:
        sounds = [port for port in self._model.inputs if port.shape[-2:] == MEL]
        faces = [port for port in self._model.inputs if port.shape[1:2] == (_CHANNELS,)]
        square = len(faces) == 1 and faces[0].shape[2:3] == faces[0].shape[3:4] and faces[0].shape[2]
        if len(self._model.inputs) != 2 or len(sounds) != 1 or not square:
            ports = ", ".join(map(str, self._model.inputs))
            self._refuse(f"it should take N x 1 x 80 x 16 and N x 6 x S x S, but takes {ports}")
        return sounds[0], faces[0]

    def _refuse(self, fault: str) -> NoReturn:
        raise ModelMismatchError(
            f"{self.name} ({self._model.path.name}) cannot follow the contract of its manifest: {fault}. "
            "Import the file that the manifest describes."
        )
