"""The portrait network's recipe and weights: meshes follow crops, facts, golden vector, and that it helps."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vidface.data import Device
from vidface.infer.portrait import PortraitNetwork

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "reenact_portrait"
WEIGHTS = ROOT / "models" / "vidface-portrait"


@pytest.fixture
def golden(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The recipe's module of made inputs."""
    monkeypatch.syspath_prepend(str(RECIPE))
    monkeypatch.delitem(importlib.sys.modules, "golden", raising=False)  # type: ignore[attr-defined]
    return importlib.import_module("golden")


def test_weights_are_those_of_the_facts() -> None:
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert facts["max_abs_difference_to_torch"] < 2e-4


def test_made_inputs_give_the_golden_vector(golden: ModuleType) -> None:
    """Through the wrapper: its pixels are counted from the border, the file's in halves of the side."""
    given, wanted = golden.golden_input(), np.load(WEIGHTS / "golden.npz")
    network = PortraitNetwork("vidface-portrait", Device("cpu"))
    for row in range(2):
        source, places, guides = (
            given[name][row].transpose(1, 2, 0) for name in ("source", "places", "guides")
        )
        found = network(source.astype(np.uint8), (places + 1) * np.float32(128), guides)
        right = (wanted["places_right"][row].transpose(1, 2, 0) + 1) * 128
        assert np.abs(found.places[::8, ::8] - right).max() < 0.02
        assert np.abs(found.trust[::8, ::8] - wanted["trust"][row, 0]).max() < 1e-3
        assert np.abs(found.change[::8, ::8] - wanted["change"][row].transpose(1, 2, 0)).max() < 0.1


def test_the_card_tells_of_these_weights_and_of_what_was_missed() -> None:
    card, facts = (WEIGHTS / "card.md").read_text(), json.loads((WEIGHTS / "facts.json").read_text())
    metrics = json.loads((WEIGHTS / "metrics.json").read_text())
    assert facts["sha256"] in card
    assert "**missed**" in card
    assert metrics["self"]["network"]["l1"] < metrics["self"]["warp"]["l1"]
