"""Which device a node runs on, and why.

What this machine offers is looked up once per call (`look`), the choice itself is a pure function
(`choose`): `resolve` is the two together. "auto" also has a small model run on the card before it takes it,
since what a runtime offers is what it was built with, and CUDA's libraries may be missing.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass

from vidface.data import Device
from vidface.errors import UsageError

NAME = re.compile(r"auto|cpu|(cuda|tensorrt)(?::(\d{1,3}))?")
"""What a device is called, in small letters."""
_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with.

    Attributes:
        runtimes: installed builds of ONNX Runtime, name and version.
        providers: execution providers that ONNX Runtime offers.
        cards: number of CUDA devices that the driver reports.
        driver: one phrase on the driver, e.g. "the driver reports 1 card".
    """

    runtimes: tuple[str, ...]
    providers: tuple[str, ...]
    cards: int
    driver: str


def resolve(text: str) -> Device:
    """The device that "auto", "cpu", "cuda" or "cuda:1" stands for on this machine, with the reason.

    Raises:
        UsageError: no such device here, a word that is no device, ONNX Runtime missing or installed twice.
    """
    device = choose(text, look())
    if device.kind == "cpu" or text.strip().lower() != "auto":
        return device
    from vidface.infer.trial import models_lack

    lack = models_lack(device.index)
    return device if lack is None else Device("cpu", 0, f"chosen by auto: {lack}")


def look() -> Machine:
    """Ask ONNX Runtime and the CUDA driver what they offer; nothing is loaded onto a card."""
    installed = []
    for name in _RUNTIMES:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    providers: tuple[str, ...] = ()
    if importlib.util.find_spec("onnxruntime"):
        import onnxruntime

        providers = tuple(onnxruntime.get_available_providers())
    cards, driver = _count_cards()
    return Machine(tuple(installed), providers, cards, driver)


def torch_lack(index: int = 0) -> str | None:
    """Why pictures cannot lie on a card of this machine, a phrase; None where they can."""
    if importlib.util.find_spec("torch") is None:
        return 'torch is not installed (`pip install "vidface[torch]"`)'
    import torch

    if not torch.cuda.is_available():
        built = getattr(torch.version, "cuda", None)
        build = f"for CUDA {built}" if built else "for the CPU"
        return f"torch {torch.__version__} sees no CUDA device (it is built {build})"
    if index >= torch.cuda.device_count():
        return f"torch sees {torch.cuda.device_count()} CUDA devices, numbered from 0, and not {index}"
    return None


def memory_used(index: int = 0) -> int | None:
    """Bytes in use on a card, by all programs, as CUDA tells torch; None where torch does not see it."""
    if torch_lack(index) is not None:
        return None
    import torch

    free, whole = torch.cuda.mem_get_info(index)
    return int(whole - free)


def choose(text: str, machine: Machine) -> Device:
    """`resolve` on a machine that is described.

    Raises:
        UsageError: as `resolve`.
    """
    check_runtime(machine)
    wanted = text.strip().lower()
    if wanted == "cpu":
        return Device("cpu", 0, "asked for")
    lack = cuda_lack(machine)
    if wanted == "auto":
        if lack:
            return Device("cpu", 0, f"chosen by auto: {lack}")
        return Device("cuda", 0, f"chosen by auto: ONNX Runtime offers CUDA and {machine.driver}")
    match = NAME.fullmatch(wanted)
    if not match:
        raise UsageError(
            "device must be auto, cpu, cuda or cuda:N (N counts from 0), tensorrt or tensorrt:N, "
            f"but is {text!r}."
        )
    if lack:
        raise UsageError(f"device {wanted} was asked for, but {lack}. Use `--device cpu` or `--device auto`.")
    if match.group(1) == "tensorrt" and _TENSORRT not in machine.providers:
        raise UsageError(
            f"device {wanted} was asked for, but ONNX Runtime offers no TensorRT here. Use `--device cuda`."
        )
    index = int(match.group(2) or 0)
    if index >= machine.cards:
        raise UsageError(
            f"device {wanted} was asked for, but {machine.driver}, and numbers count from 0: "
            f"cuda:{machine.cards - 1} is the last."
        )
    return Device("cuda", index, "asked for", engine="tensorrt" if match.group(1) == "tensorrt" else "cuda")


def check_runtime(machine: Machine) -> None:
    """Exactly one build of ONNX Runtime must be installed.

    Raises:
        UsageError: none, or both, which overwrite each other's files.
    """
    if len(machine.runtimes) > 1:
        raise UsageError(
            f"{' and '.join(machine.runtimes)} are both installed and overwrite each other's files. Run "
            '`pip uninstall -y onnxruntime onnxruntime-gpu`, then `pip install "vidface[cpu]"` or '
            '`pip install "vidface[gpu]"`.'
        )
    if not machine.providers:
        raise UsageError(
            'ONNX Runtime is not installed: `pip install "vidface[cpu]"`, '
            'or `pip install "vidface[gpu]"` for an NVIDIA card.'
        )


def cuda_lack(machine: Machine) -> str | None:
    """Why models cannot run on a card of this machine, a phrase; None where they can."""
    if _CUDA not in machine.providers:
        runtime = machine.runtimes[0] if machine.runtimes else "ONNX Runtime"
        return (
            f'{runtime} is built without CUDA (`pip install "vidface[gpu]"` instead of "vidface[cpu]" has it)'
        )
    return machine.driver if machine.cards == 0 else None


def _count_cards() -> tuple[int, str]:
    """Number of cards and a phrase, from the CUDA driver API (cuInit, cuDeviceGetCount)."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0, "no NVIDIA driver is installed (libcuda.so.1 not found)"
    count = ctypes.c_int(0)
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code:
        return 0, f"the NVIDIA driver reports no usable card (CUDA error {code})"
    return count.value, f"the driver reports {count.value} card{'' if count.value == 1 else 's'}"
