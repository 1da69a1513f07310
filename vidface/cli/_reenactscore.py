"""`vidface eval reenact`, one source and one driver: every method rendered, judged and put in figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli._reenactclip import Head
from vidface.cli._reenactjudge import Judges, Seen, look
from vidface.cli._reenactmethods import Method, Source
from vidface.cli._reenacttargets import Drive, targets
from vidface.eval import pictures, reenact
from vidface.eval.restore import cosines
from vidface.vision.speech import lip_sync

TRUTH: Final = "driver"
"""The row of the driving clip itself: what a perfect result of self-reenactment would score."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Who moves, and after whom.

    Attributes:
        source: one frame. driver: n frames.
        own: both are of one clip, so that the driving frames are the truth.
        label: of the driver, where others have the name of its file too.
    """

    source: Head
    driver: Head
    own: bool
    label: str = ""

    @property
    def name(self) -> str:
        """For tables and names of files."""
        driver = self.label or Path(self.driver.clip).stem
        return driver if self.own else f"{Path(self.source.clip).stem}-by-{driver}"

    @property
    def counted(self) -> NDArray[np.int64]:
        """Rows that count: in self-reenactment not the source's own frame, which nothing had to move."""
        numbers = np.asarray(self.driver.numbers)
        return np.flatnonzero(numbers != self.source.numbers[0] if self.own else numbers >= 0)


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """What was rendered: name of the method -> n x 256 x 256 x 3."""

    pair: Pair
    made: Mapping[str, NDArray[np.uint8]]


def score_pair(
    pair: Pair, ways: Mapping[str, Method], judges: Judges, *, drive: Drive = "relative"
) -> tuple[dict[str, Any], Shots]:
    """All figures of all methods, ready for JSON, and the pictures."""
    source = Source(pair.source.frames[0], pair.source.meshes[0], judges.model)
    wanted = targets(source, pair.driver.meshes, drive)
    face = look(pair.source.frames[:1], judges)
    truth = look(pair.driver.frames, judges)
    rest = face.points[0] if drive == "relative" else None
    goal = _picked(_counted(truth, None if rest is None else _first(truth), judges), pair.counted)
    made: dict[str, NDArray[np.uint8]] = {}
    results: dict[str, dict[str, float]] = {}
    for name, way in ways.items():
        begin = time.perf_counter()
        render = way.open(source)
        made[name] = np.stack([render(mesh) for mesh in wanted])
        spent = (time.perf_counter() - begin) / len(wanted)
        seen = look(made[name], judges)
        results[name] = _figures(pair, seen, face, truth)
        results[name] |= _shapes(_picked(_counted(seen, rest, judges), pair.counted), goal)
        if pair.own:
            results[name] |= _likeness(pair, made[name], seen, truth)
        results[name]["ms"] = 1e3 * spent
    results[TRUTH] = _figures(pair, truth, face, truth)
    del results[TRUTH]["expression_r"]
    return _facts(pair) | {"results": results}, Shots(pair, made)


def _facts(pair: Pair) -> dict[str, Any]:
    driver = pair.driver
    return {
        "pair": pair.name,
        "source": pair.source.clip,
        "source_frame": pair.source.numbers[0],
        "driver": driver.clip,
        "self": pair.own,
        "frames": len(driver),
        "first": driver.numbers[0],
        "last": driver.numbers[-1],
        "without a face": driver.missed,
        "px_per_px": driver.scale,
        "sound": driver.voice is not None,
    }


def _figures(pair: Pair, seen: Seen, face: Seen, truth: Seen) -> dict[str, float]:
    """What needs no truth of the pictures."""
    row: dict[str, float] = {}
    for name, vectors in seen.vectors.items():
        row[name] = _mean(cosines(vectors[pair.counted], face.vectors[name][0]))
        if not pair.own:
            row[f"{name}_driver"] = _mean(cosines(vectors, truth.vectors[name]))
    row["expression_r"] = reenact.expression_correlation(seen.shown, truth.shown)
    row["eyes_r"] = reenact.following(seen.shown.eyes, truth.shown.eyes, least=reenact.LEAST_EYE)
    row["mouth_r"] = reenact.following(seen.shown.mouth, truth.shown.mouth, least=reenact.LEAST_MOUTH)
    row["lost"] = reenact.lost_share(seen.points)
    voice = pair.driver.voice
    sync = (
        None
        if voice is None
        else lip_sync(pair.driver.times, seen.shown.mouth, voice.envelope, voice_start=voice.start)
    )
    if sync is not None:
        row |= {"sync_r": sync.correlation, "sync_lag_s": sync.lag_s}
    return row


def _first(truth: Seen) -> NDArray[np.float64]:
    """The driver's first mesh."""
    known = np.flatnonzero(np.isfinite(truth.points).all((1, 2)))
    return np.asarray(truth.points[known[0] if len(known) else 0], np.float64)


def _counted(seen: Seen, rest: NDArray[np.float64] | None, judges: Judges) -> reenact.Shown:
    """What is shown, from a rest where there is one."""
    return seen.shown if rest is None else reenact.since_rest(seen.points, rest, judges.model)


def _picked(shown: reenact.Shown, rows: NDArray[np.int64]) -> reenact.Shown:
    return reenact.Shown(*(column[rows] for column in shown))


def _shapes(seen: reenact.Shown, goal: reenact.Shown) -> dict[str, float]:
    return reenact.pose_errors(seen, goal) | {"expression_pct": reenact.expression_error(seen, goal)}


def _likeness(pair: Pair, made: NDArray[np.uint8], seen: Seen, truth: Seen) -> dict[str, float]:
    """Against the driving frames; the source's own frame among them does not count."""
    driver = pair.driver
    rows = pair.counted.tolist()
    couples = [(made[row], driver.frames[row]) for row in rows]
    akd, each = reenact.keypoint_errors(seen.points[rows], truth.points[rows])
    return {
        "l1": float(np.mean([reenact.l1(*one, driver.mask) for one in couples])),
        "psnr_db": pictures.mean_psnr((*one, driver.mask) for one in couples),
        "ssim": pictures.mean_ssim((*one, driver.mask) for one in couples),
        "akd_px": akd,
        "akd_coordinate_px": each,
    }


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
