"""reenact.onnx with LivePortrait's networks: a still picture that moves as the driver does."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Frame
from vidface.data.planes import Planes
from vidface.infer.liveportrait import LivePortrait, RawMotion
from vidface.nodes.reenact._canvas import canvas
from vidface.vision.compare import matched
from vidface.vision.facecrop import aligned, region_of
from vidface.vision.facemask import frame_outline
from vidface.vision.implicitpoints import PointMotion, Region, angle_of, driven, rotation_of
from vidface.vision.meshcrop import GROW, crop_of_mesh
from vidface.vision.paste import paste_delta

Matrix = NDArray[np.float64]

ROOM: Final = 2.3
"""Side of the crop over the face's extent, and by how much of it the crop lies above the face's middle."""
_RISE: Final = 0.125
_BORDER: Final = 0.08
"""Width of the soft edge at the crop's border, in its sides."""


class Sitter:
    """The person in a still picture.

    Args:
        picture: the still. mesh: of the face in it, 478 x 3, pixels of the still.
        networks: open. size: width and height of the frames to be made.

    Raises:
        ValueError: the mesh is not finite.
    """

    def __init__(self, picture: Frame, mesh: Any, *, networks: LivePortrait, size: tuple[int, int]) -> None:
        self._picture, self._networks, self.size = picture, networks, size
        matrix = portrait_crop(mesh, networks.size)
        crop = cut(picture, matrix, networks.size)
        self._features = networks.features(crop)
        self._rest = read(networks.motion(crop))
        self._points = self._rest.placed()
        share = np.array(picture.size, np.float64) / np.array(size)
        self._matrix = matrix.copy()
        self._matrix[:, :2] *= share
        self._first: PointMotion | None = None
        self._shown: NDArray[np.float32] | None = None
        self._base: NDArray[np.float32] | None = None

    def reset(self) -> None:
        """The next driving frame is the first."""
        self._first = None

    def drive(self, crop: NDArray[np.uint8], *, relative: bool, region: Region) -> bool:
        """Take on the motion in a driver's crop; False where a network failed, which changes nothing."""
        motion = self._networks.motion(crop)
        if not all(np.isfinite(part).all() for part in motion):
            return False
        now = read(motion)
        self._first = self._first or now
        wanted = driven(self._rest, now, self._first if relative else None, region=region).placed()
        drawn = self._networks.draw(
            self._features, self._points, self._networks.stitched(self._points, wanted)
        )
        if not np.isfinite(drawn).all():
            return False
        self._shown = drawn
        return True

    def on(self, frame: Frame) -> Frame:
        """The still as it moves now, at the time of a frame; at rest where nothing has driven it yet."""
        return canvas(frame, self._picture.pixels, self.size, self._paint)

    def _paint(self, planes: Planes) -> None:
        still = matched(self._picture.planes(), planes)
        for target, source in zip(
            (planes.luma, planes.u, planes.v), (still.luma, still.u, still.v), strict=True
        ):
            np.copyto(target, source)
        if self._shown is None:
            return
        side = len(self._shown)
        fine = self._matrix * (side / self._networks.size)
        if self._base is None or len(self._base) != side:
            whole = self._picture.size
            to_crop = fine.copy()
            to_crop[:, :2] *= np.array(self.size) / np.array(whole)
            self._base = cut(self._picture, to_crop, side).astype(np.float32)
        paste_delta(planes, self._shown - self._base, mask=_soft(side, fine, self.size), matrix=fine)


def read(raw: RawMotion) -> PointMotion:
    """What the motion network said, as points."""
    turn = rotation_of(angle_of(raw.pitch), angle_of(raw.yaw), angle_of(raw.roll))
    parts = (np.asarray(part, np.float64) for part in (raw.points, turn, raw.expression, raw.shift))
    points, turn, expression, shift = parts
    return PointMotion(points, turn, expression, raw.scale, shift)


def portrait_crop(mesh: Any, size: int) -> Matrix:
    """2 x 3 to the crop that LivePortrait's networks know: 2.3 times the face, upright, hair included.

    Raises:
        ValueError: a point is not finite.
    """
    tight = crop_of_mesh(mesh, size) * (GROW / ROOM)
    tight[:, 2] += size / 2 * (1 - GROW / ROOM) + np.array([0, _RISE * size])
    return np.asarray(tight)


def cut(frame: Frame, matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """The crop; beyond the picture its edge goes on; black where the frame shows none of it."""
    region = region_of(frame, matrix, size)
    if region is None:
        return np.zeros((size, size, 3), np.uint8)
    return np.asarray(aligned(region.pixels, region.matrix(matrix), size), np.uint8)


def _soft(side: int, matrix: Matrix, frame: tuple[int, int]) -> NDArray[np.float32]:
    """1, falling to 0 within the border of the crop where the picture goes on beyond it."""
    inside = np.zeros((side, side), np.uint8)
    corners = np.rint(frame_outline(matrix, frame)).astype(np.int32)
    cv2.fillConvexPoly(inside, corners, (1,))
    at = np.arange(side, dtype=np.float32) + np.float32(0.5)
    rise = np.clip(np.minimum(at, side - at) / (_BORDER * side), 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return np.asarray(np.minimum(rise[:, None], rise[None]) * inside, np.float32)
