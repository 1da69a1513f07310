"""`vidface eval restore`, to look at: a sheet of faces with all methods side by side, marked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.comments import with_comment
from vidface.data.provenance import Provenance
from vidface.errors import OutputError
from vidface.graph.marking import driver
from vidface.media.certificate import made_identity
from vidface.media.credentials import sign
from vidface.sinks._files import write_private

_HEAD: Final = 24
_LABEL: Final = "synthetic"


def write_sheet(
    path: Path, shown: Mapping[str, NDArray[np.uint8]], synthetic: Mapping[str, Provenance], clip: str
) -> None:
    """First, middle and last face of a track, methods from left to right in their order.

    Where a method makes synthetic pictures a line above names the methods, and the file is signed.

    Args:
        shown: name of the method -> n x side x side x 3 RGB.
        synthetic: name of the method -> how its pictures came about.

    Raises:
        OutputError: it cannot be written or signed.
    """
    count = min(map(len, shown.values()))
    rows = [np.hstack([crops[place] for crops in shown.values()]) for place in (0, count // 2, count - 1)]
    made = next((synthetic[name] for name in shown if name in synthetic), None)
    if made is not None:
        rows.insert(0, np.hstack([_head(name, name in synthetic, len(shown[name][0])) for name in shown]))
    done, data = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    if not done:
        raise OutputError(f"{path}: OpenCV could not encode a picture of {len(shown)} methods")
    write_private(path, data.tobytes() if made is None else with_comment(data.tobytes(), made.comment()))
    if made is not None:
        sign(path, made.made_from((driver(Path(clip), clip, None),)), made_identity())


def _head(name: str, synthetic: bool, side: int) -> NDArray[np.uint8]:
    cell = np.full((_HEAD, side, 3), 255, np.uint8)
    text = f"{name} ({_LABEL})" if synthetic else name
    cv2.putText(cell, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    return cell
