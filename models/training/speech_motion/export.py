"""state.pt becomes model.onnx with facts.json and golden.npz."""

from __future__ import annotations

import argparse
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from corpus import HELD_OUT, clips_in, windows
from net import Mean, SpeechMotion

from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import Mouth

OPSET = 17


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--mesh-model", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    state = torch.load(args.state, weights_only=True)
    decodes = [state[key].numpy() for key in sorted(state) if key.endswith(".decode")]
    net = Mean([SpeechMotion(decode) for decode in decodes])
    net.load_state_dict(state)
    net.eval()
    clip = next(c for c in clips_in(args.pack, Mouth(MeshModel.load(args.mesh_model))) if c.name in HELD_OUT)
    # Half precision in the golden file keeps it small; the network sees just these numbers.
    mel = windows(clip, range(10, 74, 8)).astype(np.float16).astype(np.float32)
    path = args.out / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it is the one for opset 17
        axes = {"mel": {0: "batch"}, "expression": {0: "batch"}}
        torch.onnx.export(
            net, (torch.from_numpy(mel),), str(path), opset_version=OPSET, dynamo=False,
            input_names=["mel"], output_names=["expression"], dynamic_axes=axes,
        )  # fmt: skip
    with torch.no_grad():
        want = net(torch.from_numpy(mel)).numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {"mel": mel})[0]
    data = path.read_bytes()
    facts = {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in net.parameters()),
        "members": len(decodes),
        "gain": round(float(net.gain), 4),
        "middle": [round(float(value), 5) for value in net.middle],
        "max_abs_difference_to_torch": float(np.abs(got - want).max()),
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    np.savez_compressed(args.out / "golden.npz", mel=mel, expression=got)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
