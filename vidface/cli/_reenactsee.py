"""`vidface eval reenact`, to look at: sheets and films with all methods side by side, marked."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.cli._reenactclip import SIDE
from vidface.cli._reenactmethods import METHODS
from vidface.cli._reenactscore import Shots
from vidface.data.provenance import Ingredient, MadeBy, ModelFile, Provenance
from vidface.data.source import SourceInfo
from vidface.errors import OutputError
from vidface.infer import weights
from vidface.media.certificate import made_identity
from vidface.media.codecs import EncodeSettings
from vidface.media.credentials import sign
from vidface.media.encode import Encoder
from vidface.media.pixels import frame_from_rgb

_HEAD: Final = 24
_ROWS: Final = 4
_LABEL: Final = "synthetic"
Picture = NDArray[np.uint8]


def write_sheet(shots: Shots, path: Path) -> None:
    """Frames of the clip from top to bottom; source, methods and driver from left to right.

    Raises:
        OutputError: it cannot be written or signed.
    """
    count = len(shots.pair.driver)
    rows = np.unique(np.linspace(0, count - 1, _ROWS + 1)[1:].astype(int)).tolist()
    sheet = np.vstack([_heads(shots.made), *(_strip(shots, row) for row in rows)])
    if not cv2.imwrite(str(path), sheet[..., ::-1]):
        raise OutputError(f"{path} cannot be written; is there room, and may this user write there?")
    _mark(shots, path)


def write_film(shots: Shots, path: Path) -> None:
    """The same with all frames, as mp4 at the driver's pace.

    Raises:
        OutputError: it cannot be written or signed.
    """
    times = shots.pair.driver.times
    pace = Fraction(float(np.median(np.diff(times)))).limit_denominator(1000) if len(times) > 1 else None
    head, step = _heads(shots.made), pace or Fraction(1, 25)
    high, wide = _strip(shots, 0).shape[:2]
    info = SourceInfo(path.name, "made", "rawvideo", "rgb24", wide, high + len(head), step, rate=1 / step)
    film = Encoder(
        path, EncodeSettings("h264", "mp4", None, None, 1), info, comment=_provenance(shots).comment()
    )
    try:
        for row in range(len(times)):
            film.write(frame_from_rgb(np.vstack([head, _strip(shots, row)]), row, row * step))
        film.finish()
    finally:
        film.close()
    _mark(shots, path)


def _strip(shots: Shots, row: int) -> Picture:
    pair = shots.pair
    made = [pictures[row] for pictures in shots.made.values()]
    return np.hstack([pair.source.frames[0], *made, pair.driver.frames[row]])


def _heads(made: Mapping[str, Picture]) -> Picture:
    """A line of names; what was made says so."""
    names = ["source", *(f"{name} ({_LABEL})" for name in made), "driver"]
    cells = []
    for name in names:
        cell = np.full((_HEAD, SIDE, 3), 255, np.uint8)
        cv2.putText(cell, name, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
        cells.append(cell)
    return np.hstack(cells)


def _provenance(shots: Shots) -> Provenance:
    nodes = tuple(MadeBy(name, f"eval reenact {name}", generates=True) for name in shots.made)
    pair = shots.pair
    given = {"source": Path(pair.source.clip), "driver": Path(pair.driver.clip)}
    files = tuple(
        Ingredient(path.name, "input", role, path=path if path.is_file() else None)
        for role, path in given.items()
    )
    names = [method.model for name in shots.made if (method := METHODS[name]).model is not None]
    models = tuple(ModelFile(name, weights.verify(name).sha256) for name in names if name is not None)
    return Provenance(nodes, models, created=True, labelled=True, ingredients=files)


def _mark(shots: Shots, path: Path) -> None:
    sign(path, _provenance(shots), made_identity())
