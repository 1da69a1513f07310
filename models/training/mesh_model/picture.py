"""Draw a mesh model to look at it: motion and stable points, and the first components from front and side."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from vidface.vision.meshmodel import MeshModel

mpl.use("Agg")
import matplotlib.pyplot as plt

DEVIATIONS = 2.5


def draw(model: MeshModel, count: int, path: Path) -> None:
    """One row for identity, one for expression, one for the mean with the stable points marked."""
    figure, axes = plt.subplots(3, 2 * count, figsize=(5 * count, 11))
    plain, plus, minus = "0.4", "tab:red", "tab:blue"
    for row, (basis, stds) in enumerate(
        ((model.identity, model.identity_std), (model.expression, model.expression_std))
    ):
        for place in range(count):
            step = DEVIATIONS * stds[place] * basis[place]
            for side, column in ((0, 2 * place), (2, 2 * place + 1)):
                axis = axes[row, column]
                for shape, colour in ((model.mean - step, minus), (model.mean + step, plus)):
                    axis.triplot(shape[:, side], shape[:, 1], model.triangles, color=colour, lw=0.4)
                axis.set_title(f"{('identity', 'expression')[row]} {place} {stds[place]:.2f}")
    for side, column in ((0, 0), (2, 1)):
        axis = axes[2, column]
        axis.triplot(model.mean[:, side], model.mean[:, 1], model.triangles, color=plain, lw=0.4)
        axis.plot(model.mean[model.stable, side], model.mean[model.stable, 1], "r.", ms=4)
    for axis in axes.ravel():
        axis.set_aspect("equal")
        axis.invert_yaxis()
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=55)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.npz")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--count", type=int, default=4, help="components to draw")
    args = parser.parse_args()
    draw(MeshModel.load(args.model), args.count, args.out)
    print(np.round(MeshModel.load(args.model).identity_std[:5], 3))


if __name__ == "__main__":
    main()
