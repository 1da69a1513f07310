"""How good an animated face is: likeness to the truth, to the person, and to the motion of the driver.

Self-reenactment: the source is a frame of a clip and the clip drives it, so every driving frame is the truth.
Cross-reenactment: another person drives; then identity, pose and expression are all that can be measured.
PSNR and SSIM stand in `vidface.eval.pictures`, cosines of embeddings in `vidface.eval.restore`, how lips keep
time with speech in `vidface.vision.speech`.

Frames in which no face is found have no landmarks. They are left out of whatever needs landmarks, never
guessed, and `lost_share` says how many they are: read the figures only beside it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import POINTS
from vidface.vision.facemeasures import measure
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.rigid import angle_between, angles_of

Array = NDArray[np.float64]

LEAST_EYE: Final = 0.02
"""Spread (standard deviation) of a driver's eye opening, over the eye's width, below which nothing is to be
followed: one blink of three frames in fifty is 0.035, lids that drift without a blink are 0.013."""
LEAST_MOUTH: Final = 0.01
"""The same of the mouth's opening, inter-ocular distances."""
_STILL: Final = 1e-6
_FEWEST: Final = 3


class Shown(NamedTuple):
    """What n faces show, measured from their meshes; NaN in rows without a mesh.

    Attributes:
        rotations: n x 3 x 3, of the skull. angles: n x 3 degrees, yaw, pitch, roll as in `Poses`.
        expression: n x m coefficients of the mesh model.
        eyes: n, mean opening of both eyes, eye widths. mouth: n, inter-ocular distances.
    """

    rotations: Array
    angles: Array
    expression: Array
    eyes: Array
    mouth: Array


def l1(found: Any, wanted: Any, mask: Any = None) -> float:
    """Mean absolute difference of pixels in [0, 1], over all channels.

    Args:
        found, wanted: h x w x channels, 0..255. mask: h x w bool, what counts; None for all.

    Raises:
        ValueError: shapes that do not fit.
    """
    here, there = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if here.shape != there.shape or here.ndim != 3:
        raise ValueError(f"pictures must both be h x w x channels, but are {here.shape} and {there.shape}")
    away = np.abs(here - there) / 255
    if mask is not None:
        away = away[np.asarray(mask, bool)]
    return float(away.mean()) if away.size else float("nan")


def keypoint_errors(found: Any, wanted: Any) -> tuple[float, float]:
    """AKD twice: mean Euclidean distance of landmarks, and mean absolute difference of one coordinate, px.

    The second is what the script pose-evaluation (A. Siarohin) prints and most papers on image animation
    quote; it is 0.64 of the first (2 / pi) where errors lie in all directions alike.

    Args:
        found, wanted: n x points x 2 or 3, of which the third is not looked at; rows with NaN are left out.
    """
    away = np.asarray(found, np.float64)[..., :2] - np.asarray(wanted, np.float64)[..., :2]
    known = away[np.isfinite(away).all((-2, -1))]
    if not known.size:
        return float("nan"), float("nan")
    return float(np.linalg.norm(known, axis=-1).mean()), float(np.abs(known).mean())


def lost_share(points: Any) -> float:
    """Share of n frames in which no face was found: rows of n x points x 2 or 3 that hold NaN."""
    rows = np.asarray(points, np.float64)
    return float(1 - np.isfinite(rows).all((1, 2)).mean()) if len(rows) else float("nan")


def shown(points: Any, model: MeshModel) -> Shown:
    """Pose, expression and openings of n meshes of one person.

    One identity is fitted to all rows, so that what differs between them is expression.

    Args:
        points: n x 478 x 3 pixels, rows without a mesh NaN.
    """
    rows = np.asarray(points, np.float64)
    known = np.asarray(np.isfinite(rows).all((1, 2)))
    size = len(model.expression)
    out = Shown(*(np.full((len(rows), *shape), np.nan) for shape in ((3, 3), (3,), (size,), (), ())))
    if not known.any():
        return out
    fit = MeshFitter(model, one_person=True).fit(rows[known])
    angles = angles_of(fit.similarity.rotations)
    raw = measure(rows[known], angles, fit.similarity.scales)
    out.rotations[known], out.angles[known] = fit.similarity.rotations, angles
    out.expression[known] = fit.expression
    out.eyes[known] = (raw.eye_left + raw.eye_right) / 2
    out.mouth[known] = raw.mouth_opening / raw.interocular
    return out


def pose_errors(found: Shown, wanted: Shown) -> dict[str, float]:
    """Mean over frames of the smallest turn between the skulls, and of each angle's difference, degrees."""
    turn = _mean(angle_between(found.rotations, wanted.rotations))
    apart = (found.angles - wanted.angles + 180) % 360 - 180
    each = {name: _mean(np.abs(apart[:, at])) for at, name in enumerate(("yaw", "pitch", "roll"))}
    return {"pose_deg": turn} | {f"{name}_deg": value for name, value in each.items()}


def turned_from(seen: Shown, rest: Any) -> Shown:
    """The same with turns counted from another one: for motion that is driven relative to a first frame.

    Args:
        rest: 3 x 3 rotation.
    """
    turns = seen.rotations @ np.asarray(rest, np.float64).T
    return seen._replace(rotations=turns, angles=angles_of(turns))


def since_rest(points: Any, rest: Any, model: MeshModel) -> Shown:
    """What n meshes show beyond a rest: turns and expression are counted from it, openings are as they are.

    One identity is fitted to all of them and the rest together. Fits of their own would take some of the
    person for turn and expression, each another part of it.

    Args:
        points: n x 478 x 3 pixels, rows without a mesh NaN.
        rest: 478 x 3 of the same person; NaN where it is not known, and then nothing is.
    """
    both = shown(np.concatenate([np.asarray(rest, np.float64)[None], np.asarray(points, np.float64)]), model)
    counted = turned_from(both, both.rotations[0])
    counted = counted._replace(expression=both.expression - both.expression[0])
    return Shown(*(part[1:] for part in counted))


def expression_error(found: Shown, wanted: Shown) -> float:
    """Mean over frames of the root mean square way of the mesh's points between two expressions.

    Percent of the inter-ocular distance; the basis is orthonormal, so it follows from the coefficients.
    """
    away = np.linalg.norm(found.expression - wanted.expression, axis=1)
    return 100 * _mean(away / np.sqrt(POINTS))


def expression_correlation(found: Shown, wanted: Shown) -> float:
    """How far the mesh's points move as the driver's do: correlation of all displacements, -1 to 1.

    Each coefficient is centred over the clip and all are taken together; with an orthonormal basis this
    is the correlation of the points' ways. How a face rests does not count, as it differs between people.
    0 where the result does not move at all.
    """
    known = np.isfinite(found.expression).all(1) & np.isfinite(wanted.expression).all(1)
    if known.sum() < _FEWEST:
        return float("nan")
    here, there = (one[known] - one[known].mean(0) for one in (found.expression, wanted.expression))
    return _cosine(here, there, _STILL)


def following(found: Any, wanted: Any, *, least: float = 0.0) -> float:
    """Pearson correlation over frames of what the result shows and what the driver showed.

    Args:
        found, wanted: n numbers; frames in which either is NaN are left out.
        least: spread of `wanted` below which there was nothing to follow.

    Returns:
        0 where the result does not move; NaN where the driver does not, or fewer than 3 frames are left.
    """
    here, there = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    known = np.isfinite(here) & np.isfinite(there)
    if known.sum() < _FEWEST or there[known].std() < max(least, _STILL):
        return float("nan")
    return _cosine(here[known] - here[known].mean(), there[known] - there[known].mean(), _STILL)


def _cosine(here: Array, there: Array, still: float) -> float:
    """Of two centred tables; 0 where the first does not move, NaN where the second does not."""
    long, wide = float(np.sqrt((here**2).mean())), float(np.sqrt((there**2).mean()))
    if wide < still:
        return float("nan")
    return float((here * there).mean() / (long * wide)) if long >= still else 0.0


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
