"""Alignment: the templates that face models were trained on, and the similarity that takes a face there.

Points are continuous pixel coordinates, the centre of the top-left pixel at (0.5, 0.5); the
templates' numbers are used as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Where the five landmarks lie in an aligned crop.

    Attributes:
        name: as manifests name it.
        size: side of the square crop in pixels.
        points: 5 x 2 float64, pixels of the crop: left eye, right eye, nose tip, left and right mouth
            corner in viewer order.
        stretch: how much wider and taller the crop shows a face than it is.
    """

    name: str
    size: int
    points: NDArray[np.float64]
    stretch: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        points = frozen_array("Template.points", self.points, dtype=np.float64, shape=(5, 2))
        object.__setattr__(self, "points", points)


_ARCFACE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
_FFHQ = np.array(
    [
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]
)
_NARROW: Final = "arcface112 columns 8..104 resized to 128"
_WIDER: Final = (128 / 96, 128 / 112)

TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        "arcface112": Template("arcface112", 112, _ARCFACE),
        "arcface128": Template("arcface128", 128, _ARCFACE + np.array((8, 0))),
        "ffhq512": Template("ffhq512", 512, _FFHQ),
        _NARROW: Template(_NARROW, 128, (_ARCFACE - (8, 0)) * _WIDER, _WIDER),
    }
)
"""Name -> template: ArcFace at 112 and 128 pixels, FFHQ at 512 (as face restorers use it), and ArcFace's
older crop of 96 x 112 made square."""


TILTED_DEG: Final = 10.0
"""Upright faces stay with the detector's landmarks, which the embedder was trained on; theirs and the
mesh's differ by 3 degrees there (standard deviation)."""


def similarity(source: Any, target: Any) -> NDArray[np.float64]:
    """Least-squares similarity (rotation, one scale, shift) that takes `source` to `target`.

    The closed form of S. Umeyama, "Least-squares estimation of transformation parameters between
    two point patterns" (PAMI 1991), written for the plane: with points as complex numbers, the
    turn and scale are one complex factor, so a reflection cannot come out.

    Args:
        source, target: n x 2 points, n >= 2.

    Returns:
        2 x 3 matrix float64.

    Raises:
        ValueError: shapes differ, a coordinate is not finite, the points of `source` coincide, or no
            turn fits (as when `target` is a mirror image).
    """
    here, there = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if here.shape != there.shape or here.ndim != 2 or here.shape[1] != 2 or len(here) < 2:
        raise ValueError(f"a similarity needs two n x 2 point sets, but got {here.shape} and {there.shape}")
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        raise ValueError("a similarity needs finite points, but some are NaN or infinite")
    middle, goal = here.mean(axis=0), there.mean(axis=0)
    a, b = (here - middle) @ (1, 1j), (there - goal) @ (1, 1j)
    size, wanted = float((a * a.conj()).real.sum()), float((b * b.conj()).real.sum())
    if size <= 1e-12 * (1 + float(np.abs(here).max()) ** 2):
        raise ValueError("a similarity needs points that differ, but all of them coincide")
    factor = (a.conj() * b).sum() / size
    if abs(factor) ** 2 * size <= 1e-9 * wanted:
        raise ValueError("no turn takes these points to their targets: are they mirrored or out of order?")
    linear = np.array([(factor.real, -factor.imag), (factor.imag, factor.real)])
    return np.column_stack([linear, goal - linear @ middle])


def turn_between(one: Any, other: Any) -> float:
    """Angle between two sets of five landmarks, each laid on a template as a whole; degrees, 0 to 180.

    Raises:
        ValueError: points of a set are not finite, coincide or are mirrored.
    """
    turns = [to_template(five, "arcface112")[:, 0] @ (1, 1j) for five in (one, other)]
    return float(abs(np.degrees(np.angle(turns[0] / turns[1]))))


def to_template(landmarks: Any, name: str, size: int | None = None) -> NDArray[np.float64]:
    """2 x 3 matrix from frame pixels to the crop of the template `name`, for `Frame.crop`.

    Args:
        landmarks: 5 x 2 points in pixels of the frame.
        size: side of the crop in pixels; the template's own where none is given.

    Raises:
        KeyError: no template of that name.
        ValueError: the points do not fix a similarity, see `similarity`.
    """
    template = TEMPLATES[name]
    stretch = np.array(template.stretch)
    matrix: NDArray[np.float64] = similarity(landmarks, template.points / stretch) * stretch[:, None]
    return matrix if size is None else matrix * (size / template.size)


def five_of_68(points: Any) -> NDArray[np.float64]:
    """68 x 2 points in iBUG order -> 5 x 2: mean of each eye, nose tip, mouth corners, viewer order."""
    marks = np.asarray(points, np.float64).reshape(68, 2)
    return np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0), marks[30], marks[48], marks[54]])
