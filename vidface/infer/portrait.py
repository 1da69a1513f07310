"""The portrait network: sets a field of places right, says how far to trust that, draws what is missing."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session

_INPUTS: Final = {"source": 3, "places": 2, "guides": 6}
_OUTPUTS: Final = {"places_right", "trust", "change"}


class Layers(NamedTuple):
    """What the target picture is made of.

    It is trust x the source taken at `places` + (1 - trust) x the source taken at the places that were
    given + change; so nothing that is only moved loses its sharpness.

    Attributes:
        places: size x size x 2 float32, where in the source each pixel comes from, set right; pixels.
        trust: size x size float32 in [0, 1].
        change: size x size x 3 float32 RGB, levels to add.
    """

    places: NDArray[np.float32]
    trust: NDArray[np.float32]
    change: NDArray[np.float32]


class PortraitNetwork:
    """An open model of the task "reenact" that follows a field of places.

    Attributes:
        name: the model.
        size: side in pixels of what goes in and comes out.

    Raises:
        ModelError: the model is missing or altered, or is another kind of network.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self.name = name
        self._model = session.load(name, device, threads=threads)
        wanted = {port.name: port for port in self._model.inputs}
        channels = {key: port.shape[1] for key, port in wanted.items() if len(port.shape) == 4}
        if channels != _INPUTS or {port.name for port in self._model.outputs} != _OUTPUTS:
            raise ModelError(
                f"{name} takes {', '.join(map(str, self._model.inputs))}, but a portrait network takes "
                "source, places and guides and gives places_right, trust and change; vidface-portrait is one."
            )
        self.size = int(wanted["source"].shape[2] or 256)

    def __call__(
        self, source: NDArray[np.uint8], places: NDArray[np.float32], guides: NDArray[np.float32]
    ) -> Layers:
        """What the target picture is made of.

        Args:
            source: size x size x 3 RGB.
            places: size x size x 2, where in the source each target pixel comes from, pixels counted from
                the border (the first pixel's middle is 0.5).
            guides: size x size x 6: inside, seen, mouth, and the point on the mean face (`MeshField`).

        Raises:
            ModelError: the runtime failed, or an array has another shape.
        """
        found = self._model(
            source=_planes(source),
            places=_planes(places * np.float32(2 / self.size) - 1),
            guides=_planes(guides),
        )
        right = (found["places_right"][0].transpose(1, 2, 0) + 1) * np.float32(self.size / 2)
        change = found["change"][0].transpose(1, 2, 0)
        return Layers(
            np.ascontiguousarray(right, np.float32),
            np.ascontiguousarray(found["trust"][0, 0], np.float32),
            np.ascontiguousarray(change, np.float32),
        )

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()


def _planes(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    """h x w x c -> 1 x c x h x w."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
