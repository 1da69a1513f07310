"""Made streams for tests of trackers, and the way the engine would run a node over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.node import Node, Window

SIZE = (1280, 720)
LAYOUT = np.array([[0.31, 0.42], [0.69, 0.42], [0.5, 0.62], [0.35, 0.79], [0.65, 0.79]])

Path = Callable[[float], "tuple[float, float, float] | None"]
"""Seconds -> centre x, centre y and side of a face, or None where it is not seen."""


class NoPixels:
    """A picture at which a tracker must not look: it has a size and nothing else."""

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.size = size


def frames_at(times: Sequence[Fraction], size: tuple[int, int] = SIZE) -> list[Frame]:
    """Frames at these seconds, in units of 1/90000 s."""
    pixels: Any = NoPixels(size)
    return [Frame(i, round(t * 90000), Fraction(1, 90000), pixels) for i, t in enumerate(times)]


def steady(seconds: float, rate_hz: int = 25) -> list[Fraction]:
    return [Fraction(i, rate_hz) for i in range(round(seconds * rate_hz))]


def going(
    x: float,
    y: float,
    side: float,
    *,
    vx: float = 0.0,
    vy: float = 0.0,
    grow: float = 0.0,
    unseen: tuple[float, float] = (math.inf, math.inf),
) -> Path:
    """Straight on from x, y at vx, vy pixels a second, growing; not seen between two times."""

    def at(t: float) -> tuple[float, float, float] | None:
        return None if unseen[0] < t < unseen[1] else (x + vx * t, y + vy * t, side + grow * t)

    return at


def box_at(x: float, y: float, side: float) -> NDArray[np.float64]:
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def box_on(path: Path, time: Fraction) -> NDArray[np.float64]:
    """The box of the one on this path, who must be seen."""
    place = path(float(time))
    assert place is not None
    return box_at(*place)


def faces_of(places: Sequence[tuple[float, float, float]], *, score: float = 0.8) -> Faces:
    """Square faces with upright landmarks."""
    boxes = np.array([box_at(*place) for place in places], np.float32).reshape(-1, 4)
    landmarks = boxes[:, None, :2] + LAYOUT * (boxes[:, 2:] - boxes[:, :2])[:, None]
    return Faces.of(boxes, scores=np.full(len(boxes), score), landmarks=landmarks)


def seen(times: Sequence[Fraction], paths: Sequence[Path], *, every: int = 1) -> list[Faces]:
    """What a detector without errors finds, that looks at each `every`th frame."""
    found = []
    for i, time in enumerate(times):
        if i % every:
            found.append(Faces.none(looked=False))
            continue
        places = [path(float(time)) for path in paths]
        found.append(faces_of([p for p in places if p is not None]))
    return found


def segment(
    node: Node, frames: Sequence[Frame], found: Sequence[Faces], looks: Sequence[Embeddings] | None = None
) -> list[Faces]:
    """`reset`, then every frame of a stretch without a cut."""
    node.reset()
    ahead, values = node.reach().ahead, []
    for i in range(len(frames)):
        last = i + ahead + 1
        windows: list[Any] = [Window(frames[i:last], 0), Window(found[i:last], 0)]
        windows += [] if looks is None else [Window(looks[i:last], 0)]
        values.append(node.process(*windows))
    return values


def run(
    node: Node, times: Sequence[Fraction], found: Sequence[Faces], looks: Sequence[Embeddings] | None = None
) -> list[Faces]:
    """One stream in one piece."""
    node.open(Device())
    values = segment(node, frames_at(times), found, looks)
    node.close()
    return values


def numbers(values: Sequence[Faces]) -> set[int]:
    """All track numbers that occur."""
    return {n for value in values for n in value.tracks.tolist()}


def row_near(faces: Faces, x: float, y: float) -> int:
    """The row whose centre is nearest."""
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    return int(np.argmin(((centres - [x, y]) ** 2).sum(axis=1)))


def tracks_of(values: Sequence[Faces], times: Sequence[Fraction], path: Path) -> set[int]:
    """Numbers under which the person on this path was seen."""
    found = set()
    for value, time in zip(values, times, strict=True):
        place = path(float(time))
        if place is not None and len(value):
            found.add(int(value.tracks[row_near(value, place[0], place[1])]))
    return found


def same(a: Sequence[Faces], b: Sequence[Faces]) -> bool:
    """Bit for bit."""
    names = ("boxes", "scores", "landmarks", "tracks", "interpolated")
    return len(a) == len(b) and all(
        np.array_equal(getattr(x, name), getattr(y, name))
        for x, y in zip(a, b, strict=True)
        for name in names
    )


def unit(*values: float) -> NDArray[np.float32]:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)
