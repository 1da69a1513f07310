"""Detection: pictures become the input of a face detector, its heads become boxes and landmarks.

Three families of heads are known, each at strides 8, 16 and 32:

- YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023), as OpenCV's
  FaceDetectorYN reads it;
- SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021);
- RetinaFace, the older one with priors.

Boxes and points are in pixels of the network's input, the first pixel's centre at (0.5, 0.5): a cell
of stride s covers s x s pixels from its own corner, and no half pixel is added anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.boxes import nms, voting_weights

STRIDES: Final = (8, 16, 32)
YUNET_OUTPUTS: Final = tuple(
    f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in STRIDES
)
"""Names of a YuNet's outputs, in the order of `decode_yunet`."""
SCRFD_ANCHORS: Final = 2
RETINAFACE_SIDES: Final = ((16, 32), (64, 128), (256, 512))
"""Sides of the two priors of a cell in pixels, for each stride."""
MOST_CANDIDATES: Final = 3000
"""A crowd of 300 faces gives about this many; a frame of noise must not cost more than a crowd."""
VOTING_IOU: Final = 0.6
"""Candidates that overlap a face by at least this much have a say in where it is."""
_LARGEST_EXPONENT: Final = 8.0


class Found(NamedTuple):
    """Detections of one picture: boxes n x 4 (x1 y1 x2 y2), scores n in [0, 1], landmarks n x 5 x 2."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def pick(self, rows: Any) -> Found:
        """The given rows (indices or a mask), in that order."""
        return Found(self.boxes[rows], self.scores[rows], self.landmarks[rows])

    def moved(self, scale: tuple[float, float], offset: tuple[float, float] = (0.0, 0.0)) -> Found:
        """Every point (x, y) taken to (x + offset) * scale."""
        factor, shift = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
        corners = (self.boxes.reshape(-1, 2, 2) + shift) * factor
        return Found(corners.reshape(-1, 4), self.scores, (self.landmarks + shift) * factor)


Decoder = Callable[[Sequence[NDArray[Any]], tuple[int, int], float], list[Found]]


def join(parts: Sequence[Found]) -> Found:
    """All detections of several lists, in order; an empty sequence gives no detections."""
    if not parts:
        return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))
    return Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def vote(found: Found, candidates: Found) -> Found:
    """Each face's box and landmarks as the mean over all candidates that mean it; scores stay.

    A network reports a face from several cells, each a little wrong in its own way: see `voting_weights`.

    Args:
        found: what suppression kept of the candidates.
        candidates: what went into it.
    """
    if len(candidates.boxes) <= len(found.boxes):
        return found
    weights = voting_weights(found.boxes, candidates.boxes, candidates.scores, min_iou=VOTING_IOU)
    heard = weights.sum(1) > 0
    boxes = np.where(heard[:, None], weights @ candidates.boxes, found.boxes)
    points = (weights @ candidates.landmarks.reshape(-1, 10)).reshape(-1, 5, 2)
    return Found(boxes, found.scores, np.where(heard[:, None, None], points, found.landmarks))


def numbers_in(found: Found) -> NDArray[np.bool_]:
    """n bool: the row is of finite numbers throughout; one that is not would undo all the others."""
    columns = (found.boxes, found.scores[:, None], found.landmarks.reshape(-1, 10))
    return np.asarray(np.isfinite(np.concatenate(columns, axis=1)).all(axis=1), bool)


def faces_among(candidates: Found, max_iou: float, *, voting: bool = True) -> Found:
    """One detection a face: the best candidate, by `vote` where all that mean it say.

    Args:
        candidates: of one picture, best first; rows that are no numbers are left out.
        max_iou: boxes that overlap more than this are one face.
    """
    candidates = candidates.pick(numbers_in(candidates))
    best = candidates.pick(nms(candidates.boxes, candidates.scores, max_iou))
    return vote(best, candidates) if voting else best


def padded_size(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Width and height raised to the next multiple."""
    width, height = size
    return -(-width // multiple) * multiple, -(-height // multiple) * multiple


def to_tensor(
    pictures: Sequence[NDArray[np.uint8]],
    size: tuple[int, int],
    *,
    divide: float = 1.0,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> NDArray[np.float32]:
    """Put pictures into the top left corners of black canvases and make the network's numbers of them.

    Args:
        pictures: H x W x 3 uint8, channels in the network's order, none larger than `size`.
        size: width and height of the canvas.
        divide, mean, std: value = (pixel / divide - mean) / std, mean and std one number or one a channel.

    Returns:
        n x 3 x height x width float32; the padding is what black pixels become.
    """
    width, height = size
    factor = [1.0 / (divide * s) for s in _three(std)]
    shift = [-m / s for m, s in zip(_three(mean), _three(std), strict=True)]
    tensor = np.empty((len(pictures), 3, height, width), np.float32)
    for canvas, picture in zip(tensor, pictures, strict=True):
        rows, columns = picture.shape[:2]
        # Channel by channel: four times as fast as transposing, since every read and write is in line.
        for channel, plane in enumerate(cv2.split(picture)):
            inside = canvas[channel, :rows, :columns]
            inside[...] = plane
            canvas[channel, rows:] = 0
            canvas[channel, :rows, columns:] = 0
            if factor[channel] != 1 or shift[channel] != 0:
                canvas[channel] *= factor[channel]
                canvas[channel] += shift[channel]
    return tensor


def decode_yunet(outputs: Sequence[NDArray[Any]], size: tuple[int, int], min_score: float) -> list[Found]:
    """Read the heads of a YuNet.

    Args:
        outputs: cls at strides 8, 16, 32, then obj, bbox and kps likewise; each n x cells x 1, 1, 4 or 10.
        size: width and height of the network's input.
        min_score: cells whose sqrt(cls * obj), both clipped to [0, 1], is lower are left out.

    Returns:
        For each picture its candidates before suppression, best first within `MOST_CANDIDATES`.

    Raises:
        ValueError: number or shape of the outputs does not fit the contract.
    """
    cls, obj, bbox, kps = _levels(outputs, size, widths=(1, 1, 4, 10), anchors=1)
    parts: list[list[Found]] = [[] for _ in range(len(cls[0]))]
    for level, stride in enumerate(STRIDES):
        picture, cell, chance = _likely(cls[level], obj[level], min_score)
        corner = np.stack([cell % (size[0] // stride), cell // (size[0] // stride)], 1).astype(np.float32)
        shape = bbox[level][picture, cell]
        centre = (corner + shape[:, :2]) * stride
        half = np.exp(np.minimum(shape[:, 2:], _LARGEST_EXPONENT)) * (stride / 2)
        points = (corner[:, None] + kps[level][picture, cell].reshape(-1, 5, 2)) * stride
        boxes = np.concatenate([centre - half, centre + half], 1)
        _share_out(parts, picture, Found(boxes, np.sqrt(chance), points))
    return [_best(join(part)) for part in parts]


def decode_scrfd(outputs: Sequence[NDArray[Any]], size: tuple[int, int], min_score: float) -> list[Found]:
    """Read the heads of an SCRFD with landmarks: distances from the cell's corner, two anchors a cell.

    Args:
        outputs: scores at strides 8, 16, 32, then distances and points likewise; n x anchors x 1, 4 or 10.
            Exports for one picture leave n out.
        size, min_score: see `decode_yunet`.

    Returns:
        As `decode_yunet`.

    Raises:
        ValueError: number or shape of the outputs does not fit the contract.
    """
    batched = [array[None] if np.ndim(array) == 2 else array for array in outputs]
    scores, sides, kps = _levels(batched, size, widths=(1, 4, 10), anchors=SCRFD_ANCHORS)
    parts: list[list[Found]] = [[] for _ in range(len(scores[0]))]
    for level, stride in enumerate(STRIDES):
        chance = np.clip(scores[level][..., 0], 0, 1)
        picture, anchor = np.nonzero(~(chance < min_score))
        cell = anchor // SCRFD_ANCHORS
        columns = size[0] // stride
        corner = np.stack([cell % columns, cell // columns], 1).astype(np.float32) * stride
        reach = sides[level][picture, anchor] * stride
        points = corner[:, None] + kps[level][picture, anchor].reshape(-1, 5, 2) * stride
        boxes = np.concatenate([corner - reach[:, :2], corner + reach[:, 2:]], 1)
        _share_out(parts, picture, Found(boxes, chance[picture, anchor], points))
    return [_best(join(part)) for part in parts]


def decode_retinaface(
    outputs: Sequence[NDArray[Any]], size: tuple[int, int], min_score: float
) -> list[Found]:
    """Read the heads of a RetinaFace (Deng et al., "RetinaFace: Single-stage Dense Face Localisation", 2020).

    Two square priors a cell, in the middle of it; variances 0.1 and 0.2 as in SSD.

    Args:
        outputs: n x priors x 4 (offsets of centre and size), n x priors x 2 (nobody, face) and
            n x priors x 10 (points), in any order.
        size, min_score: see `decode_yunet`.

    Returns:
        As `decode_yunet`.

    Raises:
        ValueError: number or shape of the outputs does not fit the contract.
    """
    priors = _priors(size)
    heads = {array.shape[-1]: array for array in outputs}
    for width in (4, 2, 10):
        if width not in heads or heads[width].shape[1:] != (len(priors), width):
            shapes = ", ".join(str(array.shape) for array in outputs)
            raise ValueError(f"an output should be n x {len(priors)} x {width}, but there are {shapes}")
    chance = np.clip(heads[2][..., 1], 0, 1)
    picture, place = np.nonzero(~(chance < min_score))
    centre, side = priors[place, :2], priors[place, 2:]
    offsets = heads[4][picture, place]
    middle = centre + offsets[:, :2] * 0.1 * side
    half = side * np.exp(np.minimum(offsets[:, 2:] * 0.2, _LARGEST_EXPONENT)) / 2
    points = centre[:, None] + heads[10][picture, place].reshape(-1, 5, 2) * 0.1 * side[:, None]
    boxes = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
    found = Found(boxes, chance[picture, place], points.astype(np.float32))
    return [_best(found.pick(picture == number)) for number in range(len(chance))]


def _priors(size: tuple[int, int]) -> NDArray[np.float32]:
    """Centre x, centre y and side of each prior, stride by stride, row by row, the smaller one first."""
    parts = []
    for stride, sides in zip(STRIDES, RETINAFACE_SIDES, strict=True):
        rows, columns, which = np.mgrid[: size[1] // stride, : size[0] // stride, : len(sides)]
        centres = np.stack([columns.ravel(), rows.ravel()], 1) * stride + stride / 2
        parts.append(np.column_stack([centres, np.take(sides, which.ravel())]))
    return np.concatenate(parts).astype(np.float32)


def _likely(
    cls: NDArray[np.float32], obj: NDArray[np.float32], min_score: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Picture, cell and cls * obj of the cells that reach the score; few cells get past cls alone.

    As in the other families a score that is no number gets through, to be counted and not overlooked.
    """
    floor = min_score * min_score
    picture, cell = np.nonzero(~(cls[..., 0] < floor))
    chance = np.clip(cls[picture, cell, 0], 0, 1) * np.clip(obj[picture, cell, 0], 0, 1)
    enough = ~(chance < floor)
    return picture[enough], cell[enough], chance[enough]


def _three(values: Sequence[float]) -> Sequence[float]:
    return tuple(values) * 3 if len(values) == 1 else values


def _levels(
    outputs: Sequence[NDArray[Any]], size: tuple[int, int], *, widths: tuple[int, ...], anchors: int
) -> list[list[NDArray[np.float32]]]:
    """The outputs grouped by head, three strides each, once their shapes are known to fit."""
    wanted = len(widths) * len(STRIDES)
    if len(outputs) != wanted:
        raise ValueError(f"the detector should give {wanted} outputs, but gives {len(outputs)}")
    heads = [list(outputs[i : i + len(STRIDES)]) for i in range(0, wanted, len(STRIDES))]
    for head, width in zip(heads, widths, strict=True):
        for array, stride in zip(head, STRIDES, strict=True):
            cells = (size[0] // stride) * (size[1] // stride) * anchors
            if array.shape[1:] != (cells, width) or len(array) != len(outputs[0]):
                raise ValueError(
                    f"an output for stride {stride} should be n x {cells} x {width}, but is {array.shape}"
                )
    return heads


def _share_out(parts: list[list[Found]], picture: NDArray[np.int64], found: Found) -> None:
    """Add to every picture's list what belongs to it; `picture` rises row by row."""
    if len(parts) == 1:
        parts[0].append(found)
        return
    for number, part in enumerate(parts):
        part.append(found.pick(picture == number))


def _best(found: Found) -> Found:
    """The best candidates where there are too many."""
    if len(found.boxes) <= MOST_CANDIDATES:
        return found
    return found.pick(np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES])
