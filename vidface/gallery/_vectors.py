"""The vector file: a head of 64 bytes, then one row of float32 a look.

The head holds the generation: rows are renumbered only by writing a whole new file, `vectors.new`, of
the next generation. The database says which generation counts, so there is no moment at which a kill
leaves rows under wrong numbers.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.disk import sync_folder
from vidface.errors import InputError

FILE: Final = "vectors.bin"
FRESH: Final = "vectors.new"
HEAD: Final = 64
_FORM: Final = struct.Struct("<8sIIQ")
_MAGIC: Final = b"VIDFACEV"
_BLOCK: Final = 8192
_TRIES: Final = 3


def create(path: Path, dimension: int, generation: int) -> None:
    """An empty, private vector file; one that is there is replaced."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(_FORM.pack(_MAGIC, 1, dimension, generation).ljust(HEAD, b"\0"))
        file.flush()
        os.fsync(file.fileno())


def find(folder: Path, dimension: int, generation: int) -> BinaryIO:
    """The file of this generation, open: a writer may rename it at any moment.

    Raises:
        InputError: there is none.
    """
    # Also between the two looks.
    for _ in range(_TRIES):
        for name in (FILE, FRESH):
            file = _open(folder / name)
            if file is None:
                continue
            if _head(file) == (dimension, generation):
                return file
            file.close()
    raise InputError(
        f"{folder / FILE} is not the vector file of this gallery (generation {generation}, "
        f"{dimension} numbers a row): it is missing, damaged or from another copy; import an export instead"
    )


def settle(folder: Path, dimension: int, generation: int, rows: int) -> int:
    """After a kill: give the file its name and cut what was not committed; returns the bytes cut off.

    Raises:
        InputError: rows that were committed are missing.
    """
    with find(folder, dimension, generation) as file:
        if Path(file.name).name == FRESH:
            (folder / FRESH).replace(folder / FILE)
            sync_folder(folder)
        (folder / FRESH).unlink(missing_ok=True)
        over = beyond(file, dimension, rows)
        if over < 0:
            raise _short(folder / FILE, file, rows)
    if over:
        os.truncate(folder / FILE, HEAD + rows * dimension * 4)
    return over


def read(folder: Path, dimension: int, generation: int, rows: int) -> NDArray[np.float32]:
    """rows x d float32, memory-mapped and read-only.

    Raises:
        InputError: there is no file of this generation, or it is shorter.
    """
    with find(folder, dimension, generation) as file:
        if rows == 0:
            empty = np.zeros((0, dimension), np.float32)
            empty.setflags(write=False)
            return empty
        if beyond(file, dimension, rows) < 0:
            raise _short(file.name, file, rows)
        return np.memmap(file, np.float32, "r", HEAD, (rows, dimension))


def beyond(file: BinaryIO, dimension: int, rows: int) -> int:
    """Bytes behind the committed rows; below 0 where some are missing."""
    return os.fstat(file.fileno()).st_size - HEAD - rows * dimension * 4


def append(path: Path, rows: NDArray[np.float32], first: int) -> None:
    """Put rows behind the `first` committed ones, and on the disk."""
    with path.open("r+b") as file:
        # Rows of a change that was undone may lie there.
        file.truncate(HEAD + first * rows.shape[1] * 4)
        file.seek(0, os.SEEK_END)
        file.write(np.ascontiguousarray(rows, "<f4").tobytes())
        file.flush()
        os.fsync(file.fileno())


def erase(path: Path, dimension: int, rows: list[int]) -> None:
    """Overwrite rows with zeros, on the disk."""
    with path.open("r+b") as file:
        for row in rows:
            file.seek(HEAD + row * dimension * 4)
            file.write(bytes(dimension * 4))
        file.flush()
        os.fsync(file.fileno())


def write_fresh(folder: Path, dimension: int, generation: int, parts: Iterator[NDArray[np.float32]]) -> None:
    """Write the file of the next generation beside the present one."""
    create(folder / FRESH, dimension, generation)
    with (folder / FRESH).open("ab") as file:
        for part in parts:
            file.write(np.ascontiguousarray(part, "<f4").tobytes())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def blocks(rows: NDArray[np.float32], kept: list[int]) -> Iterator[NDArray[np.float32]]:
    """The rows kept, some thousands at a time."""
    for at in range(0, len(kept), _BLOCK):
        yield rows[kept[at : at + _BLOCK]]


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _head(file: BinaryIO) -> tuple[int, int] | None:
    try:
        data = file.read(_FORM.size)
    except OSError as error:
        file.close()
        raise InputError(f"{file.name} cannot be read: {error.strerror}") from error
    if len(data) < _FORM.size:
        return None
    magic, version, dimension, generation = _FORM.unpack(data)
    return (dimension, generation) if magic == _MAGIC and version == 1 else None


def _short(path: str | Path, file: BinaryIO, rows: int) -> InputError:
    return InputError(
        f"{path} is cut off: the gallery has {rows} looks, but the file of their vectors has only "
        f"{os.fstat(file.fileno()).st_size} bytes; import an export instead"
    )
