"""Made crowds and made detections with known truth, all from a seed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces

LAYOUT = np.array([[0.31, 0.42], [0.69, 0.42], [0.5, 0.62], [0.35, 0.79], [0.65, 0.79]])
"""Eyes, nose and corners of the mouth within an upright box."""

AWAY_S = Fraction(3, 2)
"""Seconds out of sight after which a person counts anew."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Known faces on known frames.

    Attributes:
        name: for the table.
        times: seconds, exact, one a frame.
        truth: `tracks` holds the person.
        hidden: one mask a frame, True where the face cannot be seen.
        size: width and height in pixels.
        cuts: frame numbers on which a new scene begins.
    """

    name: str
    times: tuple[Fraction, ...]
    truth: tuple[Faces, ...]
    hidden: tuple[NDArray[np.bool_], ...]
    size: tuple[int, int]
    cuts: frozenset[int] = frozenset()


def frame_times(seconds: float, rng: np.random.Generator, *, vfr: bool) -> tuple[Fraction, ...]:
    """25 frames a second; or, in whole ms, 10 to 60 a second with single late frames."""
    if not vfr:
        return tuple(Fraction(i, 25) for i in range(int(seconds * 25)))
    now, times = 0, []
    while now < seconds * 1000:
        times.append(Fraction(now, 1000))
        now += int(rng.choice([17, 33, 40, 67, 100])) + (133 if rng.uniform() < 0.03 else 0)
    return tuple(times)


def crowd(n: int, seed: int, *, seconds: float = 20.0, vfr: bool = False) -> World:
    """n people who walk to and fro, cross, nod, hide each other, vanish for a second, leave and come back."""
    rng = np.random.default_rng(seed)
    size = (1280, 720)
    times = frame_times(seconds, rng, vfr=vfr)
    clock = np.array([float(t) for t in times])
    face_px = (
        rng.uniform(70, 150, n) if n <= 5 else rng.uniform(28, 64, n) if n <= 20 else rng.uniform(22, 44, n)
    )
    paths = np.stack([_path(clock, size, px, rng) for px in face_px])
    rolls = np.stack([_wander(clock, rng, period_s=3.0) * 15 for _ in range(n)])
    away = np.stack([_blackout(clock, rng) for _ in range(n)])
    people = [_people(paths[:, k], rolls[:, k], size) for k in range(len(times))]
    hidden = [_hidden(p, away[:, k]) for k, p in enumerate(people)]
    name = f"{n} faces" + (", VFR" if vfr else "")
    return World(name, times, visits(times, people, hidden), tuple(hidden), size)


def _wander(clock: NDArray[Any], rng: np.random.Generator, *, period_s: float) -> NDArray[Any]:
    """A smooth course about 0 with values of the order of 1."""
    waves = [
        rng.normal() * np.sin(2 * np.pi * clock / (period_s * rng.uniform(0.6, 2.5)) + rng.uniform(0, 6.28))
        for _ in range(3)
    ]
    course: NDArray[Any] = np.sum(waves, axis=0) / np.sqrt(1.5)
    return course


def _path(clock: NDArray[Any], size: tuple[int, int], px: float, rng: np.random.Generator) -> NDArray[Any]:
    """Centre x, y and box height over time: across the picture and, now and then, out of it."""
    speed = rng.uniform(0.5, 2.0) * px * rng.choice([-1, 1])
    lap = size[0] * 1.25
    raw = (rng.uniform(0, lap * 2) + speed * clock) % (lap * 2)
    x = np.where(raw < lap, raw, 2 * lap - raw) - 0.125 * size[0]
    x = x + _wander(clock, rng, period_s=2.5) * 0.35 * px
    y = rng.uniform(0.2, 0.8) * size[1] + _wander(clock, rng, period_s=6) * 0.5 * px
    y = y + 0.05 * px * np.sin(2 * np.pi * 1.8 * clock + rng.uniform(0, 6))
    height = px * np.exp(0.15 * _wander(clock, rng, period_s=8))
    return np.stack([x, y, height], axis=1)


def _blackout(clock: NDArray[Any], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Times at which something unseen hides the face: about every ten seconds for 0.3 to 1.2 s."""
    gone = np.zeros(len(clock), bool)
    at = rng.uniform(0, 10)
    while at < clock[-1]:
        length = rng.uniform(0.3, 1.2)
        gone |= (clock >= at) & (clock < at + length)
        at += length + rng.uniform(5, 15)
    return gone


def _people(state: NDArray[Any], rolls: NDArray[Any], size: tuple[int, int]) -> Faces:
    x, y, height = state.T
    width = 0.78 * height
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    angle = np.deg2rad(rolls)
    turn = np.stack(
        [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1
    )
    offsets = (LAYOUT - 0.5)[None] * np.stack([width, height], axis=1)[:, None]
    landmarks = np.einsum("nij,npj->npi", turn, offsets) + np.stack([x, y], axis=1)[:, None]
    inside = (x > 0) & (x < size[0]) & (y > 0) & (y < size[1])
    return Faces.of(boxes, landmarks=landmarks, tracks=np.arange(1, len(boxes) + 1)).pick(inside)


def _hidden(people: Faces, away: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Behind a nearer (larger) face by more than half, or away."""
    boxes, order = people.boxes, np.argsort(people.heights)
    hidden = away[people.tracks - 1].copy()
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            low = np.maximum(boxes[i, :2], boxes[j, :2])
            high = np.minimum(boxes[i, 2:], boxes[j, 2:])
            cover = np.prod(np.maximum(high - low, 0)) / np.prod(boxes[i, 2:] - boxes[i, :2])
            hidden[i] |= bool(cover > 0.5)
    return hidden


@dataclass(frozen=True, slots=True)
class Habits:
    """How a detector errs. Positions in face sizes; the rest are probabilities a face or a frame."""

    misses: float = 0.15
    false_alarms: float = 0.10
    place: float = 0.03
    side: float = 0.05
    every: int = 1


def detect(world: World, habits: Habits, seed: int) -> list[Faces]:
    """What a detector with these habits makes of the world."""
    rng = np.random.default_rng(seed)
    found = []
    for k, (people, hidden) in enumerate(zip(world.truth, world.hidden, strict=True)):
        seen = people.pick(~hidden & (rng.uniform(size=len(people)) >= habits.misses))
        noisy = _with_errors(seen, habits, rng)
        if rng.uniform() < habits.false_alarms:
            noisy = _with_false_alarm(noisy, world.size, rng)
        found.append(noisy if k % habits.every == 0 else Faces.none(looked=False))
    return found


def _with_errors(seen: Faces, habits: Habits, rng: np.random.Generator) -> Faces:
    n = len(seen)
    px = np.sqrt(np.prod(seen.boxes[:, 2:] - seen.boxes[:, :2], axis=1))[:, None]
    centre = (seen.boxes[:, :2] + seen.boxes[:, 2:]) / 2 + rng.normal(0, habits.place, (n, 2)) * px
    half = (seen.boxes[:, 2:] - seen.boxes[:, :2]) / 2 * np.exp(rng.normal(0, habits.side, (n, 2)))
    return replace(
        seen.with_tracks(np.full(n, -1)),
        boxes=np.concatenate([centre - half, centre + half], axis=1),
        landmarks=seen.landmarks + rng.normal(0, habits.place, (n, 5, 2)) * px[:, None],
        scores=np.clip(rng.normal(0.86, 0.06, n), 0.6, 0.99),
    )


def _with_false_alarm(faces: Faces, size: tuple[int, int], rng: np.random.Generator) -> Faces:
    centre, half = rng.uniform(0, 1, 2) * size, rng.uniform(12, 50) * np.array([0.39, 0.5])
    box = np.concatenate([centre - half, centre + half])
    points = box[:2] + LAYOUT * half * 2 + rng.normal(0, 0.05, (5, 2)) * half
    return Faces.of(
        np.vstack([faces.boxes, box]),
        scores=np.append(faces.scores, np.clip(rng.normal(0.68, 0.06), 0.6, 0.99)),
        landmarks=np.concatenate([faces.landmarks, points[None]]),
    )


def sample(path: Path, size: tuple[int, int]) -> World:
    """The truth beside one of the project's clips; a face is hidden where less than 0.4 of it is visible."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    truth, hidden = [], []
    for record in records:
        faces = record["faces"]
        truth.append(
            Faces.of(
                [f["box"] for f in faces],
                landmarks=[f["landmarks"] for f in faces] if faces else None,
                tracks=[f["id"] for f in faces] if faces else None,
            )
        )
        hidden.append(np.array([f["visible"] < 0.4 for f in faces], bool))
    times = tuple(Fraction(record["time"]) for record in records)
    cuts = frozenset(i for i, record in enumerate(records) if record["cut"])
    return World(
        path.name.split(".")[0], times, visits(times, truth, hidden, cuts), tuple(hidden), size, cuts
    )


def visits(
    times: Sequence[Fraction],
    truth: Sequence[Faces],
    hidden: Sequence[NDArray[np.bool_]],
    cuts: frozenset[int] = frozenset(),
) -> tuple[Faces, ...]:
    """The truth with a new number for whoever comes back after AWAY_S out of sight, or after a cut.

    Without embeddings no tracker can know such a person again, and a cut is meant to begin new tracks.
    """
    seen: dict[int, tuple[int, Fraction]] = {}
    numbers, renamed = itertools.count(1), []
    for i, (time, people, unseen) in enumerate(zip(times, truth, hidden, strict=True)):
        seen = {} if i in cuts else seen
        for person, out_of_sight in zip(people.tracks.tolist(), unseen.tolist(), strict=True):
            if person not in seen or (not out_of_sight and time - seen[person][1] > AWAY_S):
                seen[person] = (next(numbers), time)
            elif not out_of_sight:
                seen[person] = (seen[person][0], time)
        renamed.append(people.with_tracks([seen[p][0] for p in people.tracks.tolist()]))
    return tuple(renamed)


def mean_row(rows: Sequence[dict[str, float]], how: Callable[[Any], Any] = np.mean) -> dict[str, float]:
    """The same keys, each with its mean over the rows."""
    return {key: float(how([row[key] for row in rows])) for key in rows[0]}
