"""The blend network: crops of faces in, log odds that the face was put in and a map of where, out."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session

_BATCH: Final = 8
_OUTPUTS: Final = {"logit", "heat"}


class Traces(NamedTuple):
    """What the network says of n crops.

    Attributes:
        log_odds: n float32, above 0 where it holds the face for put in.
        heat: n x h x w float32 in [0, 1], how likely each place was put in.
    """

    log_odds: NDArray[np.float32]
    heat: NDArray[np.float32]


class BlendReader:
    """An open model of the task "forensics" that looks for blending.

    It takes `image`, n x 3 x S x S RGB 0..255, and gives `logit` n x 1 and `heat` n x 1 x h x w, as
    vidface-blend does; the crops are those of `vidface.vision.meshcrop`.

    Attributes:
        name: the model. size: S in pixels.

    Raises:
        ModelError: the model is missing or altered, or is another kind of network.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self.name = name
        self._model = session.load(name, device, threads=threads)
        shape = self._model.inputs[0].shape
        square = len(shape) == 4 and shape[1] == 3 and shape[2] is not None and shape[2] == shape[3]
        names = {port.name for port in self._model.outputs}
        if not square or self._model.inputs[0].name != "image" or not names >= _OUTPUTS:
            raise ModelError(
                f"{name} takes {', '.join(map(str, self._model.inputs))} and gives "
                f"{', '.join(sorted(names))}, but a model that looks for blending takes image "
                "(N x 3 x S x S) and gives logit and heat, as vidface-blend does."
            )
        self.size: int = int(shape[2] or 0)

    def __call__(self, crops: NDArray[np.uint8]) -> Traces:
        """n x S x S x 3 RGB, one or more -> traces, in batches.

        Raises:
            ModelError: the runtime failed.
        """
        parts = [self._run(crops[at : at + _BATCH]) for at in range(0, len(crops), _BATCH)]
        return Traces(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _run(self, crops: NDArray[np.uint8]) -> Traces:
        found = self._model(image=np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32))
        log_odds = found["logit"].reshape(len(crops)).astype(np.float32)
        return Traces(log_odds, np.clip(found["heat"][:, 0], 0, 1).astype(np.float32))
