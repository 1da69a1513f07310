"""The face detector's recipe and weights: hand-computed scores, geometry of the canvases, golden vector."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "detect_face"
WEIGHTS = ROOT / "models" / "vidface-facedet"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The recipe's modules, which import each other by bare name as scripts do."""
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("scoring")


def face(x: float, y: float, side: float, score: float = 0.9) -> np.ndarray:
    """A face with its eyes half a side apart, so the inter-ocular distance is side / 2."""
    points = np.array([[0.25, 0.4], [0.75, 0.4], [0.5, 0.6], [0.3, 0.8], [0.7, 0.8]]) * side + (x, y)
    return np.array([x, y, x + side, y + side, *points.ravel(), score], np.float32)


def test_summary_counts_a_hit_a_miss_and_a_false_alarm(recipe: ModuleType) -> None:
    """Two faces, one found, one invented: recall and precision are one half."""
    tally = recipe.Tally()
    wanted = np.stack([face(0, 0, 40), face(100, 0, 40)])
    tally.add(np.stack([face(0, 0, 40), face(300, 0, 40, 0.8)]), wanted)
    row = tally.summary(0.5)
    assert (row["recall"], row["precision"], row["ap"]) == (0.5, 0.5, 0.5)


def test_landmark_error_is_a_share_of_the_inter_ocular_distance(recipe: ModuleType) -> None:
    """Points moved by 2 px on a face with eyes 20 px apart are wrong by ten per cent."""
    wanted, found = face(0, 0, 40), face(0, 0, 40)
    found[4:14:2] += 2
    assert recipe.landmark_error(found, wanted) == pytest.approx(10, rel=1e-5)


def test_a_detection_below_the_threshold_is_no_hit(recipe: ModuleType) -> None:
    """A match whose score is too low counts as a miss, not as found."""
    tally = recipe.Tally()
    tally.add(face(0, 0, 40, 0.3)[None], face(0, 0, 40)[None])
    assert tally.summary(0.5)["recall"] == 0
    assert tally.summary(0.2)["recall"] == 1


def test_average_precision_ranks_by_score(recipe: ModuleType) -> None:
    """A false alarm above the only hit halves the AP; below it, it costs nothing."""
    above = np.array([[0.9, 10, 0], [0.5, 10, 1]], float)
    assert recipe.average_precision(above, 1) == pytest.approx(0.5)
    assert recipe.average_precision(above[:, [0, 1, 2]] * [-1, 1, 1] + [1, 0, 0], 1) == pytest.approx(1.0)


def test_mirror_keeps_left_landmarks_left(recipe: ModuleType) -> None:
    """Viewer order survives the mirror: the left eye stays the one with the smaller x."""
    canvas = importlib.import_module("canvas")
    turned = canvas.mirror(canvas.Canvas(np.zeros((64, 64, 3), np.uint8), face(0, 0, 32)[None]))
    points = turned.faces[0, 4:14].reshape(5, 2)
    assert turned.faces[0, :4].tolist() == [32, 0, 64, 32]
    assert points[0, 0] < points[1, 0]
    assert points[3, 0] < points[4, 0]


def test_no_person_is_in_two_parts(recipe: ModuleType) -> None:
    """Copies of a crowd photograph and the lists of clips do not cross the parts."""
    split = importlib.import_module("split")
    assert not set(split.TEST_CLIPS) & set(split.VAL_CLIPS)
    assert not set(split.TEST_CROWDS) & (set(split.VAL_CROWDS) | set(split.UNUSED_CROWDS))
    assert split.face_part("wiki/021949.jpg", 0) == "unused"


@pytest.mark.parametrize(("height", "stride"), [(20, 8), (70, 16), (200, 32)])
def test_a_known_face_goes_to_the_level_of_its_size(recipe: ModuleType, height: int, stride: int) -> None:
    """The answer written for a face decodes to that face again."""
    targets, teacher = importlib.import_module("targets"), importlib.import_module("teacher")
    grid = teacher.grid_of(320, 320)
    wanted = face(50, 60, height)
    cells, answer = targets.known_cells(wanted, grid)
    assert set(grid[cells, 2]) == {stride}
    assert teacher.decode(answer, grid[cells])[0, :14] == pytest.approx(wanted[:14], abs=1e-3)


def test_facts_name_the_weights_that_are_there() -> None:
    """facts.json's hash and size are those of model.onnx, which stays within a megabyte."""
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert facts["bytes"] == len(data) <= 1_000_000


def test_golden_vector() -> None:
    """The twelve outputs on the seeded picture, as golden.py wrote them; the batch is two."""
    onnxruntime = pytest.importorskip("onnxruntime")
    golden = np.load(WEIGHTS / "golden.npz")
    names = [name for name in golden.files if name != "input"]
    session = onnxruntime.InferenceSession(str(WEIGHTS / "model.onnx"), providers=["CPUExecutionProvider"])
    for name, got in zip(names, session.run(names, {"input": golden["input"]}), strict=True):
        assert got == pytest.approx(golden[name], abs=1e-3), name
