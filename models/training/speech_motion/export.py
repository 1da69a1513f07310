"""state.pt becomes model.onnx with facts.json and golden.npz."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from corpus import HELD_OUT, clips_in, windows
from net import Mean, SpeechMotion

from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import Mouth

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import largest_difference, opened, write_facts, write_onnx


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
    axes = {"mel": {0: "batch"}, "expression": {0: "batch"}}
    write_onnx(net, {"mel": torch.from_numpy(mel)}, path, outputs=["expression"], axes=axes)
    with torch.no_grad():
        want = net(torch.from_numpy(mel))
    got = opened(path).run(None, {"mel": mel})[0]
    write_facts(
        path,
        net,
        largest_difference([got], [want]),
        members=len(decodes),
        gain=round(float(net.gain), 4),
        middle=[round(float(value), 5) for value in net.middle],
    )
    np.savez_compressed(args.out / "golden.npz", mel=mel, expression=got)


if __name__ == "__main__":
    main()
