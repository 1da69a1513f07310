"""How good a restored face is against the clean one: identity, landmarks, steadiness, means over videos.

G is the clean video, R the restored one, both as crops aligned by the landmarks of G; A is an embedder, L
are the points of a mesh. `vidface.eval.pictures` compares pictures, `vidface.eval.flow` frames along motion.
Every figure is a mean over the frames of a track, then over the tracks of a video by their frames, then
over videos, each counting once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.eval.mesh import mesh_jitter


def cosines(one: Any, other: Any) -> NDArray[np.float64]:
    """n cosines of n x d vectors of any length, row by row; NaN where one is zero or not known.

    Args:
        one: n x d.
        other: n x d, or d for the same vector each time.
    """
    here, there = np.atleast_2d(np.asarray(one, np.float64)), np.asarray(other, np.float64)
    lengths = np.linalg.norm(here, axis=-1) * np.linalg.norm(there, axis=-1)
    found: NDArray[np.float64] = (here * there).sum(-1) / np.where(lengths > 0, lengths, np.nan)
    return found


def identity_similarity(found: Any, wanted: Any) -> tuple[float, float]:
    """IDS and sigma_IDS: mean and standard deviation over frames of cos(A(R_t), A(G_t)).

    As in R. Feng et al., "Kalman-inspired feature propagation for video face super-resolution" (ECCV 2024),
    over all frames of the video.

    Args:
        found, wanted: n x d embeddings of the restored and the clean crops.
    """
    values = cosines(found, wanted)
    values = values[np.isfinite(values)]
    return (float(values.mean()), float(values.std())) if len(values) else (float("nan"), float("nan"))


def identity_jitter(vectors: Any, frames: Sequence[int]) -> float:
    """Mean of 1 - cos(A(R_t), A(R_t+1)) over neighbouring frames; needs no reference.

    Args:
        vectors: n x d embeddings of one track.
        frames: n rising numbers of frames.
    """
    rows = np.asarray(vectors, np.float64)
    near = neighbours(frames)
    return _mean(1 - cosines(rows[:-1][near], rows[1:][near])) if near.any() else float("nan")


def keypoint_distance(found: Any, wanted: Any) -> float:
    """AKD: mean Euclidean distance of landmarks, px; frames in which either is NaN are left out.

    Args:
        found, wanted: n x points x 2.
    """
    return _mean(np.linalg.norm(_points(found) - _points(wanted), axis=-1))


def motion_error(found: Any, wanted: Any, frames: Sequence[int]) -> float:
    """TLME: mean of |(L(R_t+1) - L(R_t)) - (L(G_t+1) - L(G_t))| over points and neighbouring frames, px.

    What moves in the restored video otherwise than in the clean one.

    Args:
        found, wanted: n x points x 2; NaN where not known.
        frames: n rising numbers of frames.
    """
    away = _points(found) - _points(wanted)
    near = neighbours(frames)
    return _mean(np.linalg.norm(np.diff(away, axis=0)[near], axis=-1))


def landmark_jitter(points: Any, frames: Sequence[int]) -> float:
    """RMS of the landmarks' second difference over the inter-ocular distance, percent; needs no reference.

    The motion of the head counts as well, the same for every method.

    Args:
        points: n x 478 x 2, pixels of the frame; NaN where not known.
        frames: n rising numbers of frames.
    """
    rows = _points(points)
    places = np.asarray(frames, np.int64)
    if not len(places):
        return float("nan")
    table = np.full((int(places[-1] - places[0]) + 1, *rows.shape[1:]), np.nan)
    table[places - places[0]] = rows
    return mesh_jitter(table)


def guard_share(before: Any, after: Any) -> float:
    """Share of faces whose cosine to a picture of the person is lower after restoration than before.

    Args:
        before, after: n cosines; faces in which either is NaN are left out.
    """
    fell = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    fell = fell[np.isfinite(fell)]
    return float((fell < 0).mean()) if len(fell) else float("nan")


def neighbours(frames: Sequence[int]) -> NDArray[np.bool_]:
    """n - 1 bool: a row and the next are of frames that follow each other."""
    near: NDArray[np.bool_] = np.diff(np.asarray(frames, np.int64)) == 1
    return near


def mean_row(rows: Iterable[Mapping[str, float]], weights: Sequence[float] | None = None) -> dict[str, float]:
    """Mean of each figure; a row in which it is not known does not count for it.

    Args:
        rows: figures by name.
        weights: one a row; None counts each once.
    """
    table = list(rows)
    share = np.ones(len(table)) if weights is None else np.asarray(weights, np.float64)
    means: dict[str, float] = {}
    for name in dict.fromkeys(name for row in table for name in row):
        values = np.array([row.get(name, np.nan) for row in table], np.float64)
        known = ~np.isnan(values) & (share > 0)
        means[name] = float(np.average(values[known], weights=share[known])) if known.any() else float("nan")
    return means


def _points(points: Any) -> NDArray[np.float64]:
    rows = np.asarray(points, np.float64)
    if rows.ndim != 3 or rows.shape[2] < 2:
        raise ValueError(f"landmarks must be n x points x 2, but are {rows.shape}")
    return rows[..., :2]


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
