"""The embedder: fifteen narrow-wide-narrow blocks with gates (MobileNetV2, squeeze-and-excitation).

The teacher is built of such blocks too, so that each block of the student can be asked for what one block of
the teacher does: fifteen shallow problems in place of a deep one. No batch norms, therefore no difference
between training and use, and the shipped file holds the weights as they were trained.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import onnx
import torch
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import weights_of

COLUMNS = slice(8, 104)
"""The middle of the arcface112 crop, stretched to a square: what the teacher sees."""
INPUT, STEM, HEAD, SIZE = 128, 64, 512, 256
GATE = 8
"""Channels for each one of a gate's middle."""


class Shape(NamedTuple):
    """Channels into a block, in its middle and out of it; 2 halves the side."""

    inward: int
    middle: int
    outward: int
    stride: int


def plan(late: float) -> list[Shape]:
    """The blocks; `late` widens the middles of those at 16 x 16 and 8 x 8."""
    wide = int(256 * late)
    early = [Shape(64, 128, 64, 2), *[Shape(64, 128, 64, 1)] * 4, Shape(64, 256, 128, 2)]
    return [*early, *[Shape(128, wide, 128, 1)] * 6, Shape(128, 512, 128, 2), *[Shape(128, wide, 128, 1)] * 2]


READ = (4, 11, 14)
"""Blocks whose maps (64 x 32 x 32, 128 x 16 x 16, 128 x 8 x 8) are read for what was done to a picture."""


class Bend(nn.Module):
    """Leaky ReLU whose slope, one for a layer, is learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out."""
        return torch.where(x > 0, x, x * self.slope.to(x.dtype))


class Depthwise(nn.Conv2d):
    """Each channel by itself; in single precision, in which CPUs differentiate it several times faster."""

    def __init__(self, width: int, size: int, stride: int) -> None:
        super().__init__(width, width, size, stride, size // 2 if size < 4 else 0, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) -> float32."""
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class Block(nn.Module):
    """Wide in the middle, gated by its own mean; added to what came in where the shapes allow it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        inward, middle, outward, stride = shape
        self.added = stride == 1
        self.body = nn.Sequential(
            *(nn.Conv2d(inward, middle, 1), Bend(), Depthwise(middle, 3, stride), Bend()),
            nn.Conv2d(middle, outward, 1),
        )
        self.gate = nn.Sequential(
            *(nn.Conv2d(outward, outward // GATE, 1), Bend()),
            *(nn.Conv2d(outward // GATE, outward, 1), nn.Sigmoid()),
        )

    def change(self, x: Tensor) -> Tensor:
        """What is added."""
        y: Tensor = self.body(x)
        gate: Tensor = self.gate(y.mean((2, 3), keepdim=True))
        return y * gate

    def forward(self, x: Tensor) -> Tensor:
        """The next map."""
        y = self.change(x)
        return x + y if self.added else y


class Embedder(nn.Module):
    """(n, 3, 112, 112) RGB 0..255 -> embedding (n, 256), not normalised; its length falls with doubt."""

    def __init__(self, late: float = 1.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, STEM, 3, 2, 1), Bend(), Depthwise(STEM, 3, 1), Bend())
        self.blocks = nn.ModuleList([Block(shape) for shape in plan(late)])
        self.head = nn.Sequential(
            nn.Conv2d(128, HEAD, 1), Bend(), Depthwise(HEAD, 8, 1), nn.Flatten(), nn.Linear(HEAD, SIZE)
        )

    @staticmethod
    def look(images: Tensor) -> Tensor:
        """(n, 3, 128, 128) of -1..1, as the stem reads it."""
        middle = images[..., COLUMNS] * (1 / 127.5) - 1
        return nn.functional.interpolate(middle, (INPUT, INPUT), mode="bilinear", align_corners=False)

    def maps(self, given: Tensor) -> list[Tensor]:
        """What the stem reads -> maps after the stem and every block."""
        out = [self.stem(given)]
        for block in self.blocks:
            out.append(block(out[-1]))
        return out

    def features(self, images: Tensor) -> list[Tensor]:
        """Maps after the stem and every block."""
        return self.maps(self.look(images))

    @staticmethod
    def stages(maps: list[Tensor]) -> list[Tensor]:
        """Of the maps after stem and blocks those at `READ`."""
        return [maps[1 + place] for place in READ]

    def walk(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (n, 256), and mean and spread of each channel of three maps (n, 640).

        What blur, noise and size do to a picture shows in the spread of its early features.
        """
        maps, seen = self.features(images), list[Tensor]()
        for one in self.stages(maps):
            mean = one.float().mean((2, 3), keepdim=True)
            spread = (one.float() - mean).square().mean((2, 3)).sqrt()
            seen += [mean.flatten(1), spread]
        return self.head(maps[-1]), torch.cat(seen, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Embedding of a batch."""
        out: Tensor = self.head(self.features(images)[-1])
        return out


def dense_matrices(student: Embedder) -> list[nn.Parameter]:
    """Weights that Muon steps: the 1 x 1 convolutions of the blocks and the head's.

    Not the last layer: steps of one size for all directions would shake the embedding's length.
    """
    layers = [block.body[place] for block in student.blocks for place in (0, 4)]  # type: ignore[index]
    return [layer.weight for layer in [*layers, student.head[0]]]


def fixed(network: nn.Module) -> None:
    """Make slopes constants, in place, for use: ONNX Runtime fuses those into the convolution before."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, Bend):
            setattr(network, name, nn.LeakyReLU(float(layer.slope.detach())))
        else:
            fixed(layer)


def state_of(shipped: Path) -> dict[str, Tensor]:
    """The student's state out of an exported file, where slopes are attributes, in the order of use."""
    slopes = [node.attribute[0].f for node in onnx.load(shipped).graph.node if node.op_type == "LeakyRelu"]
    bends = [name for name, layer in Embedder().named_modules() if isinstance(layer, Bend)]
    state = {f"{name}.slope": torch.tensor(slope) for name, slope in zip(bends, slopes, strict=True)}
    return state | weights_of(shipped)


if __name__ == "__main__":
    student = Embedder()
    print(sum(p.numel() for p in student.parameters()), student(torch.zeros(2, 3, 112, 112)).shape)
