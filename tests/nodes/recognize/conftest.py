"""A gallery of made people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.recognize._people import DIMENSION, MODEL, look
from vidface.gallery import Gallery, Look


@pytest.fixture
def gallery(tmp_path: Path) -> Callable[..., Path]:
    """gallery(Ann=1, Bob=2): a gallery of made people with three looks each."""

    def make(threshold: float = 0.4, margin: float = 0.05, model: str = MODEL, **people: int) -> Path:
        folder = tmp_path / "gallery"
        rng = np.random.default_rng(9)
        with Gallery.create(
            folder, fingerprint=model, dimension=DIMENSION, threshold=threshold, margin=margin
        ) as book:
            for name, number in people.items():
                book.add(name, [Look(look(number, rng)) for _ in range(3)])
        return folder

    return make
