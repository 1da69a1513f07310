"""The teacher: face-reidentification-retail-0095 (Open Model Zoo), on the middle of an arcface112 crop."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# Not from net.py: other recipes take this file too, and have a net.py of their own.
COLUMNS, INPUT = slice(8, 104), 128


def teacher_input(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 112, 112, 3) BGR -> (n, 3, 128, 128): the middle 96 columns, stretched."""
    stretched = [
        cv2.resize(crop[:, COLUMNS], (INPUT, INPUT), interpolation=cv2.INTER_LINEAR) for crop in crops
    ]
    return np.stack(stretched).transpose(0, 3, 1, 2).astype(np.float32)


class Teacher:
    """Embeddings; by OpenVINO in bfloat16, which is twice as fast, else by ONNX Runtime."""

    BATCH = 32

    def __init__(self, path: Path) -> None:
        try:
            import openvino
        except ImportError:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self._run = lambda x: session.run(None, {"input": x})
        else:
            core = openvino.Core()
            network = core.read_model(path)
            network.reshape([self.BATCH, 3, INPUT, INPUT])
            hints = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": 1}
            compiled = core.compile_model(network, "CPU", hints)
            self._run = lambda x: list(compiled(x).values())

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, 112, 112, 3) BGR -> unit vectors (n, 256)."""
        rows = []
        for start in range(0, len(crops), self.BATCH):
            x = teacher_input(crops[start : start + self.BATCH])
            count = len(x)
            if count < self.BATCH:
                x = np.concatenate([x, np.zeros((self.BATCH - count, *x.shape[1:]), np.float32)])
            rows.append(self._run(x)[0][:count].reshape(count, -1))
        vectors = np.concatenate(rows)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit
