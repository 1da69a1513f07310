"""How steady a video is along the motion of another one: optical flow, warp error, flicker.

Flow is that of the reference, so a method cannot mend its figures by moving less. It comes from OpenCV's
DIS (T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

STILL_PX: Final = 0.25
"""Where the flow is shorter than this nothing moves."""
BORDER: Final = 8
"""Pixels beside the edge of a mask that do not count: there the patches of the flow, 8 px wide, hold some of
the black behind it."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What moved between two frames of the reference.

    Attributes:
        flow: H x W x 2 float32, where each pixel of the first frame lies in the second, less its place, px.
        seen: H x W bool, flow forward and back agree and end inside: the pixel is in both frames.
        still: H x W bool, of these where nothing moves.
    """

    flow: NDArray[np.float32]
    seen: NDArray[np.bool_]
    still: NDArray[np.bool_]


def motion_between(first: NDArray[np.uint8], second: NDArray[np.uint8], masks: Any = None) -> Motion:
    """Motion from a frame to the next.

    Forward and backward flow agree where |f + b|^2 < 0.01 (|f|^2 + |b|^2) + 0.5 (N. Sundaram et al., "Dense
    point trajectories by GPU-accelerated large displacement optical flow", ECCV 2010).

    Args:
        first, second: H x W x 3 uint8 RGB.
        masks: of each of both H x W bool, what is a picture at all; None for all.
    """
    grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (first, second)]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # With an array of another size DIS starts from nothing and gives a new one.
    forward, backward = (
        np.asarray(finder.calc(one, other, np.zeros((0, 0), np.float32)), np.float32)
        for one, other in (grey, grey[::-1])
    )
    return motion_of(forward, backward, masks)


def motion_of(forward: NDArray[np.float32], backward: NDArray[np.float32], masks: Any = None) -> Motion:
    """Motion from flow in both directions, see `motion_between`.

    A pixel counts where it lies inside the first mask, and the place that the flow takes it to inside the
    second, both at least `BORDER` pixels from what is outside.
    """
    back, inside = _brought_back(backward, forward)
    away = ((forward + back) ** 2).sum(-1)
    allowed = 0.01 * ((forward**2).sum(-1) + (back**2).sum(-1)) + 0.5
    seen = inside & (away < allowed)
    if masks is not None:
        square = np.ones((2 * BORDER + 1,) * 2, np.uint8)
        here, there = (cv2.erode(np.asarray(mask, np.uint8), square) for mask in masks)
        ends, _ = _brought_back(np.asarray(there, np.float32), forward)
        seen &= (here > 0) & (ends > 1 - 1e-3)
    return Motion(forward, seen, seen & ((forward**2).sum(-1) < STILL_PX**2))


def warp_error(frames: Sequence[NDArray[np.uint8]], motions: Sequence[Motion | None]) -> float:
    """Mean squared change along the motion of the reference, pixels counting 0..1, times 1000.

    Of each pair of frames sum M |V(t) - V'(t+1)|^2 / sum M, where V' is the next frame brought back along
    the flow and M the pixels seen in both; then the mean over pairs (W.-S. Lai et al., "Learning blind video
    temporal consistency", ECCV 2018).

    Args:
        frames: n times H x W x 3 uint8.
        motions: n - 1, None where two frames are no neighbours.

    Returns:
        NaN where no pair has a pixel that counts.
    """
    return _mean(
        1000 * float((away**2).sum(-1).mean()) / 255**2 for away in _changes(frames, motions) if away.size
    )


def flicker(
    frames: Sequence[NDArray[np.uint8]],
    reference: Sequence[NDArray[np.uint8]],
    motions: Sequence[Motion | None],
) -> float:
    """Mean absolute change from frame to frame where nothing moves, less that of the reference.

    In grey levels of 255; per pair the mean over the pixels without motion and over channels, then over
    pairs. Below 0 where the video changes less than the reference, as a blurred one does.

    Args:
        frames, reference: n times H x W x 3 uint8.
        motions: n - 1, None where two frames are no neighbours.

    Returns:
        NaN where no pair has a pixel without motion.
    """
    return _mean(
        _change(frames[at : at + 2], motion.still) - _change(reference[at : at + 2], motion.still)
        for at, motion in enumerate(motions)
        if motion is not None and motion.still.any()
    )


def _changes(frames: Sequence[NDArray[np.uint8]], motions: Sequence[Motion | None]) -> Any:
    """Of each pair the change along the motion, pixels seen in both x 3."""
    for at, motion in enumerate(motions):
        if motion is not None:
            brought, _ = _brought_back(frames[at + 1].astype(np.float32), motion.flow)
            yield (brought - frames[at].astype(np.float32))[motion.seen]


def _change(pair: Sequence[NDArray[np.uint8]], where: NDArray[np.bool_]) -> float:
    away = pair[1].astype(np.float32) - pair[0].astype(np.float32)
    return float(np.abs(away[where]).mean())


def _brought_back(
    picture: NDArray[np.float32], flow: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The picture as seen along the flow, and where the flow ends inside it."""
    high, wide = flow.shape[:2]
    x = np.arange(wide, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(high, dtype=np.float32)[:, None] + flow[..., 1]
    inside = (x >= 0) & (x <= wide - 1) & (y >= 0) & (y <= high - 1)
    brought = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(brought, np.float32), inside


def _mean(values: Any) -> float:
    known = list(values)
    return float(np.mean(known)) if known else float("nan")
