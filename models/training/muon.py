"""Momentum with orthogonal steps (Muon; Jordan et al. 2024), for the matrices of the 1 x 1 convolutions."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

ROUNDS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # the quintic of the paper: steep at 0, near 1 on (0.7, 1.2)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest half-orthogonal matrix, roughly, by Newton-Schulz rounds of a quintic."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    # Half precision is enough for a direction, and twice as fast.
    x = ((matrix.T if tall else matrix) / (matrix.norm() + 1e-7)).bfloat16()
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised per layer; `lr` is the spectral norm of a square layer's step."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in (one for one in group["params"] if one.grad is not None):
                buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter.grad))
                buffer.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(buffer, group["momentum"]).flatten(1)
                stretch = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                step = orthogonal(ahead) * (stretch * group["lr"])
                parameter.add_(step.reshape(parameter.shape), alpha=-1)
