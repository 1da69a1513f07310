"""Export the averaged portrait network as ONNX, checked against torch, with a golden vector."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from golden import golden_input
from net import Layered, PortraitNet

OPSET = 17
INPUTS, OUTPUTS = ("source", "places", "guides"), ("places_right", "trust", "rest")


def load(checkpoint: Path) -> tuple[Layered, dict[str, float]]:
    """The averaged network, and how long it was trained."""
    state = torch.load(checkpoint, weights_only=True)
    student = PortraitNet()
    student.load_state_dict(state["average"])
    return Layered(student).eval(), {
        "steps": state["step"],
        "pairs": state["seen"],
        "minutes": state["spent"] / 60,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model, told = load(args.checkpoint)
    path, given = args.out / "model.onnx", golden_input()
    tensors = tuple(torch.from_numpy(given[name]) for name in INPUTS)
    torch.onnx.export(
        model,
        tensors,
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "N"} for name in (*INPUTS, *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(path))
    found = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, given)
    with torch.no_grad():
        wanted = [one.numpy() for one in model(*tensors)]
    # Places count in halves of the side; all three are held to the same share of their range.
    difference = max(
        float(np.abs(here - there).max()) / span
        for here, there, span in zip(found, wanted, (2, 1, 255), strict=True)
    )
    if difference > 2e-4:
        raise SystemExit(f"the export differs from torch by {difference} of the range")
    # Every eighth pixel tells as much as all of them, and takes 1/64 of the room.
    np.savez_compressed(
        args.out / "golden.npz",
        **{name: one[..., ::8, ::8] for name, one in zip(OUTPUTS, found, strict=True)},
    )
    data = path.read_bytes()
    facts = {
        "file": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained": {name: round(value, 1) for name, value in told.items()},
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
