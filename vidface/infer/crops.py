"""Crops for a network, in host memory or on a card, whichever they are in.

In host memory n x H x W x 3 uint8 RGB arrays, on a card n x 3 x H x W uint8 RGB tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidface.data.card import Card
from vidface.infer import contract
from vidface.infer.manifest import Input


def cut(frame: Any, matrix: Any, side: int, card: Card | None) -> Any:
    """A square crop of a `Frame`, where its picture lies: on this card, or in host memory."""
    there = frame.on_card(card)
    return frame.crop(matrix, (side, side)) if there is None else there.card_crop(matrix, (side, side))


def stacked(pictures: Sequence[Any], side: int, card: Card | None) -> Any:
    """One batch: on the card where every picture is, else in host memory."""
    if not pictures:
        return np.zeros((0, side, side, 3), np.uint8)
    here = [isinstance(picture, np.ndarray) for picture in pictures]
    if card is None or all(here):
        return np.stack(pictures)
    with card.lane():
        if not any(here):
            import torch

            return torch.stack(list(pictures))
        brought = []
        for picture in pictures:
            one = picture
            if not isinstance(picture, np.ndarray):
                one = picture.permute(1, 2, 0).cpu().numpy()
                card.traffic.add("forms_to_host", one.nbytes)
            brought.append(one)
    return np.stack(brought)


def filled(crops: Any, length: int, card: Card | None) -> Any:
    """A batch with black pictures behind it, up to a length."""
    lacking = length - len(crops)
    if lacking <= 0:
        return crops
    if isinstance(crops, np.ndarray) or card is None:
        return np.concatenate([crops, np.zeros((lacking, *crops.shape[1:]), np.uint8)])
    import torch

    with card.lane():
        black = torch.zeros((lacking, *crops.shape[1:]), dtype=crops.dtype, device=card.device)
        return torch.cat([crops, black])


def prepared(spec: Input, crops: Any, card: Card | None) -> Any:
    """What the contract wants of a batch: (pixel / divide - mean) / std in its layout and order of channels.

    Raises:
        ValueError: as `vidface.infer.contract.prepare`.
    """
    if isinstance(crops, np.ndarray) or card is None:
        return contract.prepare(spec, crops)
    if spec.layout is None or spec.channels not in ("rgb", "bgr"):
        raise ValueError(f"input {spec.name!r} does not hold one RGB or BGR picture")
    import torch

    with card.lane():
        ordered = crops.flip(1) if spec.channels == "bgr" else crops
        std = np.broadcast_to(np.asarray(spec.std, np.float64), 3)
        gain = (1 / (spec.divide * std)).astype(np.float32)
        shift = (-np.broadcast_to(np.asarray(spec.mean, np.float64), 3) / std).astype(np.float32)
        # Number by number: a tensor of them would have to be copied to the card.
        sheets = [ordered[:, i].to(torch.float32) * float(gain[i]) + float(shift[i]) for i in range(3)]
        values = torch.stack(sheets, dim=1)
        return (values if spec.layout == "NCHW" else values.permute(0, 2, 3, 1)).contiguous()
