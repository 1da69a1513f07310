"""A model's contract at work: pixels become the numbers it wants, and a graph is held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.infer.manifest import Contract, Dimension, Input, Output


@dataclass(frozen=True, slots=True)
class Port:
    """One tensor as the graph itself declares it; None in `shape` is a free dimension."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def fault(self, array: NDArray[Any]) -> str | None:
        """What is wrong with an array for this port, as a phrase; None where it fits."""
        dtype = str(array.dtype).removeprefix("torch.")  # tensors on a card fit as arrays do
        fits = dtype == self.dtype and len(array.shape) == len(self.shape)
        if fits and all(w is None or w == h for w, h in zip(self.shape, array.shape, strict=True)):
            return None
        found = " x ".join(map(str, array.shape)) or "a scalar"
        return f"wants {self}, but got {found} {dtype}"

    def __str__(self) -> str:
        shape = " x ".join("any" if n is None else str(n) for n in self.shape) or "a scalar"
        return f"{shape} {self.dtype}"


def prepare(spec: Input, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn pictures into the tensor that the contract describes: (pixel / divide - mean) / std.

    `images` is n x H x W x 3 uint8 RGB; the result is contiguous float32, n x 3 x H x W or n x H x W x 3.

    Raises:
        ValueError: the pictures have another shape, the input holds no single picture, or H or W is
            not a multiple that the model can take.
    """
    if spec.layout is None or spec.channels not in ("rgb", "bgr"):
        raise ValueError(f"input {spec.name!r} does not hold one RGB or BGR picture")
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(f"pictures must be n x H x W x 3 uint8, but are {images.shape} {images.dtype}")
    height, width = images.shape[1:3]
    if height % spec.multiple or width % spec.multiple:
        raise ValueError(
            f"height and width must be multiples of {spec.multiple}, but are {height} and {width}"
        )
    ordered = images[..., ::-1] if spec.channels == "bgr" else images
    arranged = ordered.transpose(0, 3, 1, 2) if spec.layout == "NCHW" else ordered
    # One multiply and one add on a contiguous copy; the contract's constants are folded into them first.
    values = np.ascontiguousarray(arranged, dtype=np.float32)
    std = np.asarray(spec.std, np.float64)
    gain, shift = 1 / (spec.divide * std), -np.asarray(spec.mean, np.float64) / std
    shape = (1, -1, 1, 1) if spec.layout == "NCHW" else (1, 1, 1, -1)
    if np.any(gain != 1):
        values *= gain.astype(np.float32).reshape(shape)
    if np.any(shift != 0):
        values += shift.astype(np.float32).reshape(shape)
    return values


def pictures(spec: Input, output: Output, values: NDArray[Any]) -> NDArray[np.float32]:
    """Turn a tensor that holds pictures back into pixels; the way back of `prepare`.

    Args:
        spec: the first input, whose layout and channels the output shares.
        output: states the range.
        values: n x 3 x H x W or n x H x W x 3, any float or integer type.

    Returns:
        n x H x W x 3 float32 RGB, 0..255; values beyond the range are clipped, NaN stays NaN.

    Raises:
        ValueError: the output has no range, or the values are not pictures in the input's layout.
    """
    if output.range is None or spec.layout is None or spec.channels not in ("rgb", "bgr"):
        raise ValueError(f"output {output.name!r} does not hold RGB or BGR pictures of a stated range")
    if values.ndim != 4 or values.shape[1 if spec.layout == "NCHW" else 3] != 3:
        raise ValueError(
            f"pictures in {spec.layout} have 4 dimensions and 3 channels, but are {values.shape}"
        )
    last = values.transpose(0, 2, 3, 1) if spec.layout == "NCHW" else values
    ordered = last[..., ::-1] if spec.channels == "bgr" else last
    low, high = output.range
    pixels = np.ascontiguousarray(ordered, dtype=np.float32)
    if pixels is values or np.shares_memory(pixels, values):
        pixels = pixels.copy()
    pixels -= low
    pixels *= 255 / (high - low)
    return np.clip(pixels, 0, 255, out=pixels)


def misfits(contract: Contract, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    """Every way in which a graph cannot follow the contract, as phrases; empty where it can.

    Names are not compared, since converters change them; counts, ranks and fixed dimensions are, and
    the dtypes of inputs. Outputs beyond the family's are allowed.
    """
    faults = []
    if len(inputs) != len(contract.inputs):
        faults.append(f"the family takes {len(contract.inputs)} inputs, the file has {len(inputs)}")
    else:
        faults += [
            text for spec, port in zip(contract.inputs, inputs, strict=True) if (text := _input(spec, port))
        ]
    if len(outputs) < len(contract.outputs):
        faults.append(f"the family gives {len(contract.outputs)} outputs, the file has {len(outputs)}")
    else:
        pairs = zip(contract.outputs, outputs, strict=False)
        faults += [
            f"output {port.name!r} should be {' x '.join(map(str, spec.shape))}, but is {port}"
            for spec, port in pairs
            if spec.shape is not None and not _same_shape(spec.shape, port.shape)
        ]
    return faults


def _input(spec: Input, port: Port) -> str | None:
    wanted = f"{' x '.join(map(str, spec.shape))} {spec.dtype}"
    if port.dtype == spec.dtype and _same_shape(spec.shape, port.shape):
        return None
    return f"input {port.name!r} should be {wanted}, but is {port}"


def _same_shape(want: Sequence[Dimension], have: Sequence[int | None]) -> bool:
    return len(want) == len(have) and all(
        isinstance(w, str) or h is None or w == h for w, h in zip(want, have, strict=True)
    )
