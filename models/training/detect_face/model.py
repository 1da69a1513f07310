"""The student: separable convolutions, a top-down neck and one shared branch a level, YuNet's outputs."""

from __future__ import annotations

import torch
from teacher import STRIDES
from torch import Tensor, nn

INPUT_SCALE = 1 / 64  # pixels 0-255 come in; the first batch normalisation takes up the mean
OUTPUT_NAMES = tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES)


class Conv(nn.Module):
    """Dense 3 x 3 convolution with stride 2, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


class Separable(nn.Module):
    """1 x 1, depthwise k x k, batch norm, (sum with the input,) ReLU."""

    def __init__(self, inside: int, outside: int, size: int = 3) -> None:
        super().__init__()
        self.point = nn.Conv2d(inside, outside, 1, bias=False)
        self.conv = nn.Conv2d(outside, outside, size, 1, size // 2, groups=outside, bias=False)
        self.norm = nn.BatchNorm2d(outside)
        self.residual = inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(self.point(x)))
        return torch.relu(x + y if self.residual else y)


def stage(inside: int, outside: int, blocks: int, size: int = 3) -> nn.Sequential:
    """Halve, then separable blocks."""
    rest = [Separable(outside, outside, size) for _ in range(blocks - 1)]
    return nn.Sequential(nn.MaxPool2d(2), Separable(inside, outside), *rest)


class FaceDetector(nn.Module):
    """BGR 0-255 (N, 3, H, W) to raw cells (N, cells, 16): cls, obj logits, bbox 4, points 10, by stride."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 96, 128, 128), neck: int = 64) -> None:
        super().__init__()
        self.scale = INPUT_SCALE
        stem, early, mid, late, last = widths
        self.early = nn.Sequential(
            Conv(3, stem), Conv(stem, early), Separable(early, early), Separable(early, early)
        )
        self.stages = nn.ModuleList([stage(early, mid, 2), stage(mid, late, 3), stage(late, last, 3, 5)])
        self.lateral = nn.ModuleList([nn.Conv2d(width, neck, 1) for width in (mid, late, last)])
        self.merge = nn.ModuleList([Separable(neck, neck) for _ in range(2)])
        self.branch = nn.ModuleList([Separable(neck, neck) for _ in STRIDES])
        self.head = nn.ModuleList([nn.Conv2d(neck, 16, 1) for _ in STRIDES])
        self.place = nn.ModuleList([nn.Conv2d(16, 16, 3, 1, 1, groups=16) for _ in STRIDES])
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        for place in self.place:
            nn.init.dirac_(place.weight, groups=16)
            nn.init.zeros_(place.bias)
            place.bias.data[:2] = -4.0

    def features(self, image: Tensor) -> list[Tensor]:
        """The three levels of the neck, strides 8, 16, 32."""
        x = self.early(image * self.scale)
        levels = []
        for number, step in enumerate(self.stages):
            x = step(x)
            levels.append(self.lateral[number](x))
        levels[1] = self.merge[1](levels[1] + self.up(levels[2]))
        levels[0] = self.merge[0](levels[0] + self.up(levels[1]))
        return levels

    def forward(self, image: Tensor) -> Tensor:
        cells = []
        for number, level in enumerate(self.features(image)):
            x = self.branch[number](level)
            # Points need more digits than bfloat16 has.
            with torch.autocast("cpu", enabled=False):
                x = self.place[number](self.head[number](x.float()))
            cells.append(x.permute(0, 2, 3, 1).flatten(1, 2))
        return torch.cat(cells, 1)


class Exported(nn.Module):
    """The student with the twelve outputs of YuNet's contract; sigmoid inside."""

    def __init__(self, student: FaceDetector) -> None:
        super().__init__()
        self.student = student

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        net, levels = self.student, []
        for number, level in enumerate(net.features(image)):
            x = net.place[number](net.head[number](net.branch[number](level)))
            levels.append(x.permute(0, 2, 3, 1).flatten(1, 2))
        scores = [torch.sigmoid(level[..., :2]) for level in levels]
        return (
            *(s[..., :1] for s in scores),
            *(s[..., 1:] for s in scores),
            *(level[..., 2:6] for level in levels),
            *(level[..., 6:] for level in levels),
        )
