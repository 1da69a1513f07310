"""The restorer behind restore.face: batches, states, and models of another kind refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import session
from vidface.nodes.restore._network import RestoreNetwork

TINY = Path(__file__).resolve().parent / "tiny.onnx"
CPU = Device("cpu")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> RestoreNetwork:
    """The tiny model, opened without a manifest."""
    monkeypatch.setattr(session, "load", lambda _name, device, threads: session.open_file(TINY, device))
    return RestoreNetwork("tiny", CPU)


def test_crops_states_and_known_looks_reach_their_own_row(network: RestoreNetwork) -> None:
    """Six rows are more than one batch holds."""
    assert (network.size, network.known) == (16, 8)
    crops = np.stack([np.full((16, 16, 3), 20 * row, np.uint8) for row in range(6)])
    states = np.stack([network.blank() + row for row in range(6)])
    known = np.zeros((6, 8), np.float32)
    known[2, 3] = 5
    made = network(crops, states, known)
    rows = np.arange(6)
    assert np.allclose(made.crops.mean((1, 2, 3)), 20 * rows + 10 + rows + 5 * (rows == 2))
    assert np.allclose(made.states.mean((1, 2, 3)), rows + 1)
    assert made.crops.shape == (6, 16, 16, 3)


def test_what_leaves_the_range_is_cut(network: RestoreNetwork) -> None:
    white = np.full((1, 16, 16, 3), 250, np.uint8)
    assert network(white, network.blank()[None], np.zeros((1, 8), np.float32)).crops.max() == 255


@pytest.mark.parametrize("name", ["vidface-facedet", "vidface-embed"])
def test_models_of_another_task(name: str) -> None:
    with pytest.raises(ModelError, match=r"restore\.face: .* a restorer of video takes image, state, known"):
        RestoreNetwork(name, CPU)


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(ModelError):
        RestoreNetwork("vidface-nothing", CPU)
