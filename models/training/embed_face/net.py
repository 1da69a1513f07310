"""The embedder: a small residual network whose last features and embedding follow the teacher's.

About 0.2 G multiply-adds for a face: plain 3 x 3 convolutions, which two CPU cores run (and train) faster
than depthwise ones of the same accuracy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS, DEPTHS = (48, 96, 192), (2, 4, 2)
HEAD, SIZE = 320, 256
COLUMNS = slice(8, 104)
"""The middle of the arcface112 crop, which is also all that the teacher sees."""


def activation() -> nn.Module:
    """Fused into the convolution before it by ONNX Runtime."""
    return nn.LeakyReLU(0.1, inplace=True)


def unit(inward: int, outward: int, size: int, stride: int) -> list[nn.Module]:
    """Convolution and norm."""
    pad = size // 2
    return [nn.Conv2d(inward, outward, size, stride, pad, bias=False), nn.BatchNorm2d(outward)]


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*unit(width, width, 3, 1), activation(), *unit(width, width, 3, 1))
        self.close = activation()
        nn.init.constant_(self.body[-1].weight, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        out: Tensor = self.close(x + self.body(x))
        return out


class Embedder(nn.Module):
    """(n, 3, 112, 112) RGB 0..255 -> embedding (n, 256), not normalised; its length falls with doubt."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), *unit(12, WIDTHS[0], 5, 2), activation()]
        for stage, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True)):
            if stage:
                layers += [*unit(WIDTHS[stage - 1], width, 3, 2), activation()]
            layers += [Block(width) for _ in range(depth)]
        self.trunk = nn.Sequential(*layers)
        self.widen = nn.Sequential(*unit(WIDTHS[-1], HEAD, 1, 1), activation())
        self.gather = nn.Sequential(
            nn.Conv2d(HEAD, HEAD, (7, 6), groups=HEAD, bias=False), nn.BatchNorm2d(HEAD)
        )
        self.embed = nn.Linear(HEAD, SIZE)
        self.imitate = nn.Conv2d(WIDTHS[-1], 128, 1)  # training only: towards the teacher's last features

    def features(self, images: Tensor) -> Tensor:
        """(n, 192, 7, 6)."""
        middle = images[..., COLUMNS] * (1 / 127.5) - 1
        out: Tensor = self.trunk(middle)
        return out

    def walk(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (n, 256), and mean and spread of each channel after each stage (n, 672).

        What blur, noise and size do to a picture shows in the spread of its early features.
        """
        x, seen, ends = images[..., COLUMNS] * (1 / 127.5) - 1, list[Tensor](), stage_ends()
        for place, layer in enumerate(self.trunk):
            x = layer(x)
            if place in ends:
                mean = x.float().mean((2, 3), keepdim=True)
                spread = (x.float() - mean).square().mean((2, 3)).sqrt()
                seen += [mean.flatten(1), spread]
        return self.head(x), torch.cat(seen, 1)

    def head(self, features: Tensor) -> Tensor:
        """(n, 256)."""
        out: Tensor = self.embed(self.gather(self.widen(features)).flatten(1))
        return out

    def forward(self, images: Tensor) -> Tensor:
        """Embedding of a batch."""
        return self.head(self.features(images))


def stage_ends() -> list[int]:
    """Places in the trunk after which a stage is over."""
    ends = [3 + DEPTHS[0]]
    for depth in DEPTHS[1:]:
        ends.append(ends[-1] + 3 + depth)
    return ends


def dense_matrices(student: Embedder) -> list[nn.Parameter]:
    """Weights that Muon steps: every full convolution but the stem.

    Not the last layer: steps of one size for all directions would shake the embedding's length.
    """
    convolutions = [part for part in student.trunk.modules() if isinstance(part, nn.Conv2d)][1:]
    return [part.weight for part in convolutions] + [student.widen[0].weight]


if __name__ == "__main__":
    student = Embedder()
    used = sum(p.numel() for name, p in student.named_parameters() if not name.startswith("imitate"))
    print(
        used, student(torch.zeros(2, 3, 112, 112)).shape, student.features(torch.zeros(2, 3, 112, 112)).shape
    )
