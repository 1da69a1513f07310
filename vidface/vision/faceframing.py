"""How much of a face the frame shows: by the face's pixels on a crop, and by boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.vision.boxes import areas

Mask = NDArray[np.bool_]


def inside_frame(matrix: NDArray[Any], side: int, size: tuple[int, int], *, reach: float = 2) -> Mask:
    """side x side: the pixel of the crop shows the frame, and so does what blurs into it.

    Args:
        matrix: 2 x 3, frame pixels to pixels of the crop.
        size: width and height of the frame.
        reach: pixels of the crop from which blurs bring something, as far as those of the measures do.
    """
    back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]
    edge = reach * float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    low, high = (edge, edge), np.array(size) - edge
    corners = np.array([(0, 0), (side, 0), (0, side), (side, side)]) @ back[:, :2].T + back[:, 2]
    if (corners >= low).all() and (corners <= high).all():
        return np.ones((side, side), np.bool_)
    x, y = np.meshgrid(*[np.arange(side) + 0.5] * 2)
    there = np.stack([x, y], -1) @ back[:, :2].T + back[:, 2]
    return np.asarray(((there >= low) & (there <= high)).all(axis=-1))


def shown_of(matrix: NDArray[Any], face: Mask, size: tuple[int, int]) -> float:
    """Share of the face on a crop that the frame shows; NaN where there is no face on it.

    Boxes of faces that the frame's edge cuts off end there, too; landmarks say how much more there is.
    """
    there = inside_frame(matrix, len(face), size, reach=0)[face]
    return float(there.mean()) if there.size else float("nan")


def framing_of(boxes: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float64]:
    """Framing: share of a face's box inside the frame, less the share behind a larger face's box.

    Not occlusion: a hand, a mask or a lamp post before the face is not seen.

    Args:
        boxes: n x 4, pixels.
        size: width and height of the frame.
    """
    own = np.maximum(areas(boxes).astype(np.float64), 1e-6)
    within = np.clip(boxes, 0, np.array([*size, *size], np.float32))
    low = np.maximum(within[:, None, :2], boxes[None, :, :2])
    high = np.minimum(within[:, None, 2:], boxes[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1) * (own[None, :] > own[:, None])
    hidden = shared.max(axis=1, initial=0)
    return np.asarray(np.clip((areas(within) - hidden) / own, 0, 1))
