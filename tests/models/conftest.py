"""Recipes import their own modules by bare names, and several have a `net`: none outlives its test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[2] / "models" / "training"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Drop what was imported out of a recipe's folder."""
    yield
    for name, module in list(sys.modules.items()):
        if TRAINING in Path(getattr(module, "__file__", None) or "/").parents:
            del sys.modules[name]
