"""The blend network: a small residual network that says whether a face was put in, and where.

Plain 3 x 3 convolutions; the first ones work at half the picture's side, where seams still show.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE, HEAT = 128, 16
STEM = 32
WIDTHS, MIDDLES, DEPTHS = (32, 64, 112, 160), (12, 16, 32, 64), (1, 2, 2, 2)
"""Channels, channels inside a block, and blocks at 64, 32, 16 and 8 pixels of side."""
SEAM = 48


def activation(*, alone: bool = True) -> nn.Module:
    """Fused into the convolution before it by ONNX Runtime; in place where nobody else reads the map."""
    return nn.LeakyReLU(0.1, inplace=alone)


def unit(inward: int, outward: int, size: int, stride: int) -> list[nn.Module]:
    """Convolution and norm."""
    return [nn.Conv2d(inward, outward, size, stride, size // 2, bias=False), nn.BatchNorm2d(outward)]


class Block(nn.Module):
    """Two convolutions, narrower in the middle, beside a shortcut."""

    def __init__(self, width: int, middle: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            activation(alone=False), *unit(width, middle, 3, 1), activation(), *unit(middle, width, 3, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        out: Tensor = x + self.body(x)
        return out


def stage(place: int) -> nn.Sequential:
    """From the picture or the map before to half its side."""
    first = (
        [nn.PixelUnshuffle(2), *unit(12, STEM, 3, 1)]
        if not place
        else unit(WIDTHS[place - 1], WIDTHS[place], 3, 2)
    )
    return nn.Sequential(*first, *(Block(WIDTHS[place], MIDDLES[place]) for _ in range(DEPTHS[place])))


class BlendNet(nn.Module):
    """(n, 3, 128, 128) RGB 0..255 -> logit (n, 1), maps (n, 2, 16, 16): what was put in, and its seam.

    The maps are logits; the second only teaches.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([stage(place) for place in range(4)])
        self.fine = nn.Sequential(activation(alone=False), *unit(WIDTHS[2], SEAM, 1, 1))
        self.coarse = nn.Sequential(activation(alone=False), *unit(WIDTHS[3], SEAM, 1, 1))
        self.where = nn.Sequential(activation(), *unit(SEAM, SEAM, 3, 1), activation(), nn.Conv2d(SEAM, 2, 1))
        self.whether = nn.Sequential(nn.Dropout(0.1), nn.Linear(WIDTHS[3] + 4, 1))
        self.last = activation(alone=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logit and maps."""
        x, maps = images * (1 / 64) - 2, list[Tensor]()
        for one in self.stages:
            x = one(x)
            maps.append(x)
        wide = nn.functional.interpolate(self.coarse(maps[3]), scale_factor=2.0, mode="nearest")
        where = self.where(self.fine(maps[2]) + wide)
        seen = torch.cat([self.last(maps[3]).mean((2, 3)), where.mean((2, 3)), where.amax((2, 3))], 1)
        return self.whether(seen), where


def dense_matrices(student: BlendNet) -> list[nn.Parameter]:
    """Weights that Muon steps: every full convolution but the stem and the last of the maps."""
    layers = [
        layer
        for part in (student.stages, student.fine, student.coarse, student.where)
        for layer in part.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    return [layer.weight for layer in layers[1:] if layer.out_channels > 2]
