"""The pictures of a person, read once: whose face it is, its mesh, and the square around the head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Frame
from vidface.data.frame import Pixels
from vidface.errors import InputError, ModelError, UsageError
from vidface.infer import session
from vidface.media.stills import still_frame
from vidface.nodes.mesh._network import MeshNetwork
from vidface.nodes.reenact._canvas import coded_as
from vidface.vision.detection import (
    STRIDES,
    YUNET_OUTPUTS,
    Found,
    decode_yunet,
    faces_among,
    padded_size,
    to_tensor,
)
from vidface.vision.irisfind import with_irises
from vidface.vision.meshcrop import crop_of_landmarks, crop_of_mesh

_WIDTHS: Final = (640, 1280)
"""Longer sides at which a picture is looked at: first so, and where nobody is found, finer."""
_SCORE: Final = 0.5
_PRESENCE: Final = 0.5


class Still(NamedTuple):
    """A picture and the mesh of the face that was chosen in it.

    Attributes:
        path: where it was read.
        pixels: h x w x 3 uint8 RGB.
        mesh: 478 x 3, pixels of it.
        faces: how many faces it shows.
        coded: a picture in the colour of the file.
    """

    path: Path
    pixels: NDArray[np.uint8]
    mesh: NDArray[np.float32]
    faces: int
    coded: Pixels


class StillReader:
    """The networks that look at source pictures; open for as long as the pictures are read.

    Args:
        node: stands in messages.

    Raises:
        ModelError: a model is missing, altered or of another kind.
    """

    def __init__(self, node: str, detector: str, mesh: str, device: Device) -> None:
        self._node = node
        self._mesh = MeshNetwork(mesh, device)
        self._detector = session.load(detector, device, threads=1)
        manifest = self._detector.manifest
        if manifest is None or {port.name for port in self._detector.outputs} != set(YUNET_OUTPUTS):
            raise ModelError(f"{node}: detector must be of the family yunet, but {detector} is of another.")
        self._input = manifest.contract.inputs[0]

    def close(self) -> None:
        """Give back both."""
        self._detector.close()
        self._mesh.close()

    def read(self, path: str | Path, face: int | None) -> Still:
        """Read a picture and the mesh of one of its faces.

        Args:
            face: which, counted from 1, left to right; None where there is one only.

        Raises:
            InputError: no picture, or no face in it.
            UsageError: several faces and none chosen, or one that is not there.
        """
        frame = still_frame(path)
        found = self._faces(frame)
        if not len(found.boxes):
            raise InputError(
                f"{self._node}: no face was found in {path}; a photograph is wanted that shows both eyes "
                "and a face of 32 pixels high or more (drawings and masks are often not seen)."
            )
        mesh = self._chosen(frame, found, path, face)
        return Still(Path(path), frame.rgb(), mesh, len(found.boxes), coded_as(frame))

    def _chosen(self, frame: Frame, found: Found, path: str | Path, face: int | None) -> Any:
        order = np.argsort(found.boxes[:, [0, 2]].mean(axis=1), kind="stable")
        if face is None and len(order) > 1:
            places = ", ".join(
                f"{number} at x {found.boxes[row, [0, 2]].mean():.0f}"
                for number, row in enumerate(order.tolist(), 1)
            )
            raise UsageError(
                f"{self._node}: {path} shows {len(order)} faces, from left to right {places}; "
                "choose one with `face`."
            )
        if face is not None and face > len(order):
            raise UsageError(f"{self._node}: face is {face}, but {path} shows {len(order)} only.")
        crop = crop_of_landmarks(found.landmarks[order[(face or 1) - 1]], self._mesh.size)
        read = self._mesh(frame, [crop])
        if read.presence[0] >= _PRESENCE and np.isfinite(read.points).all():
            read = self._mesh(frame, [crop_of_mesh(read.points[0], self._mesh.size)])
        if read.presence[0] < _PRESENCE or not np.isfinite(read.points).all():
            raise InputError(
                f"{self._node}: the face in {path} cannot be measured (certainty {read.presence[0]:.2f}): "
                "take a picture in which it is larger, less covered or not turned as far."
            )
        seen = with_irises(read.points[0], frame.crop)
        return read.points[0] if seen is None else seen

    def _faces(self, frame: Frame) -> Found:
        found = self._look(frame, _WIDTHS[0])
        if not len(found.boxes) and max(frame.size) > _WIDTHS[0]:
            found = self._look(frame, _WIDTHS[1])
        return found

    def _look(self, frame: Frame, longer: int) -> Found:
        wide, high = frame.size
        width = max(1, round(wide * min(longer / max(wide, high), 2.0)))
        how = self._input
        picture = (frame.rgb if how.channels == "rgb" else frame.bgr)(width)
        size = padded_size((picture.shape[1], picture.shape[0]), max(how.multiple, STRIDES[-1]))
        outputs = self._detector(to_tensor([picture], size, divide=how.divide, mean=how.mean, std=how.std))
        candidates = decode_yunet([outputs[name] for name in YUNET_OUTPUTS], size, _SCORE)[0]
        best = faces_among(candidates, 0.3)
        best = best.pick((best.boxes[:, 3] - best.boxes[:, 1]) >= 16)
        return best.moved((wide / picture.shape[1], high / picture.shape[0]))


def paths_of(source: str | Sequence[str]) -> list[str]:
    """One path or several."""
    return [source] if isinstance(source, str) else list(source)
