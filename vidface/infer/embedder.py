"""An embedder: aligned crops of faces in, identity vectors and recognisability out."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session
from vidface.infer.crops import filled, prepared

_BATCH: Final = 4
"""Crops at a time on a CPU: as fast as 16, the same vectors, and 50 MB less."""
_CARD_BATCH: Final = 16
TEMPLATES: Final = ("arcface112", "arcface128", "ffhq512", "arcface112 columns 8..104 resized to 128")
"""Alignments that can be made: names of `vidface.vision.align.TEMPLATES`."""


class Looks(NamedTuple):
    """What an embedder says of n crops.

    Attributes:
        vectors: n x d float32 of unit length; zeros (not measured) where the network gave no numbers.
        recognisability: n float32 in [0, 1]; NaN there, and where the model has no such output.
    """

    vectors: NDArray[np.float32]
    recognisability: NDArray[np.float32]


class Embedder:
    """An open model of the task "embed".

    Read by its manifest: one picture in (layout, colours and scaling as stated there, `template` names
    the alignment), an embedding out: the output called "embedding", or the only one of two dimensions;
    a second output "recognisability" is taken where there is one.

    Attributes:
        template: name of the alignment template (`vidface.vision.align.TEMPLATES`).
        size: side of the crop in pixels. dimension: d.
        fingerprint: "name@" and the first 12 digits of the weights' sha256.
        unread: crops for which the network gave no numbers (NaN or infinite), so far.

    Raises:
        ModelError: the model is missing or altered, is no embedder, or wants crops aligned in another way.
    """

    def __init__(self, name: str, device: Device, *, threads: int = 1) -> None:
        self._model = session.load(name, device, threads=threads)
        self._card = device.card
        manifest, outputs = self._model.manifest, {port.name: port for port in self._model.outputs}
        vectors = [port.name for port in outputs.values() if port.name != "recognisability"]
        if manifest is None or manifest.task != "embed" or not vectors:
            task = manifest.task if manifest else "unknown"
            raise ModelError(
                f"{name} is a model of the task {task}, but an embedder is wanted; vidface models list "
                "--task embed lists those that serve."
            )
        self._spec = manifest.contract.inputs[0]
        self._output = "embedding" if "embedding" in outputs else vectors[0]
        self._sure = "recognisability" in outputs
        shape = self._model.inputs[0].shape
        side = shape[2] if self._spec.layout == "NCHW" else shape[1]
        self.template: str = _known(self._spec.template or "arcface112", name)
        self.size: int = side or 112
        self.fingerprint: str = f"{self._model.name}@{self._model.sha256[:12]}"
        self.unread = 0
        self._batch = shape[0] or (_BATCH if device.kind == "cpu" else _CARD_BATCH)
        # Fixed lengths make results independent of grouping, which a pool does not promise.
        self._whole = (device.kind != "cpu" and device.pool is None) or shape[0] is not None
        # Vectors of n x d x 1 x 1 have d numbers as well; where the graph does not say, a crop tells.
        said = math.prod(length or 0 for length in outputs[self._output].shape[1:])
        self.dimension: int = said or self._tried()

    def __call__(self, crops: Any) -> Looks:
        """n x size x size x 3 uint8 RGB -> looks, in batches.

        Crops may be on the card, as `vidface.infer.crops` has them there.
        """
        parts = [self._run(crops[at : at + self._batch]) for at in range(0, len(crops), self._batch)]
        if not parts:
            return Looks(np.zeros((0, self.dimension), np.float32), np.zeros(0, np.float32))
        return Looks(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _tried(self) -> int:
        """How many numbers the network gives for a crop."""
        looks = self._run(np.zeros((1, self.size, self.size, 3), np.uint8))
        self.unread = 0
        return int(looks.vectors.shape[1])

    def _run(self, crops: Any) -> Looks:
        count = len(crops)
        if self._whole:
            crops = filled(crops, self._batch, self._card)
        outputs = self._model(prepared(self._spec, crops, self._card))
        vectors = outputs[self._output].reshape(len(crops), -1)[:count].astype(np.float32)
        # In one batch with others, a vector that is no numbers is a face that could not be read, no more.
        odd = ~np.isfinite(vectors).all(axis=1)
        vectors[odd] = 0
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        sure = np.full(count, np.nan, np.float32)
        if self._sure:
            sure = np.clip(outputs["recognisability"].reshape(-1)[:count].astype(np.float32), 0, 1)
        sure[odd] = np.nan
        self.unread += int(odd.sum())
        return Looks(vectors, sure)


def _known(template: str, name: str) -> str:
    if template not in TEMPLATES:
        raise ModelError(
            f"{name} wants crops aligned to {template!r}, which vidface cannot make: an embedder has one of "
            f"{', '.join(TEMPLATES)}. Choose another; vidface models list --task embed lists them."
        )
    return template
