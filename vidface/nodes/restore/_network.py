"""The network behind restore.face: crops, states and known looks in, restored crops and next states out."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session

_INPUTS: Final = ("image", "state", "known")
_OUTPUTS: Final = ("restored", "next")
_BATCH: Final = 4

State = NDArray[np.float32]
"""c x h x w, what a frame leaves for the next one, in the face-aligned place."""


class Restored(NamedTuple):
    """What the network makes of n crops.

    Attributes:
        crops: n x S x S x 3 float32 RGB in 0..255.
        states: n states.
    """

    crops: NDArray[np.float32]
    states: NDArray[np.float32]


class RestoreNetwork:
    """An open model of the task "restore" that keeps a state.

    Attributes:
        size: side of the crops. known: length of the vectors of known looks.

    Raises:
        ModelError: the model is missing or altered, or takes something else.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self._model = session.load(name, device, threads=threads)
        inputs = {port.name: port.shape for port in self._model.inputs}
        outputs = {port.name for port in self._model.outputs}
        if set(inputs) != set(_INPUTS) or not outputs >= set(_OUTPUTS):
            raise ModelError(
                f"restore.face: {name} takes {', '.join(inputs)} and gives {', '.join(sorted(outputs))}, but "
                f"a restorer of video takes {', '.join(_INPUTS)} and gives {', '.join(_OUTPUTS)}; for "
                "restorers of single pictures use restore.onnx."
            )
        self.size = _fixed(name, inputs["image"], 2)
        self.known = _fixed(name, inputs["known"], 1)
        self._state = tuple(_fixed(name, inputs["state"], axis) for axis in (1, 2, 3))

    def blank(self) -> State:
        """The state of a face that was not seen before."""
        return np.zeros(self._state, np.float32)

    def __call__(
        self, crops: NDArray[np.uint8], states: NDArray[np.float32], known: NDArray[np.float32]
    ) -> Restored:
        """One frame of n faces.

        Args:
            crops: n x S x S x 3 uint8 RGB.
            states: n states, `blank` for a new face.
            known: n x k, a unit vector of the person's known pictures, or zeros.
        """
        parts = [
            self._run(crops[at : at + _BATCH], states[at : at + _BATCH], known[at : at + _BATCH])
            for at in range(0, len(crops), _BATCH)
        ]
        return Restored(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _run(self, crops: NDArray[np.uint8], states: State, known: NDArray[np.float32]) -> Restored:
        image = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        outputs = self._model(image=image, state=states, known=known)
        restored = np.clip(outputs["restored"], 0, 255).transpose(0, 2, 3, 1)
        return Restored(np.ascontiguousarray(restored), outputs["next"])


def _fixed(name: str, shape: tuple[int | None, ...], axis: int) -> int:
    side = shape[axis] if len(shape) > axis else None
    if side is None:
        raise ModelError(
            f"restore.face: {name} leaves sizes open that a restorer of video must fix: {shape}."
        )
    return side
