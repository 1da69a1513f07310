"""Milliseconds a face of embedders on this machine, by turns, so that what else runs meets all alike.

python speed.py ../../vidface-embed/model.onnx ../../vidface-embed-int8/model.onnx
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

ROUNDS, FACES = 50, 16


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    image = np.random.default_rng(0).integers(0, 256, (FACES, 3, 112, 112)).astype(np.float32)
    options, spent = ort.SessionOptions(), {}
    options.intra_op_num_threads = args.threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    sessions = [ort.InferenceSession(str(path), options, ["CPUExecutionProvider"]) for path in args.files]
    for turn in range(ROUNDS + 1):
        for path, session in zip(args.files, sessions, strict=True):
            start = time.perf_counter()
            session.run(None, {"image": image})
            if turn:
                spent.setdefault(path, []).append((time.perf_counter() - start) / FACES * 1000)
    load = os.getloadavg()[0]
    print(f"{FACES} faces a call, {args.threads} threads, {os.cpu_count()} cores, load {load:.1f}")
    for path, times in spent.items():
        low, middle = np.quantile(times, (0.25, 0.5))
        print(f"{path}: least {min(times):.2f}, quarter {low:.2f}, median {middle:.2f} ms a face")


if __name__ == "__main__":
    main()
