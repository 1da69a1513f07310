"""Which device is chosen on which machine, and why."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from vidface.errors import UsageError
from vidface.infer.devices import Machine, choose, look, resolve

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
    from vidface.data import Device
    from vidface.infer import session

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
