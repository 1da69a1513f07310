"""Arrays of an .npz file, read such that a damaged file is a ValueError, whatever is wrong with it."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_DAMAGE: Final = (
    *(OSError, EOFError, TypeError, RuntimeError, MemoryError, TokenError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""OSError: a place before the file's beginning is sought. RuntimeError: of how it is packed (a password, a
method nobody knows). MemoryError: a header that promises more numbers than any memory holds; of the header
the next two."""


def read_npz(
    path: Path, names: Collection[str], *, optional: Collection[str] = ()
) -> dict[str, NDArray[Any]]:
    """The arrays of these names; of the optional ones those that are there. Nothing is unpickled.

    Raises:
        OSError: the file cannot be opened.
        KeyError: an array is missing.
        ValueError: it is no whole .npz file, or an array in it is damaged.
    """
    with path.open("rb") as file:  # opened here: NumPy leaves a file open that it cannot read
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no whole .npz file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as found:
                there = [name for name in optional if name in found]
                return {name: found[name] for name in (*names, *there)}
        except _DAMAGE as error:
            raise ValueError(str(error)) from error
