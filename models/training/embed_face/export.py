"""Export the averaged student as ONNX: unit embedding and recognisability, checked against torch.

The graph is the network, then
    embedding        (f - centre) / |f - centre|, f the network's output
    recognisability  1 / (1 + exp(-(w . (d, c, 1)))), d = 1 - cosine to the centre of destroyed faces, c = the
                     cosine to a sharp look that the features foretell
with centre, w, the centre of destroyed faces and the map to c from calibrate.py (recognisable.npz).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from net import Embedder
from torch import Tensor, nn

OPSET = 17


class Shipped(nn.Module):
    """What the ONNX file computes."""

    def __init__(self, student: Embedder, calibration: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.student = student
        for name, values in calibration.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(values, np.float32)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, 112, 112) RGB 0..255 -> (n, 256), (n, 1)."""
        raw, seen = self.student.walk(image)
        away = 1 - (raw / raw.norm(dim=1, keepdim=True)) @ self.destroyed[:, None]
        foretold = seen @ self.sharpness[:-1, None] + self.sharpness[-1]
        moved = raw - self.centre
        chance = torch.sigmoid(self.weights[0] * away + self.weights[1] * foretold + self.weights[2])
        return moved / moved.norm(dim=1, keepdim=True), chance


def neutral() -> dict[str, np.ndarray]:
    """Before calibration: nothing is taken off, recognisability is 0.5."""
    none = {"centre": np.zeros(256), "destroyed": np.eye(256)[0]}
    return none | {"sharpness": np.zeros(641), "weights": np.zeros(3)}


def load(checkpoint: Path) -> Embedder:
    """The averaged student."""
    student = Embedder()
    student.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return student.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument(
        "--calibration", type=Path, help="recognisable.npz; without it recognisability is 0.5"
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    calibration = dict(np.load(args.calibration)) if args.calibration else neutral()
    wanted = {name: calibration[name] for name in neutral()}
    model, path = Shipped(load(args.checkpoint), wanted).eval(), args.out / "model.onnx"
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 112, 112)).astype(np.float32))
    torch.onnx.export(
        model,
        (images,),
        str(path),
        input_names=["image"],
        output_names=["embedding", "recognisability"],
        dynamic_axes={name: {0: "N"} for name in ("image", "embedding", "recognisability")},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(path))
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": images.numpy()})
    with torch.no_grad():
        wanted_out = [out.numpy() for out in model(images)]
    difference = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted_out, strict=True))
    if difference > 1e-4:
        raise SystemExit(f"the export differs from torch by {difference}")
    np.savez(
        args.out / "golden.npz",
        image=images.numpy().astype(np.uint8),
        embedding=found[0],
        recognisability=found[1],
    )
    data = path.read_bytes()
    facts = {
        "file": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in load(args.checkpoint).parameters()),
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
