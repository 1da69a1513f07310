"""Whether ONNX Runtime runs models on a card: tried, since what it offers is only what it was built with."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import onnxruntime as ort

from vidface.data import Device
from vidface.infer import session
from vidface.infer.faults import RUNTIME_FAULTS, first_line

CONVOLUTION: Final = bytes.fromhex(
    "08083ab1010a2e0a05696e7075740a046f6e657312066f75747075742204436f6e762a110a0470616473400140014001"
    "4001a001071204636f6e762a360801080108030803100122240000803f0000803f0000803f0000803f0000803f000080"
    "3f0000803f0000803f0000803f42046f6e65735a1f0a05696e70757412160a14080112100a0208010a0208010a020808"
    "0a02080862200a066f757470757412160a14080112100a0208010a0208010a0208080a02080842040a001011"
)
"""An ONNX model: input 1 x 1 x 8 x 8 float32 -> output, the sums of 3 x 3 numbers. tests/infer/make_tiny.py
makes it. A convolution, since cuDNN is looked for when the first one runs."""
_WARNING, _FATAL = 2, 4
"""ONNX Runtime's own severity of what it logs, and the highest."""


@cache
def models_lack(index: int = 0) -> str | None:
    """Why models cannot run on a card, a phrase; None where a small one did. Tried once in a process.

    It makes CUDA's primary context; FFmpeg wants to be asked before that (`vidface.media.nvdec.nvdec_lack`).
    """
    device = Device("cuda", index)
    ort.set_default_logger_severity(_FATAL)  # what is missing is returned, and not written on stderr as well
    try:
        opened = session.start(CONVOLUTION, device)
        moved = session.fell_back(opened, device)
        if moved:
            return moved
        opened.run(None, {"input": np.ones((1, 1, 8, 8), np.float32)})
    except RUNTIME_FAULTS as error:
        return f"ONNX Runtime cannot run a model on {device} ({first_line(error)})"
    finally:
        ort.set_default_logger_severity(_WARNING)
    return None
