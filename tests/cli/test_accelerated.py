"""What `vidface doctor` says of a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vidface.cli import _accelerated
from vidface.cli._accelerated import parts
from vidface.cli.doctor import _devices
from vidface.infer import devices
from vidface.infer.devices import Machine

WITH = Machine(
    ("onnxruntime-gpu 1.31",),
    ("CUDAExecutionProvider", "CPUExecutionProvider"),
    1,
    "the driver reports 1 card",
)
WITHOUT = Machine(("onnxruntime 1.31",), ("CPUExecutionProvider",), 0, "no NVIDIA driver is installed")


def told(monkeypatch: pytest.MonkeyPatch, machine: Machine, **lacks: str | None) -> dict[str, str]:
    monkeypatch.setattr(devices, "look", lambda: machine)
    monkeypatch.setattr(devices, "torch_lack", lambda index: lacks.get("torch"))
    monkeypatch.setattr("vidface.infer.trial.models_lack", lambda index: lacks.get("models"))
    monkeypatch.setattr(_accelerated, "_decoding", lambda index: lacks.get("nvdec"))
    monkeypatch.setattr(_accelerated, "_encoding", lambda index: lacks.get("nvenc"))
    return {part.name: part.says for part in parts()}


def test_each_part_that_serves_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole GPU box: nothing is left on the CPU."""
    says = told(monkeypatch, WITH)
    assert list(says) == ["gpu driver", "gpu models", "gpu pictures", "gpu decoding", "gpu encoding"]
    assert not any(text.startswith("on the CPU") for text in says.values())


@pytest.mark.parametrize(
    ("lacks", "name", "why"),
    [
        ({"torch": "torch is not installed"}, "gpu pictures", "on the CPU: torch is not installed"),
        ({"torch": "torch is not installed"}, "gpu decoding", "on the CPU: torch is not installed"),
        ({"nvdec": "no libnvcuvid"}, "gpu decoding", "on the CPU: no libnvcuvid"),
        ({"nvenc": "no NVENC on this card"}, "gpu encoding", "on the CPU: no NVENC on this card"),
    ],
)
def test_a_missing_part_says_why_and_the_others_serve(
    monkeypatch: pytest.MonkeyPatch, lacks: Any, name: str, why: str
) -> None:
    """One part falls back; the models still run on the card."""
    says = told(monkeypatch, WITH, **lacks)
    assert says[name] == why
    assert says["gpu models"].startswith("ONNX Runtime offers CUDA")


BESIDE = replace(WITHOUT, cards=1, driver="the driver reports 1 card")


@pytest.mark.parametrize(
    ("machine", "lacks", "why"),
    [
        (BESIDE, {}, "on the CPU: onnxruntime 1.31 is built without CUDA"),
        (WITH, {"models": "ONNX Runtime fell back to the CPU"}, "on the CPU: ONNX Runtime fell back"),
    ],
)
def test_where_no_model_runs_on_the_card_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, lacks: Any, why: str
) -> None:
    """A run's pictures lie where its models run: a card that works is not said to serve."""
    says = told(monkeypatch, machine, **lacks)
    assert says.pop("gpu driver") == "the driver reports 1 card"
    assert len(says) == 4
    assert all(text.startswith(why) for text in says.values())
    assert "encoder=nvenc" in says["gpu encoding"]


def test_inputs_are_bound_only_where_pictures_lie_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime with CUDA and torch without: models run on copies."""
    assert "bound where they lie" in told(monkeypatch, WITH)["gpu models"]
    says = told(monkeypatch, WITH, torch="torch is not installed")
    assert says["gpu models"] == "ONNX Runtime offers CUDA"


def test_the_decoder_is_asked_before_a_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg refuses a context that ONNX Runtime made."""
    asked: list[str] = []
    monkeypatch.setattr(devices, "look", lambda: WITH)
    monkeypatch.setattr(devices, "torch_lack", lambda index: None)
    monkeypatch.setattr(_accelerated, "_encoding", lambda index: None)
    monkeypatch.setattr(_accelerated, "_decoding", lambda index: asked.append("decoder"))
    monkeypatch.setattr("vidface.infer.trial.models_lack", lambda index: asked.append("model"))
    parts()
    assert asked == ["decoder", "model"]


def test_doctor_notes_a_card_that_runs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note on the models, and auto takes the CPU with the same words."""
    monkeypatch.setattr(devices, "look", lambda: WITH)
    monkeypatch.setattr("vidface.infer.trial.models_lack", lambda index: "no cuDNN")
    found = {item.what: item for item in _devices()}
    assert (found["gpu models"].level, found["gpu models"].says) == ("note", "on the CPU: no cuDNN")
    assert found["device auto"].says == "cpu: chosen by auto: no cuDNN"


def test_without_a_driver_every_part_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is not even loaded then."""
    says = told(monkeypatch, WITHOUT, nvdec="no libnvcuvid", nvenc="no libnvidia-encode")
    assert says["gpu driver"] == "on the CPU: no NVIDIA driver is installed"
    assert "built without CUDA" in says["gpu models"]
    assert says["gpu pictures"] == "on the CPU: no NVIDIA driver is installed"
    assert says["gpu encoding"] == "on the CPU: no libnvidia-encode"


def test_torch_says_what_it_lacks() -> None:
    """A phrase on this very machine, or None where torch sees a card."""
    pytest.importorskip("torch", reason="torch is an extra")
    lack = devices.torch_lack()
    assert lack is None or lack.startswith("torch ")
