"""Pictures as torch tensors: YUV planes to RGB of any size, and brightness.

The same forms as those that swscale makes in host memory, within rounding: they are compared in
tests/vision/test_tensorforms.py. Everything runs wherever the tensors are, on a card or on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from vidface.data.planes import Matrix
from vidface.vision.tensorscale import eighths, rounders
from vidface.vision.tensorwarp import scaled, taps, whole
from vidface.vision.yuvcodes import LUMA_WEIGHTS, yuv_of_rgb

Tensor = Any
Order = Literal["rgb", "bgr"]
_GREY_LIFT = {
    ("bt709", False): 1.2,
    ("bt709", True): -0.3,
    ("bt2020", False): 1.0,
    ("bt2020", True): -1.4,
}
"""Levels by which the grey of swscale (FFmpeg 8.1) differs from that of its own RGB, measured."""
_LEFT = 0.25
"""Columns of chroma from where it lies to the middle of its two pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class CardPlanes:
    """4:2:0 as decoders on a card give it: luma, and one plane of chroma pairs.

    Attributes:
        luma: H x W, uint8, or int16 with values 0..1023; H and W are even.
        chroma: H/2 x W/2 x 2, blue and red difference, same dtype.
        bits: 8 or 10.
        matrix, full_range: as in `vidface.data.planes.Planes`.
        left: chroma lies on the left one of its two columns, as H.264 and HEVC have it unless they say
            otherwise; else between them. Of more than 8 bits it counts as between them, as in host memory
            (`vidface.media.planar.unsited`).
    """

    luma: Tensor
    chroma: Tensor
    bits: int = 8
    matrix: Matrix = "bt709"
    full_range: bool = False
    left: bool = False

    def __post_init__(self) -> None:
        if self.left and self.bits > 8:
            raise ValueError("CardPlanes.left is for 8 bits only")
        dtype = {8: torch.uint8, 10: torch.int16}.get(self.bits)
        if self.matrix not in LUMA_WEIGHTS:
            raise ValueError(
                f"CardPlanes.matrix must be one of {', '.join(LUMA_WEIGHTS)}, not {self.matrix!r}"
            )
        high, wide = self.luma.shape
        fits = tuple(self.chroma.shape) == (high // 2, wide // 2, 2) and not (high % 2 or wide % 2)
        if not fits or self.luma.dtype != dtype or self.chroma.dtype != dtype:
            raise ValueError(
                f"CardPlanes want even H x W and H/2 x W/2 x 2 in {dtype}, but got {tuple(self.luma.shape)} "
                f"{self.luma.dtype} and {tuple(self.chroma.shape)} {self.chroma.dtype} ({self.bits} bits)"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as stored."""
        return int(self.luma.shape[1]), int(self.luma.shape[0])

    def part(self, x1: int, y1: int, x2: int, y2: int) -> CardPlanes:
        """A region that begins and ends on even pixels, sharing memory; chroma counts as between columns."""
        luma = self.luma[y1:y2, x1:x2]
        chroma = self.chroma[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2]
        return CardPlanes(luma, chroma, self.bits, self.matrix, self.full_range)


def rgb_of(planes: CardPlanes, *, order: Order = "rgb") -> Tensor:
    """3 x H x W uint8 at full size, channels in that order.

    Of more than 8 bits a row of chroma lies between two of luma: three parts of the near one, one of the far
    one; but swscale makes BGR of every other row of chroma as it is, and the mean of two between them.
    """
    luma = planes.luma.to(torch.float32)
    chroma = planes.chroma.permute(2, 0, 1).to(torch.float32)
    if planes.bits == 8:
        made = _summed(planes, luma, chroma.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2))
        return made if order == "rgb" else made.flip(0)
    above = torch.cat([chroma[:, :1], chroma[:, :-1]], dim=1)
    if order == "rgb":
        below = torch.cat([chroma[:, 1:], chroma[:, -1:]], dim=1)
        both = [(above + 3 * chroma) / 4, (3 * chroma + below) / 4]
    else:
        both = [(above + chroma) / 2, chroma]
    rows = torch.stack(both, dim=2).flatten(1, 2).repeat_interleave(2, dim=2)
    made = _tabled(planes, luma, rows, how=_half_up)
    return made if order == "rgb" else made.flip(0)


def scaled_rgb(planes: CardPlanes, size: tuple[int, int], *, order: Order = "rgb") -> Tensor:
    """3 x height x width uint8 at another size (width, height), channels in that order.

    As swscale has it: chroma has half of the columns where the width is even, and all of them where it is
    odd; RGB goes through tables, BGR through sums of whole numbers.
    """
    if size == planes.size:
        return rgb_of(planes, order=order)
    wide, high = size
    luma = scaled(planes.luma.to(torch.float32)[None], size)[0]
    shift = _LEFT if planes.left else 0.0
    chroma = planes.chroma.permute(2, 0, 1).to(torch.float32)
    if wide % 2:
        exact = _mixed(planes, luma, scaled(chroma, size, shift=shift), how=_half_up)
        return exact if order == "rgb" else exact.flip(0)
    if order == "bgr":
        return _quick_bgr(planes, size)
    rows = scaled(chroma, (wide // 2, high), shift=shift).repeat_interleave(2, dim=2)
    pairs = all(taps(side, high) == 2 for side in (planes.size[1], planes.size[1] // 2))
    return _tabled(planes, luma, rows, how=torch.floor if pairs else _half_up)


def luma_of(planes: CardPlanes, size: tuple[int, int]) -> Tensor:
    """height x width uint8 brightness, full range, at a size (width, height).

    As swscale has it: always that of BT.601, which of other matrices is computed from RGB.
    """
    if planes.matrix != "bt601":
        red, green, blue = scaled_rgb(planes, size).to(torch.float32)
        kr, kb = LUMA_WEIGHTS["bt601"]
        return whole(
            kr * red + (1 - kr - kb) * green + kb * blue + _GREY_LIFT[planes.matrix, planes.full_range]
        )
    luma = planes.luma.to(torch.float32)
    if size != planes.size:
        luma = scaled(luma[None], size)[0]
    black, span = _luma_codes(planes)
    return whole((luma - black) * (255 / span))


def thumbnail_of(planes: CardPlanes, size: tuple[int, int]) -> Tensor:
    """As `vidface.media.thumbnail.thumbnail`: height x width uint8 of 4 x 4 samples each; 8 bits only."""
    wide, high = size
    rows = _nearest(int(planes.luma.shape[0]), high * 4, str(planes.luma.device))
    columns = _nearest(int(planes.luma.shape[1]), wide * 4, str(planes.luma.device))
    coarse = planes.luma[rows][:, columns].to(torch.float32)
    small = torch.round(coarse.reshape(high, 4, wide, 4).mean(dim=(1, 3)))
    return whole(small if planes.full_range else (small - 16) * (255 / 219))


def _luma_codes(planes: CardPlanes) -> tuple[float, float]:
    if planes.full_range:
        return 0.0, float((1 << planes.bits) - 1)
    step = 1 << (planes.bits - 8)
    return 16.0 * step, 219.0 * step


def _factors(planes: CardPlanes) -> tuple[float, float, NDArray[np.float64]]:
    """Black's code in 8 bits, levels per code of luma, and 3 x 2 levels per code of u and v."""
    luma_span, chroma_span = (255, 255) if planes.full_range else (219, 224)
    chroma = np.linalg.inv(yuv_of_rgb(planes.matrix))[:, 1:] * (255 / chroma_span)
    return 0.0 if planes.full_range else 16.0, 255 / luma_span, np.asarray(chroma, np.float64)


def _summed(planes: CardPlanes, luma: Tensor, chroma: Tensor) -> Tensor:
    """8-bit codes -> 3 x H x W uint8, as swscale sums where nothing is scaled: each product rounded down."""
    black, slope, levels = _factors(planes)
    light = torch.floor((luma - black) * slope)
    colours = []
    for blue, red in levels.tolist():
        colour = light
        for factor, code in ((blue, chroma[0]), (red, chroma[1])):
            colour = colour if abs(factor) < 1e-9 else colour + torch.floor((code - 128) * factor)
        colours.append(colour)
    return torch.stack(colours).clamp(0, 255).to(torch.uint8)


def _quick_bgr(planes: CardPlanes, size: tuple[int, int]) -> Tensor:
    """3 x height x width uint8 BGR of an even width, by eighths of codes and factors of 13 bits."""
    wide, high = size
    light, tint = rounders(planes.size[1], high)
    black, slope, levels = _factors(planes)
    shift = _LEFT if planes.left else 0.0
    luma = eighths(planes.luma, size, bits=planes.bits) + (light - 8 * int(black))
    codes = [
        eighths(planes.chroma[..., i], (wide // 2, high), bits=planes.bits, shift=shift) + (tint - 1024)
        for i in (0, 1)
    ]
    base = (luma * round(slope * 8192)) >> 16
    colours = []
    for factors in levels.tolist():
        moved = base
        for factor, code in zip(factors, codes, strict=True):
            moved = moved + ((code * round(factor * 8192)) >> 16).repeat_interleave(2, dim=1)
        colours.append(moved)
    return torch.stack(colours[::-1]).clamp(0, 255).to(torch.uint8)


def _mixed(planes: CardPlanes, luma: Tensor, chroma: Tensor, *, how: Any) -> Tensor:
    """Codes of any depth -> 3 x H x W uint8 by the matrix itself, made whole by `how`."""
    black, slope, levels = _factors(planes)
    step = 1 << (planes.bits - 8)
    light = (luma / step - black) * slope
    u, v = chroma / step - 128
    colours = [how(light + blue * u + red * v) for blue, red in levels.tolist()]
    return torch.stack(colours).clamp(0, 255).to(torch.uint8)


def _tabled(planes: CardPlanes, luma: Tensor, chroma: Tensor, *, how: Any) -> Tensor:
    """Codes of any depth -> 3 x H x W uint8, as swscale's tables have it where it scales.

    Codes become whole ones of 8 bits (by `how`), a colour moves the luma by whole codes, and what stands
    for black lies 1.8 levels lower than it should where the range is limited: white comes out as 253.
    """
    _, slope, levels = _factors(planes)
    shift = slope * 326 - 400 if not planes.full_range else 0.0
    step = 1 << (planes.bits - 8)
    light, codes = how(luma / step), how(chroma / step)
    colours = []
    for factors in (levels / slope).tolist():
        moved = light
        for factor, code in zip(factors, codes, strict=True):
            if abs(factor) >= 1e-9:
                moved = moved + torch.floor(code * factor) - float(np.floor(128 * factor))
        colours.append(_half_up(moved * slope + shift))
    return torch.stack(colours).clamp(0, 255).to(torch.uint8)


def _half_up(values: Tensor) -> Tensor:
    return torch.floor(values + 0.5)


@lru_cache(maxsize=64)
def _nearest(length: int, samples: int, device: str) -> Tensor:
    """Which sample OpenCV takes where it scales to the nearest one."""
    places = np.minimum(np.floor(np.arange(samples) * (length / samples)), length - 1).astype(int)
    return torch.as_tensor(places, device=device)
