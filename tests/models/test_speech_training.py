"""The speech network's recipe and weights: windows as in a run, losses, facts, what the card says."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vidface.data.sound import SOUND_RATE, Sound
from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import BANDS
from vidface.vision.speechwindow import ROWS, features_of

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "speech_motion"
WEIGHTS = ROOT / "models" / "vidface-speechmotion"


@pytest.fixture(scope="module")
def mouth() -> Mouth:
    return Mouth(MeshModel.load(ROOT / "models" / "vidface-meshmodel" / "model.npz"))


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The recipe's modules import each other by bare name."""
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("corpus")


@pytest.fixture
def pack(tmp_path: Path, mouth: Mouth) -> Path:
    """One made clip: a second before it, 2 s of a swelling tone, a face that opens its mouth."""
    time = np.arange(4 * SOUND_RATE) / SOUND_RATE
    samples = (8000 * np.sin(9 * time) ** 2 * np.sin(2 * np.pi * 400 * time)).astype(np.int16)
    times = np.arange(50) / 25
    expression = np.outer(np.sin(times * 9) ** 2, mouth.model.expression_std)
    points = (mouth.model.shapes(None, expression) * 60 + 300).astype(np.float32)
    np.savez(
        tmp_path / "talking_made.npz", samples=samples, first=-SOUND_RATE, times=times, points=points,
        blendshapes=np.zeros((50, 52), np.float16),
    )  # fmt: skip
    return tmp_path


def test_the_windows_of_training_are_those_of_a_run(corpus: ModuleType, pack: Path, mouth: Mouth) -> None:
    """To within the 5 ms to which rows of 10 ms lie on the clip's grid."""
    (clip,) = corpus.clips_in(pack, mouth)
    arrays = np.load(pack / "talking_made.npz")
    samples = arrays["samples"].astype(np.float32) / 32767
    made = corpus.windows(clip, [5, 30])
    for window, frame in zip(made, (5, 30), strict=True):
        now = round(clip.times[frame] * SOUND_RATE)
        run = features_of(Sound(samples, int(arrays["first"]), now))
        assert window.shape == run.shape == (ROWS, BANDS)
        assert np.abs(window - run).mean() < 0.02


def test_the_target_is_the_mouth_above_its_rest(corpus: ModuleType, pack: Path, mouth: Mouth) -> None:
    (clip,) = corpus.clips_in(pack, mouth)
    assert np.percentile(clip.opening, 5) == pytest.approx(0, abs=0.01)
    assert clip.opening.max() > 0.05
    silent = dict(np.load(pack / "talking_made.npz"))
    silent["samples"] = np.zeros_like(silent["samples"])
    np.savez(pack / "talking_made.npz", **silent)
    assert corpus.clips_in(pack, mouth) == []


def test_the_loss_is_least_for_the_truth(corpus: ModuleType, mouth: Mouth) -> None:
    torch = pytest.importorskip("torch")
    train = importlib.import_module("train")
    loss = train.Target(mouth)
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.normal(0, 0.1, (3, 28, 30)).astype(np.float32))
    right, late = float(loss(truth, truth)), float(loss(truth.roll(3, 1), truth))
    assert right == pytest.approx(0, abs=0.05)
    assert late > 1


def test_held_out_clips_are_in_no_other_list(corpus: ModuleType) -> None:
    assert not set(corpus.HELD_OUT) & (set(corpus.NOT_SPEECH) | set(corpus.LATE))


def test_the_facts_are_those_of_the_file() -> None:
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert facts["bytes"] == len(data)
    assert facts["sha256"] in (WEIGHTS / "manifest.yaml").read_text()
    assert facts["sha256"] in (WEIGHTS / "card.md").read_text()


def test_the_network_beats_the_baselines_of_its_card() -> None:
    """On clips that no weight has seen, in the mean over clips."""
    metrics = json.loads((WEIGHTS / "metrics.json").read_text())
    for key in ("correlation", "best_correlation"):
        network = metrics["network"]["all"][key]
        assert all(network > metrics[name]["all"][key] for name in ("jaw = envelope", "linear in the window"))
