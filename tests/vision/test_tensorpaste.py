"""Pasting on a card against pasting in host memory, tried on torch's CPU device."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vidface.data.card import Card
from vidface.data.planes import Planes
from vidface.vision.grain import Grain
from vidface.vision.paste import paste_delta

torch = pytest.importorskip("torch", reason="torch is an extra")


def planes(bits: int = 8, *, full: bool = False) -> Planes:
    random = np.random.default_rng(3)
    kind = np.uint8 if bits == 8 else np.uint16
    most = (1 << bits) - 1

    def sheet(high: int, wide: int) -> Any:
        smooth = cv2.GaussianBlur(random.uniform(0, most, (high, wide)).astype(np.float32), (0, 0), 5)
        noise = random.normal(0, most / 90, (high, wide))
        return np.clip(np.rint((smooth - most / 2) * 4 + most / 2 + noise), most * 0.1, most * 0.9).astype(
            kind
        )

    return Planes(sheet(180, 240), sheet(90, 120), sheet(90, 120), bits, "bt709", full)


def face(side: int = 96) -> tuple[Any, Any]:
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    away = np.hypot(xs - side / 2, ys - side / 2) / (side / 2)
    delta = np.stack([30 * np.sin(xs / 9), 25 * np.cos(ys / 7), 20 * np.sin((xs + ys) / 11)], axis=-1)
    return delta, np.clip(1.6 - 2 * away, 0, 1).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("grain", [None, Grain((1, 2), 0.3)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.2])
def test_the_same_codes_come_out(bits: int, full: bool, grain: Any, scale: float) -> None:
    """Small faces and large ones, with grain and without: nearly every code is the same."""
    from vidface.vision.tensorforms import CardPlanes
    from vidface.vision.tensorpaste import paste_delta_on

    card, before = Card("cpu"), planes(bits, full=full)
    delta, mask = face()
    angle = np.deg2rad(12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    matrix = np.column_stack([turn, np.array([48, 48]) - turn @ (130, 84)])
    want = Planes(before.luma.copy(), before.u.copy(), before.v.copy(), bits, "bt709", full)
    paste_delta(want, delta, mask=mask, matrix=matrix, gain=0.8, grain=grain)
    kind = np.uint8 if bits == 8 else np.int16
    luma = torch.from_numpy(before.luma.astype(kind))
    chroma = torch.from_numpy(np.stack([before.u, before.v], axis=-1).astype(kind))
    made = CardPlanes(luma, chroma, bits, "bt709", full)
    paste_delta_on(made, delta, card, mask=mask, matrix=matrix, gain=0.8, grain=grain)
    sheets = (made.luma, made.chroma[..., 0], made.chroma[..., 1])
    for one, other, old in zip(
        sheets, (want.luma, want.u, want.v), (before.luma, before.u, before.v), strict=True
    ):
        got, wanted = one.numpy().astype(int), other.astype(int)
        assert (wanted != old).any()
        peak = (1 << bits) - 1
        assert 10 * np.log10(peak**2 / max(1e-9, np.mean((got - wanted) ** 2))) >= 50
        untouched = wanted == old
        assert (got[untouched] == wanted[untouched]).mean() > 0.98
    brought = card.traffic.copies("forms_to_host")
    assert brought == (0 if grain is None else 3)
    assert card.traffic.copies("pictures_to_host") == 0


def test_nothing_changes_where_nothing_is_pasted() -> None:
    """No gain, an empty mask, a face beside the picture."""
    from vidface.vision.tensorforms import CardPlanes
    from vidface.vision.tensorpaste import paste_delta_on

    before = planes()
    luma = torch.from_numpy(before.luma.copy())
    made = CardPlanes(luma, torch.from_numpy(np.stack([before.u, before.v], axis=-1)))
    delta, mask = face()
    eye = np.array([[1.0, 0, 0], [0, 1, 0]])
    away = np.array([[1.0, 0, 5000], [0, 1, 0]])
    for keywords in (
        {"mask": mask, "matrix": eye, "gain": 0.0},
        {"mask": mask * 0, "matrix": eye},
        {"mask": mask, "matrix": away},
    ):
        paste_delta_on(made, delta, Card("cpu"), **keywords)
    assert np.array_equal(luma.numpy(), before.luma)
    with pytest.raises(ValueError, match="wanted a delta"):
        paste_delta_on(made, delta[..., 0], Card("cpu"), mask=mask, matrix=eye)
