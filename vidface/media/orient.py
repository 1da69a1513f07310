"""Orientation: how a stored picture is turned and mirrored to stand upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.errors import UsageError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


@dataclass(frozen=True, slots=True)
class Turn:
    """One of the eight ways a picture can lie: swap the axes first, then mirror.

    Attributes:
        swap: exchange rows and columns.
        flip_x: mirror left to right, after the swap.
        flip_y: mirror top to bottom, after the swap.
    """

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def upright(self) -> bool:
        """Nothing to do."""
        return not (self.swap or self.flip_x or self.flip_y)

    @property
    def rotation(self) -> int:
        """Degrees counter-clockwise that the stored picture lies turned: 0, 90, 180 or 270."""
        if self.swap:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    def then(self, other: Turn) -> Turn:
        """This turn, and another one after it."""
        # Mirrors before a swap of the axes are the other ones after it.
        flip_x, flip_y = (self.flip_y, self.flip_x) if other.swap else (self.flip_x, self.flip_y)
        return Turn(self.swap != other.swap, flip_x != other.flip_x, flip_y != other.flip_y)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Upright width and height of a stored `width` x `height` picture."""
        return (height, width) if self.swap else (width, height)

    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """Turn an H x W (x C) picture upright; a new contiguous array unless there is nothing to do."""
        if self.swap:
            image = cv2.transpose(image)
        if self.flip_x or self.flip_y:
            code = -1 if self.flip_x and self.flip_y else 1 if self.flip_x else 0
            image = cv2.flip(image, code)
        return image

    def from_stored(self, width: int, height: int) -> NDArray[np.float64]:
        """3 x 3: stored pixel positions to upright ones, for a stored `width` x `height` picture.

        Pixel centres at (0.5, 0.5), so a mirror takes x to width - x.
        """
        matrix = np.eye(3)
        if self.swap:
            matrix = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
        wide, high = self.size(width, height)
        mirror = np.eye(3)
        if self.flip_x:
            mirror[0] = (-1, 0, wide)
        if self.flip_y:
            mirror[1] = (0, -1, high)
        turned: NDArray[np.float64] = mirror @ matrix
        return turned


UPRIGHT = Turn()
# By the angle, counter-clockwise, that brings a picture upright.
_QUARTERS = {90: Turn(True, False, True), 180: Turn(False, True, True), 270: Turn(True, True, False)}


def quarter_turn(angle: int) -> Turn:
    """What turns a picture by `angle` degrees counter-clockwise; upright for what is no quarter turn."""
    return _QUARTERS.get(angle % 360, UPRIGHT)


def clockwise(degrees: int) -> Turn:
    """What turns a picture clockwise by 0, 90, 180 or 270 degrees.

    Raises:
        UsageError: it is another angle.
    """
    if degrees not in (0, *_QUARTERS):
        raise UsageError(f"--rotate wants 0, 90, 180 or 270 degrees clockwise, but got {degrees}.")
    return quarter_turn(-degrees)


def turn_of(frame: VideoFrame) -> Turn:
    """What the frame's display matrix asks for (ISO/IEC 14496-12, 8.3.2: x' = a x + c y, y' = b x + d y).

    Angles that are no quarter turn are taken as the nearest mirror-free reading of their signs.
    Looking ties the frame into a reference cycle within PyAV: do it for one frame of a stream.
    """
    try:
        side: Any = frame.side_data
    except ValueError:  # PyAV does not know some kinds (EXIF); the bare angle is to be had all the same
        return quarter_turn(frame.rotation)
    data = side.get("DISPLAYMATRIX")
    return UPRIGHT if data is None else turn_by_matrix(bytes(data))


def turn_by_matrix(data: bytes) -> Turn:
    """What a display matrix (9 int32) asks for."""
    a, b, _, c, d = np.frombuffer(data, np.int32, count=5).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(True, c < 0, b < 0)
    return Turn(False, a < 0, d < 0)


def matrix_of(turn: Turn) -> bytes:
    """The display matrix that asks for a turn; empty for none."""
    if turn.upright:
        return b""
    one, along, down = 1 << 16, -1 if turn.flip_x else 1, -1 if turn.flip_y else 1
    a, b, c, d = (0, down, along, 0) if turn.swap else (along, 0, 0, down)
    return np.array([a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30], np.int32).tobytes()
