"""How still a stabilised video is: cropping, distortion, stability, and the jitter of a face.

Definitions (as in the literature on video stabilisation; Liu et al. 2013, "Bundled camera paths"):

- Cropping: per frame the homography from input to output gives 1 / sqrt(sx * sy), at most 1; mean, least.
- Distortion: per frame the ratio of the singular values of its affine part (published scripts take
  eigenvalues, which do not see a stretch of a turned picture); the least of all.
- The affine part of both is that at the middle of the input (published scripts take its corner).
- Stability: the homographies between output frames add up to a path of x, y and rotation; of each signal
  the energy in the five lowest frequencies over the energy in all, without the mean. Least and mean.
  x and y are those of the picture's corner, as in published scripts: a turn about its middle moves them, too.
  A signal that does not move counts as 1. Up to eleven frames have no other frequencies, and no stability.
- Face jitter: RMS of the second difference of the five landmarks over the inter-ocular distance.

Frames without a homography are left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.eval.homography import Matrix, cropping_of, distortion_of

LOW_BINS: Final = 5
_STILL_PX: Final = 0.05
"""A path whose spread is below this does not move: what is left is the noise of matching."""


@dataclass(frozen=True, slots=True)
class StabilityScore:
    """Figures of one output. Ratios are NaN where nothing could be measured.

    Attributes:
        frames: frames compared.
        missing: homographies from input to output that were not found.
        cropping_mean, cropping_min: share of the side that is left, (0, 1].
        distortion: least ratio of singular values, (0, 1].
        stability_mean, stability_min: over x, y and rotation, [0, 1].
        lost_steps: homographies between output frames that were not found; the path stands still there.
    """

    frames: int
    missing: int
    cropping_mean: float
    cropping_min: float
    distortion: float
    stability_mean: float
    stability_min: float
    lost_steps: int

    def row(self) -> dict[str, Any]:
        """As a plain dict."""
        return asdict(self)


def low_share(signal: Any) -> float:
    """Energy of the frequencies 1 to 5 over the energy of all but 0; 1 for a signal that does not move.

    Args:
        signal: n numbers.

    Raises:
        ValueError: fewer than two numbers, or one that is not finite.
    """
    values = np.asarray(signal, np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"a stability needs two or more finite numbers, but got {values.shape}")
    energy = np.abs(np.fft.rfft(values)[1:]) ** 2
    total = float(energy.sum())
    return float(energy[:LOW_BINS].sum() / total) if total > 1e-18 * (1 + len(values)) else 1.0


def path_of(steps: Sequence[Matrix | None]) -> NDArray[np.float64]:
    """Homographies from each frame to the next, added up: n + 1 rows of x, y (px), rotation (rad).

    x and y are where the first frame's corner (0, 0) went.
    """
    whole = np.eye(3)
    rows = [(0.0, 0.0, 0.0)]
    for step in steps:
        if step is not None:
            whole = step @ whole
            whole = whole / whole[2, 2]
        rows.append((whole[0, 2], whole[1, 2], float(np.arctan2(whole[1, 0], whole[0, 0]))))
    path = np.array(rows)
    path[:, 2] = np.unwrap(path[:, 2])
    return path


def stability(steps: Sequence[Matrix | None], *, size: tuple[int, int]) -> tuple[float, float]:
    """Mean and least share of low frequencies over x, y and rotation of the output's path.

    Args:
        steps: homographies from each output frame to the next, None where there is none.
        size: width and height, to tell rotation in pixels at the border from noise.

    Returns:
        NaN where the path is so short that all of its frequencies are low ones.
    """
    path = path_of(steps)
    if len(path) // 2 <= LOW_BINS:
        return float("nan"), float("nan")
    path[:, 2] *= max(size) / 2
    shares = [1.0 if np.ptp(signal) < _STILL_PX else low_share(signal) for signal in path.T]
    return float(np.mean(shares)), float(np.min(shares))


def score(
    across: Sequence[Matrix | None],
    steps: Sequence[Matrix | None],
    *,
    size: tuple[int, int],
    source_size: tuple[int, int] | None = None,
) -> StabilityScore:
    """All figures but the face's.

    Args:
        across: per frame the homography from input to output, in pixels of outputs of the input's size.
        steps: from each output frame to the next.
        size: width and height of the output. source_size: of the input; None where it is the same.
    """
    known = [matrix for matrix in across if matrix is not None]
    wide, high = source_size or size
    middle = wide / 2, high / 2
    crops = [cropping_of(matrix, middle) for matrix in known] or [float("nan")]
    mean, least = stability(steps, size=size)
    return StabilityScore(
        frames=len(across),
        missing=len(across) - len(known),
        cropping_mean=float(np.mean(crops)),
        cropping_min=float(np.min(crops)),
        distortion=min((distortion_of(matrix, middle) for matrix in known), default=float("nan")),
        stability_mean=mean,
        stability_min=least,
        lost_steps=sum(step is None for step in steps),
    )


def face_jitter(points: Any) -> float:
    """RMS of the second difference of five points over the inter-ocular distance, in percent.

    Second differences are taken over three frames in a row in which the points are known.

    Args:
        points: n x 5 x 2 pixels in viewer order; NaN where the face was not found.

    Returns:
        NaN where there are no three such frames.

    Raises:
        ValueError: another shape.
    """
    track = np.asarray(points, np.float64)
    if track.ndim != 3 or track.shape[1:] != (5, 2):
        raise ValueError(f"jitter wants n x 5 x 2 points, but got {track.shape}")
    second = track[2:] - 2 * track[1:-1] + track[:-2]
    known = np.isfinite(second).all((1, 2))
    if not known.any():
        return float("nan")
    eyes = np.hypot(*(track[:, 1] - track[:, 0]).T)
    return float(100 * np.sqrt((second[known] ** 2).sum(-1).mean()) / np.nanmedian(eyes))
