"""An embedder's vectors: their length, crops that cannot be read, and alignments that cannot be made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError
from vidface.infer import embedder, session
from vidface.infer.contract import Port
from vidface.infer.embedder import Embedder
from vidface.infer.manifest import parse_manifest
from vidface.vision import align

MANIFEST = """
name: made
title: Means of channels
task: embed
family: made
licence: {{id: Apache-2.0, class: permissive}}
files: [{{name: model.onnx}}]
contract:
  inputs: [{{name: x, shape: [N, 3, 8, 8], layout: NCHW, channels: rgb, template: {template}}}]
  outputs: [{{meaning: vector}}]
source: made for tests
"""


class Means:
    """A vector of 6 numbers a crop, in the shape asked for; NaN for a crop that is black."""

    name, sha256 = "made", "0" * 64

    def __init__(self, template: str = "arcface112", shape: tuple[int | None, ...] = (None, 6)) -> None:
        self.manifest = parse_manifest(MANIFEST.format(template=template), origin="test")
        self.inputs = (Port("x", (None, 3, 8, 8), "float32"),)
        self.outputs = (Port("embedding", shape, "float32"), Port("recognisability", (None,), "float32"))
        self._tail = shape[2:]

    def __call__(self, tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        means = tensor.mean(axis=(2, 3))
        rows = np.concatenate([means, means + 1], axis=1).astype(np.float32)
        rows[means.max(axis=1) == 0, 2] = np.nan
        return {
            "embedding": rows.reshape(len(rows), 6, *[1] * len(self._tail)),
            "recognisability": np.full(len(rows), 0.7, np.float32),
        }

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    """opened(model): an embedder around it."""

    def make(model: Means) -> Embedder:
        monkeypatch.setattr(session, "load", lambda name, device, *, threads=1: model)
        return Embedder("made", Device())

    return make


def crops(*greys: int) -> NDArray[np.uint8]:
    return np.stack([np.full((8, 8, 3), grey, np.uint8) for grey in greys])


def test_a_crop_that_gives_no_numbers_is_not_measured(opened: Any) -> None:
    """Zeros and NaN in its own row, and counted; before, the whole run ended."""
    network = opened(Means())
    looks = network(crops(100, 0, 200))
    assert np.linalg.norm(looks.vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-6)
    assert np.isnan(looks.recognisability).tolist() == [False, True, False]
    assert network.unread == 1


@pytest.mark.parametrize("shape", [(None, 6), (None, 6, 1, 1), (None, None), (1, 6, 1, 1)])
def test_the_dimension_is_all_numbers_of_a_crop(opened: Any, shape: tuple[int | None, ...]) -> None:
    """Also where an export keeps two sides of 1, and where the graph does not say."""
    network = opened(Means(shape=shape))
    assert network.dimension == 6
    assert network(crops(9, 90)).vectors.shape == (2, 6)


def test_an_alignment_that_cannot_be_made_is_refused(opened: Any) -> None:
    """It was taken for arcface112 without a word."""
    with pytest.raises(ModelError, match="aligned to 'upright square of 2 boxes', which vidface cannot make"):
        opened(Means("upright square of 2 boxes"))
    assert opened(Means("arcface112 columns 8..104 resized to 128")).template.startswith("arcface112 columns")


def test_convention_the_alignments_are_those_of_vision() -> None:
    assert set(embedder.TEMPLATES) == set(align.TEMPLATES)
