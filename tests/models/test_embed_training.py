"""The embedder's recipe and weights: pairs and accuracy, made faces, facts, golden vector, two portraits."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device
from vidface.infer.embedder import Embedder
from vidface.media.decode import open_source
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.vision.align import to_template
from vidface.vision.shrink import seen_at

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "embed_face"
WEIGHTS = ROOT / "models" / "vidface-embed"
INTEGERS = ROOT / "models" / "vidface-embed-int8"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The recipe's modules, which import each other by bare name as scripts do."""
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("judge")


def test_accuracy_of_scores_that_part_cleanly_and_of_noise(recipe: ModuleType) -> None:
    same = np.arange(200) < 100
    assert recipe.accuracy(np.where(same, 0.8, 0.1), same) == 1
    noise = np.random.default_rng(0).random(200)
    assert 0.35 < recipe.accuracy(noise, same) < 0.65
    assert recipe.best_threshold(np.array([0.9, 0.7, 0.6, 0.2]), np.array([True, True, False, False])) == 0.7


def test_the_second_picture_is_shrunk_and_enlarged(recipe: ModuleType) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), np.uint8)
    assert recipe.shrunk(crops, 112) is crops
    small = recipe.shrunk(crops, 8)
    assert small.shape == crops.shape
    assert small.std() < crops.std() / 3


def test_nobody_is_in_two_parts(recipe: ModuleType) -> None:
    people = importlib.import_module("people")
    assert not set(people.TEST_CELEBRITIES) & set(people.VAL_CELEBRITIES)
    for person in people.TEST_CELEBRITIES:
        assert people.part_of("celeb_crops", f"{person}/1.png", 3) == "test"
    assert people.part_of("web_portraits", "Humans/1 (4).jpg", 14) == "test"


def test_a_face_warped_to_its_own_shape_stays(recipe: ModuleType) -> None:
    made = importlib.import_module("made")
    shape = np.random.default_rng(2).uniform(40, 120, (len(made.CONTROL), 2))
    rows, columns = np.mgrid[0 : made.SIDE, 0 : made.SIDE]
    still = made.field(shape, shape) - np.stack([columns, rows], -1)
    np.testing.assert_allclose(still, made.INSET, atol=0.02)


def test_masks_of_parts_are_shares(recipe: ModuleType) -> None:
    made = importlib.import_module("made")
    shape = np.random.default_rng(2).uniform(50, 110, (len(made.CONTROL), 2))
    for seed in range(12):
        mask = made.part_mask(shape, np.random.default_rng(seed))
        assert mask.shape == (made.SIDE, made.SIDE, 1)
        assert 0 <= mask.min() <= mask.max() <= 1.001


@pytest.mark.parametrize("folder", [WEIGHTS, INTEGERS])
def test_facts_tell_of_the_file_and_it_is_small(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    data = (folder / "model.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert len(data) == facts["bytes"] <= 10_000_000


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder("vidface-embed", Device())


def test_golden_vector(embedder: Embedder) -> None:
    """The outputs of two seeded pictures, as when the weights were exported."""
    with np.load(WEIGHTS / "golden.npz") as golden:
        looks = embedder(golden["image"].transpose(0, 2, 3, 1))
        np.testing.assert_allclose(looks.vectors, golden["embedding"], atol=2e-4)
        np.testing.assert_allclose(looks.recognisability, golden["recognisability"][:, 0], atol=2e-3)


def test_a_look_does_not_depend_on_its_batch(embedder: Embedder) -> None:
    crops = np.random.default_rng(5).integers(0, 256, (19, 112, 112, 3), np.uint8)
    together = embedder(crops)
    alone = [embedder(crops[i : i + 1]).vectors[0] for i in (0, 7, 18)]
    np.testing.assert_allclose(together.vectors[[0, 7, 18]], alone, atol=1e-4)


@pytest.fixture(scope="module")
def integers() -> Embedder:
    return Embedder("vidface-embed-int8", Device())


def test_integers_were_made_of_the_shipped_floats() -> None:
    floats, mine = (json.loads((one / "facts.json").read_text()) for one in (WEIGHTS, INTEGERS))
    assert mine["float_sha256"] == floats["sha256"]


def test_golden_vector_of_integers(integers: Embedder) -> None:
    """Other processors round the other way here and there, in noise like this the most."""
    with np.load(INTEGERS / "golden.npz") as golden:
        looks = integers(golden["image"].transpose(0, 2, 3, 1))
        assert ((looks.vectors * golden["embedding"]).sum(1) > 0.98).all()
        np.testing.assert_allclose(looks.recognisability, golden["recognisability"][:, 0], atol=0.02)


def test_integers_give_the_same_bits_in_any_batch(integers: Embedder) -> None:
    """What a look is does not hang on its neighbours, not by one bit: rounding would make much of it."""
    crops = np.random.default_rng(5).integers(0, 256, (9, 112, 112, 3), np.uint8)
    together = integers(crops).vectors
    assert np.array_equal(together, np.concatenate([integers(crop[None]).vectors for crop in crops]))


def test_integers_say_of_portraits_what_floats_say(
    embedder: Embedder, integers: Embedder, samples: Path
) -> None:
    crops = np.stack([portrait(samples / name) for name in ("collins.jpg", "hopper.jpg")])
    for side in (112, 24, 16):
        small = seen_at(crops, side)
        floats, mine = embedder(small), integers(small)
        assert ((floats.vectors * mine.vectors).sum(1) > 0.97).all()
        np.testing.assert_allclose(mine.recognisability, floats.recognisability, atol=0.1)


def portrait(path: Path) -> NDArray[np.uint8]:
    """The aligned crop of a picture's face."""
    node, source = DetectFace(), open_source(path)
    node.open(Device())
    node.reset()
    try:
        frame = next(iter(source.frames()))
        (faces,) = node.process(Batch([frame]))
        assert len(faces) == 1
        return frame.crop(to_template(faces.landmarks[0], "arcface112"), (112, 112))
    finally:
        node.close()
        source.close()


def test_two_people_are_two_and_small_faces_are_doubted(embedder: Embedder, samples: Path) -> None:
    """The sample portraits, at full size and shrunk: the same person stays nearest, doubt grows."""
    crops = np.stack([portrait(samples / name) for name in ("collins.jpg", "hopper.jpg")])
    sharp = embedder(crops)
    assert sharp.vectors[0] @ sharp.vectors[1] < 0.4
    doubt = [sharp.recognisability]
    for side in (24, 12):
        small = embedder(seen_at(crops, side))
        scores = small.vectors @ sharp.vectors.T
        assert (scores.argmax(1) == [0, 1]).all()
        assert (np.diag(scores) > 0.4).all() or side < 16
        doubt.append(small.recognisability)
    assert (doubt[0] > doubt[1]).all()
    assert (doubt[1] > doubt[2]).all()
    brightened = cv2.convertScaleAbs(crops[0], alpha=1.1, beta=10)
    assert embedder(brightened[None]).vectors[0] @ sharp.vectors[0] > 0.8
