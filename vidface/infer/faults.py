"""What ONNX Runtime raises, and in which words."""

from __future__ import annotations

import re
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
_PLACE: Final = re.compile(r"^/\S+:\d+ .*?\)\s+(?=\w)")
"""A line of the runtime's own source and the function there."""


def first_line(error: Exception) -> str:
    """The runtime's own words without its status codes and the path, which the message names already."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _PLACE.sub("", text.split(" : ")[-1].split(" failed:")[-1]).rstrip(".")
