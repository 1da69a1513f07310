"""The project's embedder as a judge of pictures: identity, and features on the way there. Frozen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from vidface.vision.align import TEMPLATES, to_template

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import tensors_of

SIDE, LOOK = 256, 112


def embedder(shipped: Path) -> tuple[nn.Module, Tensor]:
    """The network of models/training/embed_face with the ONNX file's weights, and the vector it takes off.

    Raises:
        SystemExit: it does not give the golden vector beside the file.
    """
    path = Path(__file__).resolve().parents[1] / "embed_face" / "net.py"
    spec = importlib.util.spec_from_file_location("embed_net", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: nn.Module = module.Embedder().eval()
    network.load_state_dict(module.state_of(shipped))
    module.fixed(network)
    centre = tensors_of(onnx.load(shipped))["centre"]
    golden = np.load(shipped.parent / "golden.npz")
    with torch.no_grad():
        found = network(torch.from_numpy(golden["image"].astype(np.float32)))
    found = nn.functional.normalize(found - centre)
    if float((found - torch.from_numpy(golden["embedding"])).abs().max()) > 1e-3:
        raise SystemExit(f"{shipped}: its weights do not give the golden vector in {path}")
    return network.requires_grad_(False).to(memory_format=torch.channels_last), centre


class Judge(nn.Module):
    """Identity vectors, as vidface-embed gives them, and features of two stages, of halved ffhq512 crops."""

    def __init__(self, shipped: Path) -> None:
        super().__init__()
        self.network, centre = embedder(shipped)
        self.register_buffer("centre", centre)
        # arcface112 -> halved crop, as torch wants it: both from -1 to 1.
        back = to_template(TEMPLATES["arcface112"].points, "ffhq512") / 2
        to_one = np.array([(2 / SIDE, 0, -1), (0, 2 / SIDE, -1), (0, 0, 1)])
        from_one = np.array([(LOOK / 2, 0, LOOK / 2), (0, LOOK / 2, LOOK / 2), (0, 0, 1)])
        theta = (to_one @ np.vstack([back, (0, 0, 1)]) @ from_one)[:2]
        grid = nn.functional.affine_grid(
            torch.tensor(theta[None]).float(), [1, 3, LOOK, LOOK], align_corners=False
        )
        self.register_buffer("grid", grid)

    def look(self, crops: Tensor) -> Tensor:
        """(n, 3, 256, 256) RGB 0..255 -> (n, 3, 112, 112)."""
        halved = nn.functional.avg_pool2d(crops, 2)
        grid = self.grid.expand(len(crops), -1, -1, -1)  # type: ignore[operator]
        return nn.functional.grid_sample(halved, grid, align_corners=False, padding_mode="border")

    def forward(self, crops: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Unit vectors (n, 256), and the network's maps at the end of 32 x 32 and of 16 x 16."""
        network: Any = self.network
        maps = network.features(self.look(crops).contiguous(memory_format=torch.channels_last))
        vectors = nn.functional.normalize(network.head(maps[-1]).float() - self.centre)
        return vectors, network.stages(maps)[:2]
