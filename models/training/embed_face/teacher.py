"""The teacher: face-reidentification-retail-0095 (Open Model Zoo), on the middle of an arcface112 crop."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

COLUMNS = slice(8, 104)
Image = NDArray[np.uint8]


def boundaries(model: onnx.ModelProto) -> list[str]:
    """Names of the tensors where the 32 x 32, 16 x 16 and 8 x 8 parts end.

    Each is what the 1 x 1 convolution reads that opens the next part: 64 -> 256 channels, and twice
    128 -> 512.
    """
    sizes = {one.name: list(one.dims) for one in model.graph.initializer}
    opened = [
        str(node.input[0])
        for wide in ([256, 64, 1, 1], [512, 128, 1, 1])
        for node in model.graph.node
        if node.op_type == "Conv" and sizes.get(node.input[1]) == wide
    ]
    if len(opened) != 3:
        raise ValueError(f"the teacher is another network: {len(opened)} parts end where 3 should")
    return opened


def teacher_input(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 112, 112, 3) BGR -> (n, 3, 128, 128): the middle 96 columns, stretched."""
    stretched = [cv2.resize(crop[:, COLUMNS], (128, 128), interpolation=cv2.INTER_LINEAR) for crop in crops]
    return np.stack(stretched).transpose(0, 3, 1, 2).astype(np.float32)


class Teacher:
    """Embeddings and the maps where its parts end; by OpenVINO in bfloat16, else by ONNX Runtime.

    OpenVINO is twice as fast; `exact` keeps to ONNX Runtime.
    """

    BATCH = 32

    def __init__(self, path: Path, exact: bool = False) -> None:
        model = onnx.load(path)
        names = boundaries(model)
        try:
            if exact:
                raise ImportError
            import openvino
        except ImportError:
            import onnxruntime

            for name in names:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            self._run = lambda x: session.run(None, {"input": x})
        else:
            core = openvino.Core()
            network = core.read_model(path)
            tensors = {n: out for op in network.get_ops() for out in op.outputs() for n in out.get_names()}
            for name in names:
                network.add_outputs(tensors[name])
            network.reshape([self.BATCH, 3, 128, 128])
            hints = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": 1}
            compiled = core.compile_model(network, "CPU", hints)
            self._run = lambda x: list(compiled(x).values())

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """(n, 112, 112, 3) BGR -> unit embeddings (n, 256), and three maps: (n, channels, side, side)."""
        rows = []
        for start in range(0, len(crops), self.BATCH):
            x = teacher_input(crops[start : start + self.BATCH])
            count = len(x)
            if count < self.BATCH:
                x = np.concatenate([x, np.zeros((self.BATCH - count, *x.shape[1:]), np.float32)])
            rows.append([out[:count].copy() for out in self._run(x)])
        table, *maps = (np.concatenate(column) for column in zip(*rows, strict=True))
        vectors = table.reshape(len(table), -1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), maps
