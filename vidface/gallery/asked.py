"""What a run puts into the log of a gallery that it holds faces against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vidface.gallery.gallery import Gallery


def log_run(folder: str, action: str, facts: Mapping[str, Any], people: Iterable[str] = ()) -> None:
    """One entry; people are names, of which only marks are kept.

    Raises:
        UsageError: there is no gallery in that folder. OutputError: it cannot be written.
    """
    with Gallery.open(Path(folder).expanduser()) as gallery:
        gallery.log(action, facts, people)
