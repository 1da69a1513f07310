"""The network behind mesh.face: crops in, points, presence and blendshapes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Frame
from vidface.data.mesh import BLENDSHAPES, POINTS
from vidface.errors import ModelError
from vidface.infer import session
from vidface.infer.crops import cut, filled, prepared, stacked
from vidface.vision.meshcrop import Matrix, to_frame

_BATCH: Final = 8
_OWN: Final = ("points", "presence", "blendshapes")
_MEDIAPIPE: Final = ("landmarks", "presence")


class Read(NamedTuple):
    """What the network says of n crops.

    Attributes:
        points: n x 478 x 3 float32, pixels of the frame.
        presence: n float32 in [0, 1]; 0 where the network gave no numbers.
        blendshapes: n x 52 float32, NaN where the model has none.
    """

    points: NDArray[np.float32]
    presence: NDArray[np.float32]
    blendshapes: NDArray[np.float32]


class MeshNetwork:
    """An open model of the task "mesh".

    Two kinds are read, told apart by the names of their outputs: points, presence, blendshapes
    (probabilities), and MediaPipe's landmarks and presence (a logit).

    Attributes:
        size: side of the crop in pixels.
        unread: crops for which the network gave no numbers (NaN or infinite), so far.

    Raises:
        ModelError: the model is missing or altered, or gives something else.
    """

    def __init__(self, name: str, device: Device) -> None:
        self._model = session.load(name, device, threads=1)
        self._card = device.card
        manifest, (port, *_) = self._model.manifest, self._model.inputs
        names = {item.name for item in self._model.outputs}
        self._own = names >= set(_OWN)
        if manifest is None or not (self._own or names >= set(_MEDIAPIPE)):
            raise ModelError(
                f"mesh.face: {name} gives {', '.join(sorted(names))}, but a mesh model gives "
                f"{', '.join(_OWN)} (or MediaPipe's {', '.join(_MEDIAPIPE)})."
            )
        self._spec = manifest.contract.inputs[0]
        shape = port.shape if len(port.shape) == 4 else (None,) * 4
        height, width = (shape[2], shape[3]) if self._spec.layout == "NCHW" else (shape[1], shape[2])
        if height is None or height != width:
            raise ModelError(
                f"mesh.face: {name} wants {port}, but a mesh model takes squares of a fixed size."
            )
        self.size: int = height
        self.unread = 0
        self._batch = port.shape[0] or _BATCH
        # On a card every new length of a batch is tuned for anew, so there it is always the same.
        # Shared sessions fill up the runs that they put together themselves.
        tuned = device.kind != "cpu" and device.pool is None
        self._whole = tuned or port.shape[0] is not None

    def __call__(self, frame: Frame, matrices: Sequence[Matrix]) -> Read:
        """Cut out and read each crop; `matrices` as those of `vidface.vision.meshcrop`."""
        return self.of_frames([frame] * len(matrices), matrices)

    def of_frames(self, frames: Sequence[Frame], matrices: Sequence[Matrix]) -> Read:
        """The same for crops each of which has its own frame: both of one length."""
        parts = []
        for first in range(0, len(matrices), self._batch):
            part = slice(first, first + self._batch)
            parts.append(self._run(frames[part], matrices[part]))
        if not parts:
            empty = np.zeros((0, len(BLENDSHAPES)), np.float32)
            return Read(np.zeros((0, POINTS, 3), np.float32), np.zeros(0, np.float32), empty)
        return Read(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def close(self) -> None:
        """Give back the session's memory."""
        self._model.close()

    def _run(self, frames: Sequence[Frame], matrices: Sequence[Matrix]) -> Read:
        count = len(matrices)
        length = self._batch if self._whole else count
        pairs = zip(frames, matrices, strict=True)
        crops = stacked(
            [cut(frame, matrix, self.size, self._card) for frame, matrix in pairs], self.size, self._card
        )
        outputs = self._model(prepared(self._spec, filled(crops, length, self._card), self._card))
        raw = outputs["points" if self._own else "landmarks"].reshape(length, POINTS, 3)[:count]
        presence = outputs["presence"].reshape(length)[:count].astype(np.float32)
        if self._own:
            blendshapes = np.clip(outputs["blendshapes"][:count].astype(np.float32), 0, 1)
        else:
            presence = (1 / (1 + np.exp(-presence))).astype(np.float32)
            blendshapes = np.full((count, len(BLENDSHAPES)), np.nan, np.float32)
        points = to_frame(raw, np.stack(matrices)).astype(np.float32)
        odd = ~(np.isfinite(presence) & np.isfinite(raw).reshape(count, -1).all(axis=1))
        self.unread += int(odd.sum())
        return Read(points, np.where(odd, 0, np.clip(presence, 0, 1)).astype(np.float32), blendshapes)
