"""The libraries of CUDA and cuDNN that ONNX Runtime wants, loaded once before its first session on a card."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from functools import cache

import onnxruntime as ort


@cache
def preloaded() -> str:
    """Load them; the first thing that ONNX Runtime had to say of it, "" where it said nothing.

    It prints what it cannot load, and what is printed belongs to the command: `vidface` keeps it for errors.
    """
    if not hasattr(ort, "preload_dlls"):
        return ""
    said = io.StringIO()
    with redirect_stdout(said):
        ort.preload_dlls()
    lines = said.getvalue().strip().splitlines()
    # "Failed to load NAME: NAME: cannot open shared object file: ..." names the file twice.
    return lines[0].split(": ")[0] if lines else ""
