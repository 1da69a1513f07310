"""The restorer: a recurrent network on face-aligned crops.

The crop is folded to a quarter of its side (pixel unshuffle); a U-net of plain 3 x 3 convolutions, whose work
is done at an eighth and a sixteenth, joins it with the state that the last frame left at the same place.
What comes out is a difference to the crop, and the next state. A vector of the person's known pictures may
steer the lowest level.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

SIDE, FOLD = 256, 4
KNOWN = 256
DEPTH = 8
"""Crop pixels a pixel of the state."""
BRUSH = 8.0
"""Grey levels of one unit of what is painted: with more, one step of the optimiser overshoots."""


class Size(NamedTuple):
    """Channels at a quarter, an eighth and a sixteenth of the side, and of the state."""

    one: int
    two: int
    three: int
    state: int


SHIPPED, WIDE = Size(32, 96, 160, 32), Size(48, 192, 288, 64)


def unit(inward: int, outward: int, stride: int = 1) -> list[nn.Module]:
    """Convolution and activation."""
    return [nn.Conv2d(inward, outward, 3, stride, 1), nn.LeakyReLU(0.1, inplace=True)]


class Block(nn.Module):
    """Two convolutions beside a shortcut; starts as the shortcut alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*unit(width, width), nn.Conv2d(width, width, 3, 1, 1))
        self.share = nn.Parameter(torch.full((1, width, 1, 1), 0.2))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        out: Tensor = x + self.share * self.body(x)
        return out


class Place(nn.Module):
    """What is usual at each place of an aligned face: a learned map."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.zeros(1, width, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        return x + self.map


class Restorer(nn.Module):
    """Crops, state and known looks -> restored crops and the next state."""

    def __init__(self, size: Size = SHIPPED) -> None:
        super().__init__()
        self.size = size
        one, two, three, kept = size
        self.fold = nn.PixelUnshuffle(FOLD)
        self.enter = nn.Sequential(*unit(3 * FOLD**2, one))
        self.down = nn.Sequential(*unit(one, two, 2))
        self.place = Place(two, SIDE // DEPTH)
        self.join = nn.Sequential(*unit(two + kept, two), Block(two))
        self.deep = nn.Sequential(*unit(two, three, 2))
        self.depth = Place(three, SIDE // DEPTH // 2)
        self.scale, self.shift = nn.Linear(KNOWN, three), nn.Linear(KNOWN, three)
        self.think = nn.Sequential(Block(three), Block(three), Block(three))
        self.rise = nn.Sequential(nn.Conv2d(three, 4 * two, 1), nn.PixelShuffle(2))
        self.up = Block(two)
        self.climb = nn.Sequential(nn.Conv2d(two, 4 * one, 1), nn.PixelShuffle(2))
        self.leave = nn.Sequential(*unit(one, one), Block(one))
        self.paint = nn.Conv2d(one, 3 * FOLD**2, 3, 1, 1)
        self.keep = nn.Sequential(nn.Conv2d(two, kept, 3, 1, 1), nn.Tanh())
        self.unfold = nn.PixelShuffle(FOLD)
        for layer in (self.paint, self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, state: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """One frame.

        Args:
            image: (n, 3, 256, 256) RGB 0..255.
            state: (n, `size.state`, 32, 32), zeros at the first frame.
            known: (n, 256) unit vectors of the embedder, or zeros.

        Returns:
            Restored (n, 3, 256, 256), not clipped, and the next state.
        """
        painted, following = self.painted(self.fold(image), state, known)
        return image + self.unfold(painted), following

    def painted(self, folded: Tensor, state: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """One frame, folded: (n, 48, 64, 64) grey levels -> the difference to it; the next state."""
        high = self.enter(folded * (1 / 127.5) - 1)
        middle = self.place(self.down(high))
        middle = self.join(torch.cat([middle, state], 1))
        low = self.depth(self.deep(middle))
        low = low * (1 + self.scale(known)[..., None, None]) + self.shift(known)[..., None, None]
        middle = self.up(middle + self.rise(self.think(low)))
        high = self.leave(high + self.climb(middle))
        return BRUSH * self.paint(high), self.keep(middle)


def blank(count: int, size: Size = SHIPPED) -> Tensor:
    """The state of `count` faces that were never seen."""
    return torch.zeros(count, size.state, SIDE // DEPTH, SIDE // DEPTH)


def size_of(state: dict[str, Tensor]) -> Size:
    """The size of a Restorer whose weights these are."""
    parts = ("enter.0", "down.0", "deep.0", "keep.0")
    return Size(*(len(state[f"{part}.bias"]) for part in parts))


def grow(student: Restorer, narrow: dict[str, Tensor]) -> None:
    """Give the first channels of a wide student a narrower one's weights: it begins as that one.

    The other channels keep their random weights, but no first channel listens to them yet (after Net2Net,
    Chen et al. 2016), so what comes out is the same and the gradient sees them at once.

    Args:
        student: whose weights are written.
        narrow: the state of a Restorer of the same depth and at most the same widths.
    """
    two = student.size.two
    with torch.no_grad():
        for name, weight in student.state_dict().items():
            given = narrow[name]
            first = tuple(slice(0, size) for size in given.shape)
            if name == "join.0.weight":
                # Its inputs are the map, then the state: both have grown.
                before = given.shape[1] - narrow["keep.0.bias"].shape[0]
                weight[: given.shape[0]] = 0
                weight[: given.shape[0], :before] = given[:, :before]
                weight[: given.shape[0], two : two + given.shape[1] - before] = given[:, before:]
                continue
            if name.endswith(".weight"):
                weight[: given.shape[0]] = 0
            weight[first] = given


def dense_matrices(student: Restorer) -> list[nn.Parameter]:
    """Weights that Muon steps: every 3 x 3 convolution but the first and those that paint."""
    parts = (student.down, student.join, student.deep, student.think, student.up, student.leave, student.keep)
    found = [layer for part in parts for layer in part.modules() if isinstance(layer, nn.Conv2d)]
    return [layer.weight for layer in found]


def multiply_adds(network: Restorer) -> int:
    """Of all convolutions, for one frame."""
    sums: list[int] = []

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        sums.append(weight.numel() * out.shape[-1] * out.shape[-2])

    hooks = [part.register_forward_hook(count) for part in network.modules() if isinstance(part, nn.Conv2d)]
    with torch.no_grad():
        network(torch.zeros(1, 3, SIDE, SIDE), blank(1, network.size), torch.zeros(1, KNOWN))
    for hook in hooks:
        hook.remove()
    return sum(sums)


if __name__ == "__main__":
    for restorer in (Restorer(), Restorer(WIDE)):
        weights = sum(p.numel() for p in restorer.parameters())
        print(weights / 1e6, "M weights,", multiply_adds(restorer) / 1e9, "G multiply-adds a frame")
