"""`vidface.vision.paste.paste_delta` for planes on a card: the change is sampled and added there.

The change itself comes from the host, as large as a crop; the picture does not leave the card, but for the
piece of luma around a face where grain is to be matched.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidface.data.card import Card
from vidface.vision import paste
from vidface.vision.grain import Grain, fill
from vidface.vision.tensorforms import CardPlanes
from vidface.vision.tensorwarp import sampled
from vidface.vision.warpframe import as_3x3

Tensor = Any
_HALVED: Final = (2, 2)


class _Sheets(NamedTuple):
    """What is asked of planes where a tile is laid."""

    size: tuple[int, int]
    subsampling: tuple[int, int] = _HALVED


def paste_delta_on(
    planes: CardPlanes,
    delta: Any,
    card: Card,
    *,
    mask: Any,
    matrix: Any,
    gain: float = 1.0,
    grain: Grain | None = None,
) -> None:
    """Add gain x mask x delta to planes on a card, in place, on its lane.

    Args as those of `vidface.vision.paste.paste_delta`; the result is the same within a code.

    Raises:
        ValueError: as there.
    """
    change, cover = paste.checked(delta, mask)
    way = as_3x3(matrix)
    tile = paste.tile_of(_Sheets(planes.size), cover, way, room=grain is not None)
    if tile is None or gain == 0:
        return
    sheets = cv2.split(cv2.transform(change, paste.to_yuv(planes, gain)))
    for number, sheet in enumerate(sheets):
        plane = planes.luma if number == 0 else planes.chroma[..., number - 1]
        region, to_piece = tile.piece(plane, _HALVED if number else (1, 1), way)
        size = (int(region.shape[1]), int(region.shape[0]))
        base = region.to(torch.float32)
        shrink = abs(float(np.linalg.det(to_piece[:2, :2]))) ** -0.5
        warp = paste.numbers(to_piece)
        add = sampled(_up(paste.calmed(sheet, shrink), card), warp, size, how="bicubic", beyond="border")[0]
        weight = _weight(cover, warp, size, shrink, card)
        shown = add * weight
        if grain is not None and number == 0:
            noise = fill(*(_down(one, card) for one in (base, add, weight)), grain=grain, step=_step(planes))
            shown = shown + _up(noise, card)[0]
        low, high = paste.limits(planes, chroma=number > 0)
        total = torch.round(base + shown)
        total = torch.minimum(torch.maximum(total, base.clamp(max=low)), base.clamp(min=high))
        region.copy_(total.to(region.dtype))


def _weight(cover: NDArray[Any], warp: Any, size: tuple[int, int], shrink: float, card: Card) -> Tensor:
    plain = sampled(_up(cover, card), warp, size, how="bilinear", beyond="zeros")[0]
    if shrink < paste.SHRINKS:
        return plain
    soft = sampled(_up(paste.calmed(cover, shrink), card), warp, size, how="bilinear", beyond="border")[0]
    return torch.where(plain > 0, soft, torch.zeros_like(soft))


def _step(planes: CardPlanes) -> int:
    return 1 << (planes.bits - 8)


def _up(sheet: NDArray[Any], card: Card) -> Tensor:
    """h x w of the host -> 1 x h x w float32 on the card."""
    array = np.array(sheet, np.float32)
    card.traffic.add("inputs_to_card", array.nbytes)
    return torch.from_numpy(array).to(card.device)[None]


def _down(sheet: Tensor, card: Card) -> NDArray[np.float32]:
    array: NDArray[np.float32] = sheet.cpu().numpy()
    card.traffic.add("forms_to_host", array.nbytes)
    return array
