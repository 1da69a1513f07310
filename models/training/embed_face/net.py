"""The embedder: a small residual network in four parts, each of which ends where a part of the teacher ends.

About 0.3 G multiply-adds for a face: plain 3 x 3 convolutions, which two CPU cores run (and train) faster
than depthwise ones of the same accuracy. Between two parts stand as many channels, on the same grid, as the
teacher has there, so that each part can be trained by itself, on what the teacher gives to it and takes
from it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS, MIDDLES, DEPTH = (48, 128, 192), (48, 96, 112), 2
CHANNELS, SIDES = (64, 128, 128), (32, 16, 8)
"""Of the maps between the parts."""
HEAD, SIZE, INPUT = 512, 256, 128
COLUMNS = slice(8, 104)
"""The middle of the arcface112 crop, stretched to a square: what the teacher sees."""


def activation() -> nn.Module:
    """Fused into the convolution before it by ONNX Runtime."""
    return nn.LeakyReLU(0.1, inplace=True)


def unit(inward: int, outward: int, size: int, stride: int) -> list[nn.Module]:
    """Convolution and norm."""
    return [nn.Conv2d(inward, outward, size, stride, size // 2, bias=False), nn.BatchNorm2d(outward)]


class Block(nn.Module):
    """Two convolutions, narrower in the middle, beside a shortcut."""

    def __init__(self, width: int, middle: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            activation(), *unit(width, middle, 3, 1), activation(), *unit(middle, width, 3, 1)
        )
        self.body[0].inplace = False

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        out: Tensor = x + self.body(x)
        return out


def part(place: int) -> nn.Sequential:
    """From the picture or the map before to the next map: half the side, two blocks, a projection."""
    width, middle = WIDTHS[place], MIDDLES[place]
    first = (
        [nn.PixelUnshuffle(2), *unit(12, width, 5, 2)]
        if not place
        else unit(CHANNELS[place - 1], width, 3, 2)
    )
    blocks = [Block(width, middle) for _ in range(DEPTH)]
    return nn.Sequential(*first, *blocks, nn.Conv2d(width, CHANNELS[place], 1))


class Embedder(nn.Module):
    """(n, 3, 112, 112) RGB 0..255 -> embedding (n, 256), not normalised; its length falls with doubt."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([part(place) for place in range(3)])
        self.head = nn.Sequential(
            *unit(CHANNELS[-1], HEAD, 1, 1),
            activation(),
            nn.Conv2d(HEAD, HEAD, SIDES[-1], groups=HEAD, bias=False),
            nn.BatchNorm2d(HEAD),
            nn.Flatten(),
            nn.Linear(HEAD, SIZE),
        )
        with torch.no_grad():
            self.head[-1].weight *= 0.2  # outputs near length 1 from the start

    @staticmethod
    def look(images: Tensor) -> Tensor:
        """(n, 3, 128, 128) of -1..1, as the first part reads it."""
        middle = images[..., COLUMNS] * (1 / 127.5) - 1
        return nn.functional.interpolate(middle, (INPUT, INPUT), mode="bilinear", align_corners=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Maps after the three parts: (n, 64, 32, 32), (n, 128, 16, 16), (n, 128, 8, 8)."""
        x, out = self.look(images), list[Tensor]()
        for one in self.parts:
            x = one(x)
            out.append(x)
        return out

    def walk(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (n, 256), and mean and spread of each channel after each part (n, 640).

        What blur, noise and size do to a picture shows in the spread of its early features.
        """
        maps, seen = self.features(images), list[Tensor]()
        for one in maps:
            mean = one.float().mean((2, 3), keepdim=True)
            spread = (one.float() - mean).square().mean((2, 3)).sqrt()
            seen += [mean.flatten(1), spread]
        return self.head(maps[-1]), torch.cat(seen, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Embedding of a batch."""
        out: Tensor = self.head(self.features(images)[-1])
        return out


def dense_matrices(student: Embedder) -> list[nn.Parameter]:
    """Weights that Muon steps: every full convolution but the stem.

    Not the last layer: steps of one size for all directions would shake the embedding's length.
    """
    convolutions = [layer for layer in student.parts.modules() if isinstance(layer, nn.Conv2d)][1:]
    return [layer.weight for layer in convolutions]


if __name__ == "__main__":
    student = Embedder()
    print(sum(p.numel() for p in student.parameters()), student(torch.zeros(2, 3, 112, 112)).shape)
