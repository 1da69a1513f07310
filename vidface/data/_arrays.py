"""Checks that the values on edges share: shape and dtype at birth, read-only ever after."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def frozen_array(name: str, value: Any, *, dtype: DTypeLike, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return `value` as a read-only array of `dtype`; `None` in `shape` stands for any length.

    An array that already is read-only and of that dtype is shared, not copied.

    Raises:
        ValueError: the shape is another one.
    """
    array = np.asarray(value, dtype=dtype)
    if array.size == 0 and 0 in array.shape and shape and shape[0] is None:
        array = array.reshape(tuple(0 if n is None else n for n in shape))
    if array.shape != shape and not _fits(array.shape, shape):
        wanted = " x ".join("n" if n is None else str(n) for n in shape)
        found = " x ".join(str(n) for n in array.shape) or "a scalar"
        raise ValueError(f"{name} must be {wanted}, but is {found}")
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def _fits(have: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(have) == len(wanted) and all(
        want is None or length == want for length, want in zip(have, wanted, strict=True)
    )
