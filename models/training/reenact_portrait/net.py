"""The portrait network: the source picture moved by a field of places, mended, filled where it shows nothing.

About 1.6 G multiply-adds a picture. Features of the source are moved by the same field (as in the First
Order Motion Model, NeurIPS 2019), so that what fills a gap can look at the person around it. The field comes
from the meshes of source and target, with depth, so nothing has to be guessed about where things go; the
network corrects the field, says where to trust that, and draws what is still missing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 256
WIDTHS = (32, 64, 112, 160)
GUIDES = 6
"""Maps that come with a field: inside, seen, mouth, and the three coordinates on the mean face."""
REACH = 0.12
"""Farthest correction of the field, in halves of the picture's side."""


def unit(inward: int, outward: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    """Convolution, norm, activation."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outward),
        nn.LeakyReLU(0.1, inplace=True),
    )


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            unit(width, width), nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )
        nn.init.constant_(self.body[-1].weight, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        out: Tensor = nn.functional.leaky_relu(x + self.body(x), 0.1)
        return out


def moved(picture: Tensor, places: Tensor) -> Tensor:
    """`picture` (n, c, h, w) taken at `places` (n, 2, h', w'), each -1..1 from border to border."""
    return nn.functional.grid_sample(
        picture, places.permute(0, 2, 3, 1), mode="bilinear", padding_mode="border", align_corners=False
    )


def halved(x: Tensor, size: int) -> Tensor:
    """Mean over squares, to `size` a side."""
    return nn.functional.avg_pool2d(x, x.shape[-1] // size)


class PortraitNet(nn.Module):
    """Source, places and guides -> the target picture.

    forward: source (n, 3, 256, 256) RGB 0..255, places (n, 2, 256, 256) in -1..1 of the source, guides
    (n, 6, 256, 256) -> picture (n, 3, 256, 256) RGB 0..255, trust (n, 1, 256, 256).
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        self.seen = nn.Sequential(nn.PixelUnshuffle(2), unit(12, 24), unit(24, 48, 2), Block(48))
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), unit(4 * (3 + 2 + GUIDES), a))
        self.down1 = unit(a, b, 2)
        self.join = unit(b + 48, b, size=1)
        self.at1 = Block(b)
        self.down2 = nn.Sequential(unit(b, c, 2), Block(c))
        self.down3 = nn.Sequential(unit(c, d, 2), Block(d), Block(d))
        self.up2, self.at2 = nn.Conv2d(d, c, 1), Block(c)
        self.up1, self.at3 = nn.Conv2d(c, b, 1), Block(b)
        self.up0, self.at4 = nn.Conv2d(b, a, 1), Block(a)
        self.correct = nn.Conv2d(b, 2, 3, 1, 1)
        self.leave = nn.Sequential(nn.Conv2d(a, 16, 3, 1, 1), nn.PixelShuffle(2))
        for last in (self.correct, self.leave[0]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        with torch.no_grad():  # channel 3 of each pixel: trust, near 1 at first
            self.leave[0].bias[12:] = 2.0

    def layers(self, source: Tensor, places: Tensor, guides: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Places set right (n, 2, 256, 256), trust (n, 1, 256, 256), and what is drawn where trust is low.

        The last one, (n, 3, 256, 256), is a change of the picture taken at the places as they came, in
        halves of the range, and already weighted with 1 - trust.
        """
        source = source * (1 / 127.5) - 1
        first = moved(source, places)
        features = moved(self.seen(source), halved(places, SIDE // 4))
        x0 = self.enter(torch.cat([first, places, guides], 1))
        x1 = self.at1(self.join(torch.cat([self.down1(x0), features], 1)))
        x2 = self.down2(x1)
        x3 = self.down3(x2)
        x = self.at2(doubled(self.up2(x3)) + x2)
        x = self.at3(doubled(self.up1(x)) + x1)
        shift = torch.tanh(self.correct(x)) * REACH
        x = self.at4(doubled(self.up0(x)) + x0)
        drawn = self.leave(x)
        shift = nn.functional.interpolate(shift, (SIDE, SIDE), mode="bilinear", align_corners=False)
        trust = torch.sigmoid(drawn[:, 3:])
        # What is drawn is a change of the moved picture: where trust is low it may be any change.
        return places + shift, trust, (1 - trust) * 2 * torch.tanh(drawn[:, :3])

    def forward(self, source: Tensor, places: Tensor, guides: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        right, trust, change = self.layers(source, places, guides)
        picture = source * (1 / 127.5) - 1
        mixed = trust * moved(picture, right) + (1 - trust) * moved(picture, places) + change
        return (mixed + 1) * 127.5, trust


class Layered(nn.Module):
    """What is exported: the layers, so that a picture of any size may be moved by the places.

    forward: as `PortraitNet` -> places_right (n, 2, 256, 256) in -1..1, trust (n, 1, 256, 256), change
    (n, 3, 256, 256) RGB in levels: picture = trust * moved(source, places_right) + (1 - trust) *
    moved(source, places) + change.
    """

    def __init__(self, network: PortraitNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, places: Tensor, guides: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        right, trust, change = self.network.layers(source, places, guides)
        return right, trust, change * 127.5


def doubled(x: Tensor) -> Tensor:
    """Twice the size."""
    return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def dense_matrices(network: PortraitNet) -> list[nn.Parameter]:
    """Weights that Muon steps: all full convolutions but the first and the last ones."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    outer = {id(network.correct), id(network.leave[0]), id(network.enter[1][0]), id(network.seen[1][0])}
    return [layer.weight for layer in layers if id(layer) not in outer]


if __name__ == "__main__":
    net = PortraitNet()
    count, side = sum(p.numel() for p in net.parameters()), SIDE
    out, trust = net(
        torch.zeros(1, 3, side, side), torch.zeros(1, 2, side, side), torch.zeros(1, GUIDES, side, side)
    )
    print(count, out.shape, trust.shape)
