"""Inputs bound where they lie: the same answers, and every copy counted. Tried on torch's CPU device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data import Device
from vidface.data.card import Card
from vidface.errors import ModelError
from vidface.infer import crops as on_crops
from vidface.infer import session
from vidface.infer.cardsession import CardSession, stream_option
from vidface.infer.contract import prepare
from vidface.infer.manifest import Input

torch = pytest.importorskip("torch", reason="torch is an extra")
PICTURE = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)


@pytest.fixture
def card() -> Card:
    return Card("cpu")


def test_a_tensor_is_read_where_it_lies(tiny: Path, card: Card) -> None:
    """The same numbers as from an array; nothing is copied to the card, the answer is counted."""
    model = session.open_file(tiny / "double.onnx", Device(card=card))
    plain = session.open_file(tiny / "double.onnx", Device())
    wide = torch.arange(48, dtype=torch.float32).reshape(1, 3, 2, 8)[..., ::2]  # not contiguous
    want = plain(wide.numpy().copy())["output"]
    np.testing.assert_array_equal(model(wide)["output"], want)
    counted = card.traffic.to_json()
    assert counted["inputs_to_card"]["copies"] == 0
    assert counted["results_to_host"] == {"copies": 1, "bytes": want.nbytes}


def test_arrays_of_the_host_still_serve_and_are_counted(tiny: Path, card: Card) -> None:
    """One input on the card, one in host memory."""
    model = session.open_file(tiny / "pair.onnx", Device(card=card))
    left, right = torch.ones((1, 4)), np.arange(4).reshape(1, 4)
    answer = model(left, right)
    np.testing.assert_array_equal(answer["sum"], 1 + right)
    assert list(answer) == ["sum", "twice"]
    assert card.traffic.copies("inputs_to_card") == 1
    assert card.traffic.to_json()["inputs_to_card"]["bytes"] == right.nbytes


def test_wrong_tensors_get_the_same_sentences(tiny: Path, card: Card) -> None:
    """Shape and dtype are checked before the runtime sees an address."""
    model = session.open_file(tiny / "double.onnx", Device(card=card))
    with pytest.raises(ModelError, match="but got 1 x 3 x 2 x 4 float64"):
        model(torch.zeros((1, 3, 2, 4), dtype=torch.float64))
    with pytest.raises(ModelError, match="but got 3 x 2 x 4 float32"):
        model(torch.zeros((3, 2, 4)))


def test_the_session_runs_on_the_lane() -> None:
    """ONNX Runtime is told the stream; where there is none (as on the CPU) nothing is said."""

    class WithStream:
        pointer = 140271

    assert stream_option(WithStream()) == {"user_compute_stream": "140271"}  # type: ignore[arg-type]
    assert stream_option(Card("cpu")) == {}
    assert stream_option(None) == {}


def test_sessions_without_a_card_are_plain(tiny: Path) -> None:
    """The CPU path is as it was."""
    model = session.open_file(tiny / "double.onnx", Device())
    assert not isinstance(model._session, CardSession)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_crops_become_the_same_numbers(card: Card, channels: Any, layout: Any) -> None:
    """Stacked, filled up and prepared on the card as in host memory."""
    spec = Input.model_validate(
        {
            "name": "image",
            "layout": layout,
            "channels": channels,
            "shape": ["n", 3, 8, 8] if layout == "NCHW" else ["n", 8, 8, 3],
            "divide": 255.0,
            "mean": [0.5, 0.4, 0.3],
            "std": [0.2, 0.3, 0.4],
        }
    )
    pictures = list(np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    tensors = [torch.from_numpy(one.transpose(2, 0, 1).copy()) for one in pictures]
    here = on_crops.filled(on_crops.stacked(pictures, 8, None), 5, None)
    there = on_crops.filled(on_crops.stacked(tensors, 8, card), 5, card)
    made = on_crops.prepared(spec, there, card)
    assert made.is_contiguous()
    np.testing.assert_allclose(made.numpy(), prepare(spec, here), atol=1e-5)
    assert card.traffic.copies("forms_to_host") == 0


def test_mixed_crops_come_to_the_host(card: Card) -> None:
    """Where one crop is in host memory, as after a frame that the card could not decode."""
    one = np.full((8, 8, 3), 7, np.uint8)
    made = on_crops.stacked([one, torch.full((3, 8, 8), 9, dtype=torch.uint8)], 8, card)
    assert isinstance(made, np.ndarray)
    assert made.shape == (2, 8, 8, 3)
    assert (made[0] == 7).all()
    assert (made[1] == 9).all()
    assert card.traffic.copies("forms_to_host") == 1
    assert on_crops.stacked([], 8, card).shape == (0, 8, 8, 3)
