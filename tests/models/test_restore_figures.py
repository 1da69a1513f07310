"""The restorer's card tells of the models that are shipped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest


@pytest.mark.parametrize("level", ["mild", "medium", "heavy"])
def test_figures_were_made_with_the_models_that_are_shipped(repo: Path, level: str) -> None:
    """The embedder is judge and guard at once: with another one they are other figures."""
    figures = json.loads((repo / "models/vidface-restore/metrics.json").read_text())[level]
    for model in (*figures["graph"]["models"], figures["embedders"]["ids"]):
        name, _, digest = model.partition("@")
        weights = (repo / "models" / name / "model.onnx").read_bytes()
        assert hashlib.sha256(weights).hexdigest().startswith(digest), f"measure {name} anew"
