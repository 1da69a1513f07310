"""Where the files lie that come with vidface."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def shipped(kind: Literal["graphs", "models", "samples"]) -> Path:
    """The folder of graphs, of models or of samples: in a wheel, or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_shipped" / kind
    return packed if packed.is_dir() else package.parent / kind
