"""The blend network's recipe and weights: twins, masks, facts, golden vector, a portrait and its blend."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.nodes.forensics.madeface import mesh_at
from vidface.data import Device
from vidface.infer.blendreader import BlendReader

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "blend_face"
WEIGHTS = ROOT / "models" / "vidface-blend"

MESH = mesh_at((96, 96), 36.0)[:, :2].astype(np.float32)


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that blends, which scripts import by its bare name."""
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("blending")


def picture(seed: int) -> NDArray[np.uint8]:
    """Coarse and fine noise, 192 x 192."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (12, 12, 3)).repeat(16, 0).repeat(16, 1)
    return np.clip(coarse + rng.normal(0, 12, (192, 192, 3)), 0, 255).astype(np.uint8)


def changes(recipe: ModuleType, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Grey levels between the twins, and the mask."""
    pair = recipe.blended(picture(seed), MESH, np.random.default_rng(seed))
    return np.abs(pair.fake.astype(int) - pair.real).mean(2), pair.mask


def test_twins_differ_inside_the_mask_and_nowhere_else(
    recipe: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "BANDS", 0.0)
    for seed in range(10):
        change, mask = changes(recipe, seed)
        assert change[mask < 1e-3].max(initial=0) <= 1
        assert (change * mask).sum() / mask.sum() >= recipe.LEAST_CHANGE


def test_twins_mixed_by_bands_differ_mostly_inside_the_mask(
    recipe: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "BANDS", 1.0)
    for seed in range(10):
        change, mask = changes(recipe, seed)
        inside = (change * mask).sum() / mask.sum()
        assert inside >= recipe.LEAST_CHANGE_BANDS
        assert change[mask < 1e-3].mean() < inside / 3


def test_mixing_a_picture_with_itself_by_bands_gives_the_picture(recipe: ModuleType) -> None:
    one = picture(5)
    mask = recipe.mask_of(MESH, 192, np.random.default_rng(2))
    for seed in range(6):
        mixed = recipe.by_bands(one, one, mask, np.random.default_rng(seed))
        assert np.abs(mixed - one).max() < 1e-2


def test_masks_are_shares_of_every_part(recipe: ModuleType) -> None:
    rng = np.random.default_rng(4)
    sizes = []
    for _ in range(40):
        mask = recipe.mask_of(MESH, 192, rng)
        assert mask.shape == (192, 192)
        assert -1e-6 <= mask.min() <= mask.max() <= 1.001
        sizes.append(float(mask.sum()))
    assert max(sizes) > 6 * min(sizes)


def test_the_same_seed_makes_the_same_twins(recipe: ModuleType) -> None:
    one, two = (recipe.blended(picture(3), MESH, np.random.default_rng(8)) for _ in range(2))
    assert (one.fake == two.fake).all()
    assert (one.real == two.real).all()


def test_facts_tell_of_the_file_and_it_is_small() -> None:
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert len(data) == facts["bytes"] <= 5_000_000


@pytest.fixture(scope="module")
def reader() -> BlendReader:
    return BlendReader("vidface-blend", Device())


def test_golden_vector(reader: BlendReader) -> None:
    """The outputs of two seeded pictures, as when the weights were exported."""
    with np.load(WEIGHTS / "golden.npz") as golden:
        found = reader(golden["image"].transpose(0, 2, 3, 1))
        np.testing.assert_allclose(found.log_odds, golden["logit"][:, 0], atol=2e-3)
        np.testing.assert_allclose(found.heat, golden["heat"][:, 0], atol=2e-3)


def test_a_crop_does_not_depend_on_its_batch(reader: BlendReader) -> None:
    crops: Any = np.random.default_rng(5).integers(0, 256, (11, 128, 128, 3), np.uint8)
    together = reader(crops)
    alone = [reader(crops[i : i + 1]).log_odds[0] for i in (0, 7, 10)]
    np.testing.assert_allclose(together.log_odds[[0, 7, 10]], alone, atol=1e-3)
