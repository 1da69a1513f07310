"""What the exports share: averaged weights, ONNX of opset 17, the check against torch, facts.json."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

OPSET = 17
Student = TypeVar("Student", bound=nn.Module)


def averaged(checkpoint: Path, student: Student) -> Student:
    """The student with the averaged weights of a checkpoint, for use."""
    student.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])
    return student.eval()


def weights_of(path: Path, wrapped: str = "student.") -> dict[str, Tensor]:
    """The state of a student as its ONNX file has it, for a training that goes on from what was shipped.

    Only for networks without batch norms: an export folds those into the convolutions.
    """
    values = tensors_of(onnx.load(path))
    return {name.removeprefix(wrapped): value for name, value in values.items() if name.startswith(wrapped)}


def tensors_of(model: onnx.ModelProto) -> dict[str, Tensor]:
    """What a file holds, by name; the tensors may be written to."""
    return {
        one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in model.graph.initializer
    }


def trained(checkpoint: Path, counted: str, name: str) -> dict[str, float]:
    """How long it was trained: steps, minutes, and what the checkpoint counts as `counted`, by a name."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    told = {"steps": state["step"], name: state[counted], "minutes": state["spent"] / 60}
    return {key: round(value, 1) for key, value in told.items()}


def write_onnx(
    model: nn.Module,
    given: Mapping[str, Tensor],
    path: Path,
    *,
    outputs: Iterable[str],
    axes: Mapping[str, dict[int, str]],
) -> None:
    """Write a network with named inputs; `axes` names those of any length, by input or output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it is the one for opset 17
        torch.onnx.export(
            model,
            tuple(given.values()),
            str(path),
            input_names=list(given),
            output_names=list(outputs),
            dynamic_axes=dict(axes),
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def opened(path: Path) -> ort.InferenceSession:
    """The file that was written, on the CPU."""
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def largest_difference(found: Iterable[NDArray[Any]], wanted: Iterable[Tensor]) -> float:
    """Between what the file gives and what torch gives, over all outputs."""
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True))


def write_facts(path: Path, network: nn.Module, difference: float, **more: object) -> None:
    """Write facts.json beside the weights, and print it.

    Args:
        path: the ONNX file.
        network: whose parameters count.
        difference: the largest one between torch and the file.
        more: what else is to be known of these weights.
    """
    data = path.read_bytes()
    facts = {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in network.parameters()),
        **more,
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (path.parent / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))
