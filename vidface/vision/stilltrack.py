"""Temporal smoothing of a restored face: what stands still in the input stays still in the output.

Networks that restore single pictures answer a little differently to every frame, and the difference is
seen as flicker. Here each track keeps a running mean of its restored crops in the face-aligned frame, where
most of the motion is gone, together with the mean of the input crops *under the same weights*. That second
mean is what the first one is the answer to. Both are carried along the optical flow that leads from it to the
new input (T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016); where the new
input still departs from it, by an opened lip or a closed eye, the memory is let go, block by block;
elsewhere the new answer is mixed in with a time constant in seconds. This is motion-adaptive recursive
filtering, as in noise reduction for television (T. J. Dennis, "Nonlinear temporal filter for television
picture noise reduction", IEE Proc. 1980), steered by the input and applied to the output.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.resize import resize

Picture = NDArray[np.float32]

_FLOW: Final = 128
"""Side of the pictures on which motion is found: finer ones of a bad input show its noise."""
_LEAST: Final = 12
"""Smaller pictures are too small for the flow."""
_BLOCKS: Final = 128
"""Blocks along a side on which change is measured."""
_LIGHT: Final = 8
"""Cells along a side on which light may change freely."""
_TOLERANCE: Final = 1.5
"""Change of a block, in levels of 255, that is never taken for motion."""
_NOISE: Final = (2.0, 4.0)
"""How many times the usual change of a block is tolerated, and the most that it may be taken for."""
_OPENING: Final = 3.0
"""Levels from where a block begins to be let go to where it is let go altogether, beside its tolerance."""
_TURN: Final = (0.15, 0.45)
"""Share of let-go blocks from which the rest of the face begins to follow, and follows altogether."""


@dataclass(frozen=True, slots=True)
class Stillness:
    """Rules of the smoothing.

    Attributes:
        smooth_s: time constant in seconds; 0 does not smooth.
        max_gap_s: a track that was away for longer begins anew.
    """

    smooth_s: float = 0.12
    max_gap_s: float = 0.5

    def __post_init__(self) -> None:
        if not (self.smooth_s >= 0 and self.max_gap_s > 0):
            raise ValueError(f"smooth_s must be 0 or more and max_gap_s above 0, but found {self}")


class StillTrack:
    """The memory of one track."""

    __slots__ = ("_finder", "_inputs", "_outputs", "_rules", "_time")

    def __init__(self, rules: Stillness) -> None:
        self._rules = rules
        self._time = -math.inf
        self._inputs: Picture = np.zeros((0, 0, 3), np.float32)
        self._outputs: Picture = np.zeros((0, 0, 3), np.float32)
        self._finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    @property
    def seen(self) -> float:
        """Seconds of the last crop; -inf before the first."""
        return self._time

    def __call__(self, crop: NDArray[np.uint8], restored: Picture, *, time: float) -> Picture:
        """The restored crop without its flicker.

        Begins anew, and gives the restored crop as it is, with the first crop, after `max_gap_s`, where
        time does not go forward, and where the size has changed.

        Args:
            crop: S x S x 3 uint8, the input.
            restored: S x S x 3 float32, what the network made of it, 0..255.
            time: seconds.

        Raises:
            ValueError: the two differ in shape.
        """
        if crop.shape != restored.shape:
            raise ValueError(f"a crop of {crop.shape} cannot be restored as {restored.shape}")
        now = crop.astype(np.float32)
        gap, self._time = time - self._time, time
        anew = not 0 < gap <= self._rules.max_gap_s or now.shape != self._inputs.shape
        if anew or self._rules.smooth_s == 0:
            self._inputs, self._outputs = now, restored.astype(np.float32)
            return self._outputs.copy()
        self._follow(now)
        least = 1 - math.exp(-gap / self._rules.smooth_s)
        released = resize(changed(now - self._inputs), (now.shape[1], now.shape[0]))
        share = least + (1 - least) * released[..., None]
        self._inputs += share * (now - self._inputs)
        self._outputs += share * (restored - self._outputs)
        # Light that changes over the whole face is no flicker of the network's, and must not lag.
        return self._outputs + _light(now - self._inputs)

    def _follow(self, now: Picture) -> None:
        """Carry the memory to where its content is in the new input."""
        side = now.shape[0]
        if side < _LEAST:
            return
        flow = self._finder.calc(_grey(now), _grey(self._inputs), np.zeros((0, 0), np.float32))
        flow = cv2.GaussianBlur(flow, (0, 0), 1.0)
        whole = np.asarray(resize(flow, (side, side)), np.float32) * (side / flow.shape[0])
        places = np.arange(side, dtype=np.float32)
        across, down = whole[..., 0] + places[None, :], whole[..., 1] + places[:, None]
        for memory in (self._inputs, self._outputs):
            memory[...] = cv2.remap(memory, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def changed(difference: Picture) -> Picture:
    """How far each block of a crop is to be let go, 0 to 1.

    A change of brightness or colour that all blocks share is light, not motion, and noise that all blocks
    share is noise. Where much of the face is let go, all of it is: it has turned.

    Args:
        difference: S x S x 3, the new input minus the remembered one, levels of 255.

    Returns:
        128 x 128 float32, or S x S of a smaller crop.
    """
    side = min(_BLOCKS, difference.shape[0])
    blocks = resize(difference, (side, side))
    blocks = blocks - np.median(blocks, axis=(0, 1))
    change = np.abs(blocks).max(axis=2)
    times, most = _NOISE
    tolerance = _TOLERANCE + times * min(float(np.median(change)), most)
    moved = _eased((change - tolerance) / (tolerance + _OPENING))
    # Detail that moves reaches into the blocks beside it.
    near = cv2.GaussianBlur(cv2.dilate(moved, np.ones((3, 3), np.uint8)), (0, 0), 0.8)
    low, high = _TURN
    turn = _eased((float(moved.mean()) - low) / (high - low))
    return np.asarray(np.maximum(near, turn), np.float32)


def _grey(picture: Picture) -> NDArray[np.uint8]:
    side = min(_FLOW, picture.shape[0])
    small = np.clip(np.rint(resize(picture, (side, side))), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _eased(value: Any) -> Picture:
    clipped = np.clip(value, 0, 1)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), np.float32)


def _light(difference: Picture) -> Picture:
    """The part of a difference that is smooth over the face, S x S x 3."""
    cells = cv2.GaussianBlur(resize(difference, (_LIGHT, _LIGHT)), (0, 0), 1.0)
    size = difference.shape[1], difference.shape[0]
    return np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC), np.float32)
