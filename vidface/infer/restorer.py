"""An image restorer: aligned crops of faces in, the same crops restored out."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError
from vidface.infer import session
from vidface.infer.contract import Port, pictures, prepare
from vidface.infer.manifest import Input, Output

_BATCH: Final = 4
"""Crops at a time where the graph leaves it free: nets of this kind hold hundreds of MB for each."""
_SIZE: Final = 512


class Restorer:
    """An open model of the task "restore" that works on single pictures.

    Read by its manifest: one square picture in (layout, colours and scaling as stated there, `template`
    names the alignment), one picture of the same size out (the output with a `range`). Every further
    input must hold a single number: the model's own fidelity, as CodeFormer's w.

    Attributes:
        name: the model.
        template: name of the alignment template (`vidface.vision.align.TEMPLATES`).
        size: side of the crop in pixels.
        weighted: the model takes a fidelity.

    Raises:
        ModelError: the model is missing or altered, is no restorer, or its manifest lacks what is needed.
        ModelMismatchError: the graph cannot follow its manifest.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self.name = name
        self._model = session.load(name, device, threads=threads)
        self._spec, self._result = self._contract()
        self._image, self._numbers = self._ports()
        self._output = self._picture_out()
        self.template: str = self._spec.template or "ffhq512"
        shape = self._image.shape
        self.size: int = (shape[2] if self._spec.layout == "NCHW" else shape[1]) or self._stated_size()
        self.weighted: bool = bool(self._numbers)
        self._batch = shape[0] or _BATCH
        self._whole = shape[0] is not None

    def __call__(self, crops: NDArray[np.uint8], weight: float = 0.5) -> NDArray[np.float32]:
        """n x size x size x 3 uint8 RGB -> the same shape float32 RGB, 0..255, not rounded.

        A crop on which the network failed (NaN or infinity, as half-precision nets give at times) is
        NaN throughout.

        Args:
            weight: for models that take one, 0 to 1; what it means is the model's (CodeFormer: higher
                stays closer to the input).

        Raises:
            ModelError: the runtime failed, or gave another shape than that of the crops.
        """
        parts = [self._run(crops[at : at + self._batch], weight) for at in range(0, len(crops), self._batch)]
        if not parts:
            return np.zeros((0, self.size, self.size, 3), np.float32)
        return np.concatenate(parts)

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _run(self, crops: NDArray[np.uint8], weight: float) -> NDArray[np.float32]:
        count = len(crops)
        if self._whole and count < self._batch:
            crops = np.concatenate([crops, np.zeros((self._batch - count, *crops.shape[1:]), np.uint8)])
        feed: dict[str, NDArray[Any]] = {
            self._image.name: prepare(self._spec, crops).astype(self._image.dtype, copy=False)
        }
        for port in self._numbers:
            feed[port.name] = np.full([n or 1 for n in port.shape], weight, port.dtype)
        values = self._model(**feed)[self._output]
        whole = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        restored = pictures(self._spec, self._result, values)
        if restored.shape != crops.shape:
            wanted, found = (" x ".join(map(str, shape)) for shape in (crops.shape, restored.shape))
            self._mismatch(f"restored crops should be {wanted} like those given, but are {found}")
        restored[~whole] = np.nan
        return restored[:count]

    def _contract(self) -> tuple[Input, Output]:
        """The picture that goes in and the one that comes out, as the manifest states them."""
        manifest = self._model.manifest
        if manifest is None or manifest.task != "restore":
            task = manifest.task if manifest else "unknown"
            raise ModelError(
                f"{self.name} is a model of the task {task}, but an image restorer is wanted; vidface models "
                "list --task restore lists those that serve."
            )
        if any(port.name == "state" for port in manifest.contract.inputs):
            raise ModelError(f"{self.name} restores video, with a state; restore.face is its node.")
        spec = manifest.contract.inputs[0]
        results = [output for output in manifest.contract.outputs if output.range is not None]
        if spec.layout is None or spec.channels not in ("rgb", "bgr") or not results:
            raise ModelError(
                f"{self.name}: the manifest of an image restorer states layout and channels of its first "
                "input and the range of its output, but these are missing; add them, e.g. layout: NCHW, "
                "channels: rgb, range: [-1, 1], or import the file under a known family."
            )
        return spec, results[0]

    def _ports(self) -> tuple[Port, tuple[Port, ...]]:
        """The port that takes the picture, and those that take one number."""
        images = [port for port in self._model.inputs if len(port.shape) == 4]
        numbers = tuple(port for port in self._model.inputs if len(port.shape) != 4)
        if len(images) != 1:
            self._mismatch(f"it should take 1 picture, but takes {len(images)}")
        image = images[0]
        channels, *sides = image.shape[1:] if self._spec.layout == "NCHW" else image.shape[:0:-1]
        if channels not in (None, 3) or (None not in sides and sides[0] != sides[1]):
            self._mismatch(
                f"its picture should be square with 3 channels in {self._spec.layout}, but is {image}"
            )
        if not image.dtype.startswith("float"):
            self._mismatch(f"its picture should hold floats, but is {image}")
        odd = [port for port in numbers if any(n not in (None, 1) for n in port.shape)]
        if odd:
            self._mismatch(
                f"beside the picture it should take single numbers, but {odd[0].name!r} is {odd[0]}"
            )
        return image, numbers

    def _picture_out(self) -> str:
        """Name of the output that holds the restored picture; features may stand beside it."""
        axis = 1 if self._spec.layout == "NCHW" else 3
        names = [
            port.name
            for port in self._model.outputs
            if not port.shape or (len(port.shape) == 4 and port.shape[axis] in (None, 3))
        ]
        if self._result.name in names:
            return str(self._result.name)
        if not names:
            self._mismatch(
                "it should give a picture, but none of its outputs has 4 dimensions and 3 channels"
            )
        return names[0]

    def _stated_size(self) -> int:
        """Side of the crop where the graph leaves it free: the manifest's, else the field's usual one."""
        stated = self._spec.shape[2 if self._spec.layout == "NCHW" else 1]
        return stated if isinstance(stated, int) else _SIZE

    def _mismatch(self, fault: str) -> NoReturn:
        raise ModelMismatchError(
            f"{self.name} ({self._model.path.name}) cannot follow the contract of its manifest: {fault}. "
            "Import the file that the manifest describes."
        )
