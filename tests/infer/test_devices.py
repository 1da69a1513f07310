"""Which device is chosen on which machine, and why."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from vidface.data import Device
from vidface.errors import UsageError
from vidface.infer import cudalibs, devices, session
from vidface.infer.devices import Machine, choose, look, resolve
from vidface.infer.trial import CONVOLUTION, models_lack

CPU_ONLY = Machine(("onnxruntime 1.31",), ("CPUExecutionProvider",), 0, "no NVIDIA driver is installed")
TWO_CARDS = Machine(
    ("onnxruntime-gpu 1.31",),
    ("CUDAExecutionProvider", "CPUExecutionProvider"),
    2,
    "the driver reports 2 cards",
)


@pytest.mark.parametrize(
    ("text", "machine", "chosen", "reason"),
    [
        ("cpu", CPU_ONLY, "cpu", "asked for"),
        ("cpu", TWO_CARDS, "cpu", "asked for"),
        ("auto", CPU_ONLY, "cpu", "onnxruntime 1.31 is built without CUDA"),
        ("auto", TWO_CARDS, "cuda:0", "ONNX Runtime offers CUDA and the driver reports 2 cards"),
        ("auto", replace(TWO_CARDS, cards=0, driver="no driver"), "cpu", "chosen by auto: no driver"),
        ("auto", replace(CPU_ONLY, cards=1), "cpu", "built without CUDA"),
        ("cuda", TWO_CARDS, "cuda:0", "asked for"),
        (" CUDA:1 ", TWO_CARDS, "cuda:1", "asked for"),
    ],
)
def test_the_choice_and_its_reason(text: str, machine: Machine, chosen: str, reason: str) -> None:
    """auto takes CUDA only where both the runtime and the driver serve."""
    device = choose(text, machine)
    assert str(device) == chosen
    assert reason in device.reason


@pytest.mark.parametrize(
    ("text", "machine", "message"),
    [
        ("cuda", CPU_ONLY, r"cuda was asked for, but onnxruntime 1\.31 is built without CUDA"),
        ("cuda", replace(TWO_CARDS, cards=0, driver="no driver is there"), "no driver is there"),
        ("cuda:2", TWO_CARDS, "cuda:1 is the last"),
        ("gpu", TWO_CARDS, "must be auto, cpu, cuda or cuda:N .* but is 'gpu'"),
        ("cuda:-1", TWO_CARDS, "must be auto"),
        ("", CPU_ONLY, "must be auto"),
        ("cpu", replace(CPU_ONLY, runtimes=(), providers=()), r'pip install "vidface\[cpu\]"'),
        ("cpu", replace(CPU_ONLY, runtimes=("onnxruntime 1", "onnxruntime-gpu 1")), "both installed"),
    ],
)
def test_what_cannot_be_is_said(text: str, machine: Machine, message: str) -> None:
    """No silent fallback from CUDA, no odd words, exactly one runtime."""
    with pytest.raises(UsageError, match=message):
        choose(text, machine)


def test_this_machine_has_a_cpu() -> None:
    """Looking at the real machine works with and without a GPU."""
    assert "CPUExecutionProvider" in look().providers
    assert resolve("cpu").kind == "cpu"


@pytest.mark.gpu
def test_a_promised_gpu_is_found() -> None:
    """Where VIDFACE_REQUIRE_CUDA=1 promises a card, auto must take it."""
    if os.environ.get("VIDFACE_REQUIRE_CUDA") != "1":
        pytest.skip("VIDFACE_REQUIRE_CUDA is not set to 1")
    assert resolve("auto").kind == "cuda"


def trial(monkeypatch: pytest.MonkeyPatch, start: Any) -> None:
    """This machine has two cards, and a session on one of them begins with `start`."""
    monkeypatch.setattr(devices, "look", lambda: TWO_CARDS)
    monkeypatch.setattr(session, "start", start)
    monkeypatch.setattr("vidface.infer.trial.models_lack", models_lack.__wrapped__)


def test_auto_takes_the_cpu_where_no_model_runs_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU build is installed, CUDA's libraries are not: the reason is said."""

    def start(*_given: Any, **_options: Any) -> Any:
        raise RuntimeError("libcudnn.so.9: cannot open shared object file")

    trial(monkeypatch, start)
    device = resolve(" AUTO ")
    assert device == Device("cpu", 0, device.reason)
    assert device.reason.startswith(
        "chosen by auto: ONNX Runtime cannot run a model on cuda:0 (libcudnn.so.9"
    )
    assert str(resolve("cuda:1")) == "cuda:1", "what was asked for is not replaced"


def test_a_session_that_fell_back_is_no_card(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime opens on the CPU and prints why; auto says it, and nothing is printed."""

    def preload() -> None:
        print("Failed to load libcublasLt.so.13: libcublasLt.so.13: cannot open shared object file")

    cpu = session.open_file(tiny / "conv.onnx", Device())._session
    trial(monkeypatch, lambda *_: cpu)
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    monkeypatch.setattr(session, "preloaded", cudalibs.preloaded.__wrapped__)
    reason = resolve("auto").reason
    assert "fell back to CPUExecutionProvider" in reason
    assert reason.endswith("is missing (Failed to load libcublasLt.so.13)")
    assert capsys.readouterr().out == ""


def test_auto_takes_the_card_where_a_model_ran(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """The trial runs: a convolution, whose bytes are those of the file."""
    assert (tiny / "conv.onnx").read_bytes() == CONVOLUTION
    ran = []

    class Session:
        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        def run(self, names: Any, feed: Any) -> Any:
            ran.append(onnxruntime.InferenceSession(CONVOLUTION).run(names, feed)[0])

    trial(monkeypatch, lambda *_: Session())
    assert str(resolve("auto")) == "cuda:0"
    assert ran[0][0, 0, 3, 3] == 9


def test_nothing_is_tried_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a card, or whose build has no CUDA, pays nothing."""
    monkeypatch.setattr(devices, "look", lambda: CPU_ONLY)
    monkeypatch.setattr("vidface.infer.trial.models_lack", lambda index: pytest.fail("tried"))
    assert resolve("auto").kind == "cpu"
    assert resolve("cpu").kind == "cpu"


def test_tensorrt_is_taken_where_it_is_offered() -> None:
    """A CUDA device whose models TensorRT runs; a sentence where ONNX Runtime has none."""
    with_it = replace(TWO_CARDS, providers=("TensorrtExecutionProvider", *TWO_CARDS.providers))
    device = choose("tensorrt:1", with_it)
    assert (str(device), device.engine) == ("cuda:1", "tensorrt")
    assert choose("cuda", with_it).engine == "cuda"
    with pytest.raises(UsageError, match="offers no TensorRT here"):
        choose("tensorrt", TWO_CARDS)
    with pytest.raises(UsageError, match=r"cuda:1 is the last"):
        choose("tensorrt:2", with_it)


def test_providers_in_order_of_choice() -> None:
    """TensorRT first, CUDA for what it cannot run, the CPU last; each on the same device."""
    names = [
        one if isinstance(one, str) else one[0]
        for one in session._providers(Device("cuda", 1, engine="tensorrt"))
    ]
    assert names == ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert session._providers(Device("cuda", 1))[0] == (
        "CUDAExecutionProvider",
        {"device_id": 1, "use_tf32": "0"},
    )
    assert session._providers(Device()) == ["CPUExecutionProvider"]


def test_memory_is_that_of_the_card_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By all programs; None where torch sees no such card."""
    torch = pytest.importorskip("torch", reason="torch is an extra")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (70 - index, 100))
    monkeypatch.setattr(devices, "torch_lack", lambda index: None if index < 2 else "torch sees 2")
    assert [devices.memory_used(index) for index in range(3)] == [30, 31, None]
