"""The student: a small separable network from a 160 x 160 crop to points, presence and blendshapes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 160
POINTS, SHAPES, RANK, CODE = 478, 52, 128, 224


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

    def __init__(self, inside: int, outside: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.point = nn.Conv2d(inside, outside, 1, bias=False)
        self.conv = nn.Conv2d(outside, outside, size, stride, size // 2, groups=outside, bias=False)
        self.norm = nn.BatchNorm2d(outside)
        self.residual = inside == outside and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(self.point(x)))
        return torch.relu(x + y if self.residual else y)


def stage(inside: int, outside: int, blocks: int, size: int = 3) -> nn.Sequential:
    """Halve by pooling, widen, then residual blocks."""
    rest = [Separable(outside, outside, size) for _ in range(blocks - 1)]
    return nn.Sequential(nn.MaxPool2d(2), Separable(inside, outside, size), *rest)


class FaceMesh(nn.Module):
    """RGB 0-255 (N, 3, 160, 160) to points (N, 478, 3) in crops of side 1, logit (N, 1), shapes (N, 52).

    The points leave through `RANK` directions that start as the principal directions of labelled meshes, so
    that every answer is a face from the first step on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(Conv(3, 16), Conv(16, 32), Separable(32, 64), Separable(64, 64))
        self.body = nn.Sequential(stage(64, 128, 3), stage(128, 192, 4, 5), stage(192, 256, 3, 5))
        self.squeeze = nn.Sequential(nn.Conv2d(256, 48, 1, bias=False), nn.BatchNorm2d(48), nn.ReLU())
        self.code = nn.Linear(48 * (SIDE // 32) ** 2, CODE)
        self.mix = nn.Linear(CODE, RANK)
        self.basis = nn.Linear(RANK, POINTS * 3)
        self.presence = nn.Linear(CODE, 1)
        self.shape_code = nn.Linear(CODE + RANK, 96)
        self.shapes = nn.Linear(96, SHAPES)
        nn.init.normal_(self.mix.weight, std=0.02)

    def start_from(self, mean: Tensor, basis: Tensor) -> None:
        """Mean mesh (478 x 3) and principal directions (RANK x 1434, scaled by deviation), crop side 1."""
        with torch.no_grad():
            self.basis.bias.copy_(mean.reshape(-1))
            self.basis.weight.copy_(basis.T)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.squeeze(self.body(self.early(image * (1 / 64))))
        # Points need more digits than bfloat16 has.
        with torch.autocast("cpu", enabled=False):
            code = torch.relu(self.code(x.flatten(1).float()))
            mixed = self.mix(code)
            points = self.basis(mixed).reshape(-1, POINTS, 3)
            hidden = torch.relu(self.shape_code(torch.cat([code, mixed], 1)))
            return points, self.presence(code), self.shapes(hidden)
