"""Geometry of pictures as torch tensors: scaling, warping, and the batches that a network takes.

The same as OpenCV's within rounding, wherever the tensors are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nn
from numpy.typing import NDArray

Tensor = Any


def scaled(sheets: Tensor, size: tuple[int, int], *, shift: float = 0.0) -> Tensor:
    """n x H x W float -> n x height x width: area averages where an axis shrinks, linear where it grows.

    Outer edges stay where they are, as with `vidface.vision.resize.resize`, but for a `shift` to the right
    in columns of the sheets.
    """
    wide, high = size
    if sheets.shape[2] != wide or shift:
        sheets = sheets @ weights(int(sheets.shape[2]), wide, str(sheets.device), shift).T
    if sheets.shape[1] != high:
        sheets = weights(int(sheets.shape[1]), high, str(sheets.device)) @ sheets
    return sheets


def averaged(picture: Tensor, factor: int) -> Tensor:
    """3 x H x W uint8, smaller by a whole factor; what is left over at the right and below is cut off."""
    small = nn.avg_pool2d(picture.to(torch.float32)[None], factor)[0]
    return whole(small)


def warped(picture: Tensor, matrix: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
    """Affine warp, linear, black outside.

    Args:
        picture: c x H x W uint8.
        matrix: 2 x 3, picture to result, with the first pixel's centre at (0, 0), as OpenCV has it.
        size: width and height of the result.
    """
    return whole(sampled(picture.to(torch.float32), matrix, size, how="bilinear", beyond="zeros"))


def sampled(
    sheets: Tensor, matrix: NDArray[np.float64], size: tuple[int, int], *, how: str, beyond: str
) -> Tensor:
    """c x H x W float, warped by a matrix as in `warped`.

    Args:
        how: "bilinear" or "bicubic". beyond: "zeros" or "border".
    """
    high, wide = (int(side) for side in sheets.shape[1:])
    back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]
    # In halves of the picture from its middle, which is how torch counts; put together in float64.
    scale = np.array([2 / wide, 2 / high])
    unit = np.column_stack([back[:, :2] * scale[:, None], (back[:, 2] + 0.5) * scale - 1])
    device = sheets.device
    xs = torch.arange(size[0], dtype=torch.float32, device=device)[None]
    ys = torch.arange(size[1], dtype=torch.float32, device=device)[:, None]
    # Number by number: a tensor of them would have to be copied to the card.
    grid = torch.stack([xs * a + ys * b + c for a, b, c in unit.tolist()], dim=-1)
    return nn.grid_sample(sheets[None], grid[None], mode=how, padding_mode=beyond, align_corners=False)[0]


def batch_of(
    pictures: Sequence[Tensor],
    size: tuple[int, int],
    *,
    divide: float = 1.0,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    length: int | None = None,
) -> Tensor:
    """Pictures in the top left corners of black canvases, as a network wants them.

    Args:
        pictures: 3 x h x w uint8, channels in the network's order, none larger than `size`; at least one.
        size: width and height of the canvas.
        divide, mean, std: value = (pixel / divide - mean) / std.
        length: pictures of the batch; black ones fill it up.

    Returns:
        n x 3 x height x width float32, contiguous.
    """
    count = max(len(pictures), length or 0)
    first = pictures[0]
    canvas = torch.zeros((count, 3, size[1], size[0]), dtype=torch.float32, device=first.device)
    for place, picture in enumerate(pictures):
        canvas[place, :, : picture.shape[1], : picture.shape[2]] = picture.to(torch.float32)
    for channel, (m, s) in enumerate(zip(_three(mean), _three(std), strict=True)):
        if divide * s != 1 or m != 0:
            canvas[:, channel].mul_(1 / (divide * s)).add_(-m / s)
    return canvas


@lru_cache(maxsize=64)
def weights(length: int, wanted: int, device: str, shift: float = 0.0) -> Tensor:
    """wanted x length: what each sample of the result takes of the samples there are; the border goes on."""
    step = length / wanted
    if wanted < length:
        low = np.arange(wanted)[:, None] * step + shift
        edges = np.arange(length + 1, dtype=np.float64)
        edges[0], edges[-1] = -np.inf, np.inf
        cover = np.clip(np.minimum(low + step, edges[1:]) - np.maximum(low, edges[:-1]), 0, None) / step
    else:
        centre = np.clip((np.arange(wanted) + 0.5) * step - 0.5 + shift, 0, length - 1)[:, None]
        cover = np.clip(1 - np.abs(centre - np.arange(length)[None]), 0, None)
    return torch.as_tensor(cover, dtype=torch.float32, device=device)


@lru_cache(maxsize=64)
def taps(length: int, wanted: int) -> int:
    """How many samples at most make one of the result."""
    if wanted == length:
        return 1
    return int((weights(length, wanted, "cpu") > 0.002).sum(dim=1).max())


def whole(values: Tensor) -> Tensor:
    """Rounded and clipped to uint8."""
    return values.round().clamp(0, 255).to(torch.uint8)


def _three(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(values) * 3 if len(values) == 1 else tuple(values)
