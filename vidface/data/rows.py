"""Rows: values beside the Faces of a frame have a row for every face."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.data.measures import Measures
from vidface.errors import UsageError


def check_rows(faces: Faces, **ports: Sized | None) -> None:
    """Hold the values of some ports against the faces; None (not wired) passes.

    A value without rows passes too: a node that skipped the frame measured nobody.

    Raises:
        UsageError: a value has another number of rows than there are faces; names the port.
    """
    for name, value in ports.items():
        if value is not None and len(value) not in (0, len(faces)):
            raise UsageError(
                f"{name} has {len(value)} rows for {len(faces)} faces: wire faces and {name} so that both "
                "come from the same faces."
            )


def column_for(port: str, name: str, measures: Measures, *, usual: str) -> NDArray[np.float32]:
    """The column that a port wants of the measures that are wired to it.

    Args:
        usual: the node that gives such measures.

    Raises:
        UsageError: they have no column of that name.
    """
    columns = measures.columns()
    if name not in columns:
        found = ", ".join(columns) or "none"
        raise UsageError(
            f"the port {port} needs measures with a column {name!r}, but gets {found}: "
            f"wire it to a node such as {usual}."
        )
    return columns[name]
