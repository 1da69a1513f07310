"""The project's embedder as a judge of pictures: identity, and features on the way there. Frozen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vidface.vision.align import TEMPLATES, to_template

SIDE, LOOK = 256, 112


def embedder(checkpoint: Path) -> nn.Module:
    """The averaged network of models/training/embed_face."""
    path = Path(__file__).resolve().parents[1] / "embed_face" / "net.py"
    spec = importlib.util.spec_from_file_location("embed_net", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: nn.Module = module.Embedder()
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


class Judge(nn.Module):
    """Identity vectors, as vidface-embed gives them, and features of two stages, of halved ffhq512 crops."""

    def __init__(self, checkpoint: Path, calibration: Path) -> None:
        super().__init__()
        self.network = embedder(checkpoint)
        centre = np.load(calibration)["centre"]
        self.register_buffer("centre", torch.from_numpy(np.asarray(centre, np.float32)))
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
        """Unit vectors (n, 256), and the maps after the network's first two parts."""
        network: Any = self.network
        maps = network.features(self.look(crops).contiguous(memory_format=torch.channels_last))
        return nn.functional.normalize(network.head(maps[-1]).float() - self.centre), maps[:2]
