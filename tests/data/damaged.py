"""What becomes of .npz files on disks: readers must tell it in their own words, whatever it is."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

_DIRECTORY: Final = b"PK\x01\x02"
_HEADER: Final = 46
"""Bytes of an entry of a zip file's directory before its name: flags, method, places."""
_LOCAL: Final = 50
"""Those before an array's own bytes, without its name: NumPy's, with sizes of 64 bits."""


def check_reader(path: Path, read: Callable[[Path], Any], error: type[Exception]) -> None:
    """A reader of an .npz file reads it, and raises its own error naming it where it is damaged.

    Damaged: empty, text, cut off, a byte flipped within an array; then every byte of the first entry of the
    directory, of which some say nothing (a date).
    """
    read(path)
    whole = path.read_bytes()
    for data in (b"", b"no archive at all", whole[: len(whole) // 2], _flipped(whole, _within(path))):
        path.write_bytes(data)
        with pytest.raises(error, match=path.name):
            read(path)
    for data in _entries(whole):
        path.write_bytes(data)
        with contextlib.suppress(error):
            read(path)


def _within(path: Path) -> int:
    """A place in the middle of the first array's bytes."""
    with zipfile.ZipFile(path) as packed:
        first = packed.infolist()[0]
    return first.header_offset + _LOCAL + len(first.filename) + first.compress_size // 2


def _entries(whole: bytes) -> Iterator[bytes]:
    first = whole.index(_DIRECTORY)
    return (_flipped(whole, at) for at in range(first, first + _HEADER))


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
