"""The teacher as a network of torch, run together with the student: its map after every block."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import torch
from net import Bend, Embedder
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import tensors_of


class Twin(nn.Module):
    """face-reidentification-retail-0095 in the student's shape (`late` 1): frozen, for hints only.

    Raises:
        ValueError: the file holds another network.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        model = onnx.load(path)
        values = tensors_of(model)
        self.network = Embedder(late=1.0)
        layers = [one for one in self.network.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
        bends = [one for one in self.network.modules() if isinstance(one, Bend)]
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        slopes = [values[node.input[1]] for node in model.graph.node if node.op_type == "PRelu"]
        if (len(layers), len(bends)) != (len(convolutions), len(slopes)):
            raise ValueError(f"{path}: has {len(convolutions)} convolutions where {len(layers)} are wanted")
        adds = [node for node in model.graph.node if node.op_type == "Add"]
        shifts = {node.input[0]: values.get(node.input[1]) for node in adds}
        with torch.no_grad():
            for layer, node in zip(layers, convolutions, strict=True):
                layer.weight.copy_(values[node.input[1]].reshape(layer.weight.shape))
                assert layer.bias is not None
                shift = shifts.get(node.output[0])
                layer.bias.zero_() if shift is None else layer.bias.copy_(shift.flatten())
            for bend, slope in zip(bends, slopes, strict=True):
                bend.slope.copy_(slope.reshape(()))
        first, second = model.graph.node[:2]
        self.register_buffer("scale", values[first.input[1]])
        self.register_buffer("shift", values[second.input[1]])
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(n, 3, 112, 112) RGB 0..255 -> unit vectors (n, 256), and the maps after stem and blocks."""
        given = (Embedder.look(images) + 1) * 127.5
        out = self.network.maps(given.flip(1) * self.scale + self.shift)
        return nn.functional.normalize(self.network.head(out[-1]).float()), out
