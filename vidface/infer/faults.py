"""What ONNX Runtime raises."""

from __future__ import annotations

from typing import Final

import onnxruntime as ort

# One class per status code, all straight below Exception.
RUNTIME_FAULTS: Final[tuple[type[Exception], ...]] = (
    *(
        value
        for value in vars(ort.capi.onnxruntime_pybind11_state).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ),
    RuntimeError,
    ValueError,
)
