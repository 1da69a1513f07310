"""Export the averaged restorer as ONNX, checked against torch, with a golden vector of two frames."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import torch
from net import KNOWN, SIDE, Restorer, blank, multiply_adds

OPSET = 17
INPUTS, OUTPUTS = ("image", "state", "known"), ("restored", "next")


def load(checkpoint: Path) -> tuple[Restorer, dict[str, float]]:
    """The averaged restorer, and how long it was trained."""
    state = torch.load(checkpoint, weights_only=True)
    student = Restorer()
    student.load_state_dict(state["average"])
    return student.eval(), {"steps": state["step"], "frames": state["frames"], "minutes": state["spent"] / 60}


def golden_input() -> dict[str, np.ndarray]:
    """Two faces' worth of smooth colours, whole numbers; one person known, the other not."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    smooth = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in coarse])
    known = np.zeros((2, KNOWN), np.float32)
    known[0] = rng.standard_normal(KNOWN)
    known[0] /= np.linalg.norm(known[0])
    image = smooth.transpose(0, 3, 1, 2).astype(np.float32)
    return {"image": image, "state": blank(2).numpy(), "known": known}


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
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    first = session.run(None, given)
    second = session.run(None, given | {"state": first[1]})
    with torch.no_grad():
        wanted = model(*tensors)
        again = model(tensors[0], wanted[1], tensors[2])
    pairs = zip((*first, *second), (*wanted, *again), strict=True)
    difference = max(float(np.abs(a - b.numpy()).max()) for a, b in pairs)
    if difference > 0.02:
        raise SystemExit(f"the export differs from torch by {difference} grey levels")
    # Every eighth pixel tells as much as all of them, and takes 1/64 of the room.
    np.savez_compressed(
        args.out / "golden.npz",
        image=given["image"].astype(np.uint8),
        known=given["known"],
        restored=second[0][..., ::8, ::8],
        next=second[1][..., ::8, ::8],
    )
    data = path.read_bytes()
    facts = {
        "file": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in model.parameters()),
        "multiply_adds_a_frame": multiply_adds(model),
        "trained": {name: round(value, 1) for name, value in told.items()},
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
