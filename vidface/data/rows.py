"""Rows: values beside the Faces of a frame have a row for every face."""

from __future__ import annotations

from collections.abc import Sized

from vidface.data.faces import Faces
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
