"""A motion file: the matrix of every frame, as JSON lines, to be applied again in a second pass."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from vidface.data import oncejson
from vidface.data.frame import Frame
from vidface.errors import FrameError, InputError, OutputError

Matrix = NDArray[np.float64]


class Motion:
    """Matrices to apply, by exact time, and the file that matrices go to; each may be missing.

    A line: {"frame": index, "time": "n/d" in seconds, "matrix": 3 x 3 from frame to output pixels}.
    """

    def __init__(self, known: dict[Fraction, Matrix] | None) -> None:
        self._known = known
        self._out: TextIO | None = None

    @classmethod
    def open(cls, source: Path | None) -> Motion:
        """Read `source`.

        Raises:
            InputError: it cannot be read, or is no motion file.
        """
        return cls(None if source is None else _read(source))

    def begin(self, target: Path | None) -> None:
        """Begin the file that matrices go to; one that is there is replaced (a run asks before).

        Raises:
            OutputError: it cannot be written.
        """
        if target is None:
            return
        try:
            # How a head moves is biometric: for the owner only.
            flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
            self._out = os.fdopen(os.open(target.expanduser(), flags, 0o600), "w")
        except OSError as error:
            raise OutputError(f"the motion file {target} cannot be written: {error.strerror}") from error

    @property
    def given(self) -> bool:
        """There is a motion to apply."""
        return self._known is not None

    def matrix(self, frame: Frame) -> Matrix:
        """The matrix of a frame.

        Raises:
            FrameError: the file has none for its time.
        """
        found = None if self._known is None else self._known.get(frame.time)
        if found is None:
            raise FrameError(f"the motion file has no line for the time {frame.time} s (frame {frame.index})")
        return found

    def keep(self, frame: Frame, matrix: Matrix) -> None:
        """Write a line."""
        if self._out is not None:
            row = {"frame": frame.index, "time": str(frame.time), "matrix": matrix.round(9).tolist()}
            self._out.write(json.dumps(row, separators=(",", ":")) + "\n")
            self._out.flush()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._out is not None:
            self._out.close()
            self._out = None


def _read(path: Path) -> dict[Fraction, Matrix]:
    known: dict[Fraction, Matrix] = {}
    try:
        for number, text in enumerate(path.expanduser().read_text(encoding="utf-8").splitlines(), 1):
            row: dict[str, Any] = oncejson.loads(text)
            matrix = np.asarray(row["matrix"], np.float64)
            if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
                raise ValueError(f"line {number} holds no 3 x 3 matrix with an inverse")
            known[Fraction(row["time"])] = matrix
    except OSError as error:
        raise InputError(f"the motion file {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no motion file: {error}") from error
    if not known:
        raise InputError(f"{path} is no motion file: it has no lines")
    return known
