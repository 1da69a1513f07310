"""What is good and what is bad about the picture of one face, as separate measures, and one score of all.

Measures of the picture, in the sense of ISO/IEC 29794-5 (face image quality) and of its open implementation
OFIQ; each lies in [0, 1] and 1 is good. They differ from OFIQ's where video asks for it: nothing here is
judged on pixels that were made up. A crop is cut with the arcface112 template, at 112 pixels where the face
has as many and smaller where it has not (`crop_side`), so that a small face is not a blurred one; that it
is small is what `size` says. Pixels outside the frame and outside the face take no part.

Blocks of a codec are not measured: their grid is gone once a picture was scaled or turned, and without the
grid they cannot be told from texture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.align import TEMPLATES

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIDE: Final = TEMPLATES["arcface112"].size
INTEROCULAR: Final = 35.24
"""Pixels between the eyes on a crop of `SIDE` pixels."""

LEAST_SIDE: Final = 8
LEAST_PIXELS: Final = 16
"""A face of fewer pixels is not judged, nor a cheek of less than half as many."""

NOISE_FROM_SIDE: Final = 48
"""On smaller crops the face's own texture reaches the pixel and would be taken for noise."""

WEIGHTS: Final[tuple[tuple[str, float], ...]] = (
    ("size", 2.0),
    ("sharpness", 1.0),
    ("exposure", 0.5),
    ("contrast", 1.0),
    ("noise", 0.5),
    ("light", 0.1),
    ("pose", 0.5),
    ("framing", 1.0),
    ("recognisability", 2.0),
)
"""How much each measure counts in `combine`. Round numbers near those by which faces that an embedder gets
wrong come out last, found on made degradations; framing and recognisability were not part of that."""

_HALF_SIZE_PX = 12.0
_FINE, _COARSE = 0.5, 1.5
"""Sigmas in pixels at which edges are looked at."""
_EDGES_FROM = 60
"""Per cent of the face's pixels that are no edge."""
_FINE_NOISE, _COARSE_NOISE = 2 * 0.01808, 2 * 0.00635
"""What white noise of variance 1 adds, a pixel and axis, to fine times coarse and to coarse squared; twice,
since pixels are taken where noise happens to make them steep (1.92 times, were there nothing else)."""
_HALF_SHARP = 0.2
"""Portraits of some hundred pixels, shrunk to the crop, have 0.37 +- 0.1; blurred there by 1 px 0.25,
by 2 px 0.13, by 3 px 0.08."""
_FLAT = 0.5
"""Grey levels a pixel; a face whose steepest edges are flatter has none that could be sharp."""
_BLACK, _DARK, _BRIGHT, _WHITE = 8.0, 32.0, 239.0, 255.0
_FULL_RANGE = 80.0
_DARKEST_STOPS = 3.0
_LEAST_CHEEK = 0.15
"""A cheek narrower than this share of the other one cannot be seen."""
_HALF_NOISE = 12.0
_LEAST_PART = 0.01

_KERNEL = np.array([(1, -2, 1), (-2, 4, -2), (1, -2, 1)], np.float32)


def crop_side(scale: float) -> int:
    """Side of the crop on which a face is judged: no pixel more than the frame has.

    Args:
        scale: pixels of a crop of `SIDE` pixels per pixel of the frame.
    """
    return max(LEAST_SIDE, min(SIDE, round(SIDE / max(scale, 1e-9))))


def face_mask(side: int, outline: NDArray[Any] | None = None) -> Mask:
    """The face on a crop: within an outline (m x 2 pixels of the crop), or the ellipse of the template."""
    if outline is not None:
        drawn = np.zeros((side, side), np.uint8)
        # 4 binary places behind the point; the middle of OpenCV's first pixel is at (0, 0).
        cv2.fillPoly(drawn, [np.rint((np.asarray(outline) - 0.5) * 16).astype(np.int32)], 1, shift=4)
        return np.asarray(drawn > 0)
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) * SIDE / side] * 2)
    return np.asarray(((x - 56) / 36) ** 2 + ((y - 70) / 42) ** 2 <= 1)


def size_of(interocular_px: Any) -> Array:
    """Size: d / (d + 12) for d pixels of the frame between the eyes: half at 12, 0.75 at 36, 0.88 at 90.

    ISO/IEC 19794-5 asks for 90 pixels between the eyes; recognition suffers below 8.
    """
    d = np.maximum(np.asarray(interocular_px, np.float64), 0)
    return np.asarray(d / (d + _HALF_SIZE_PX))


def sharpness_of(luma: NDArray[Any], mask: Mask) -> float:
    """Sharpness: how much steeper edges are than after a blur of 1.5 pixels, in the worst direction.

    The gradient of a nearly unblurred copy is held against that of a blurred one, projected on it, over the
    40 % of the face where the latter is steepest. Noise has no direction in common with the edge under it
    and averages out (what is left of it is subtracted); a change of brightness or contrast cancels. Motion
    blurs one direction only, so the smallest ratio of all directions counts: the smaller generalised
    eigenvalue of the two tensors. A ratio of 1 + x gives x^2 / (x^2 + 0.04): 0 without detail of the size of
    a pixel, a half where edges get 1.2 times as steep, 0.8 where 1.4 times.

    The idea of re-blurring is that of F. Crete et al., "The blur effect: perception and estimation with a
    new no-reference perceptual blur metric" (2007); they add up absolute differences, which noise raises.

    Args:
        luma: side x side grey levels.
        mask: pixels of the face.

    Returns:
        In [0, 1]; NaN where the mask is nearly empty; 0 on a face without edges.
    """
    grey = luma.astype(np.float32)
    coarse = _gradient(cv2.GaussianBlur(grey, (0, 0), _COARSE))
    if mask.sum() < LEAST_PIXELS:
        return float("nan")
    steep = np.hypot(*coarse)
    edges = mask & (steep >= np.percentile(steep[mask], _EDGES_FROM))
    c = np.stack([axis[edges] for axis in coarse]).astype(np.float64)
    f = np.stack([axis[edges] for axis in _gradient(cv2.GaussianBlur(grey, (0, 0), _FINE))])
    count, eye = c.shape[1], np.eye(2)
    noise = noise_level(grey, mask) ** 2 * eye
    both = f @ c.T / count
    fine, soft = (both + both.T) / 2 - _FINE_NOISE * noise, c @ c.T / count - _COARSE_NOISE * noise
    if np.trace(soft) < _FLAT**2:
        return 0.0
    # A direction with hardly any edges proves nothing: it is drawn towards "not sharp".
    prior = 0.01 * np.trace(soft) * eye
    values, vectors = np.linalg.eigh(soft + prior)
    white = vectors / np.sqrt(np.maximum(values, prior[0, 0]))
    ratio = float(np.linalg.eigvalsh(white.T @ (fine + prior) @ white)[0])
    gain = max(ratio - 1, 0) ** 2
    return gain / (gain + _HALF_SHARP**2)


def noise_level(luma: NDArray[Any], mask: Mask) -> float:
    """Standard deviation of the noise in grey levels, from the flatter half of the face; NaN without one.

    J. Immerkaer, "Fast noise variance estimation" (1996), with the median in place of the mean: the mask
    that cancels linear shading, on pixels without strong edges. Fine texture counts as noise.
    """
    if mask.sum() < LEAST_PIXELS:
        return float("nan")
    grey = luma.astype(np.float32)
    steep = np.hypot(*_gradient(cv2.GaussianBlur(grey, (0, 0), _COARSE)))
    flat = mask & (steep <= np.median(steep[mask]))
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, _KERNEL)[flat])
    return float(np.median(rough)) / 0.6745 / 6


def cleanness_of(luma: NDArray[Any], mask: Mask) -> float:
    """Freedom from noise: 1 / (1 + (s / 12)^2) for noise of s grey levels; NaN on crops below 48 pixels."""
    if len(luma) < NOISE_FROM_SIDE:
        return float("nan")
    return 1 / (1 + (noise_level(luma, mask) / _HALF_NOISE) ** 2)


def exposure_of(luma: NDArray[Any], mask: Mask) -> float:
    """Exposure: 1 less the share of the face that is under- or over-exposed; NaN where the mask is empty.

    OFIQ counts grey levels up to 25 and from 247; here a pixel counts in full at 8 and at 255, not at all
    from 32 to 239, and in part between. Black skin, well lit, has 35 and more.
    """
    if mask.sum() < LEAST_PIXELS:
        return float("nan")
    values = luma[mask].astype(np.float64)
    lost = np.interp(values, (_BLACK, _DARK, _BRIGHT, _WHITE), (1, 0, 0, 1))
    return float(1 - lost.mean())


def contrast_of(luma: NDArray[Any], mask: Mask) -> float:
    """Contrast: grey levels between the 5th and 95th percentile of the face, 80 and more give 1.

    After a slight blur, so that noise is not taken for contrast. (OFIQ's dynamic range is the entropy of
    the histogram, which noise raises.)
    """
    if mask.sum() < LEAST_PIXELS:
        return float("nan")
    values = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1.0)[mask]
    low, high = np.percentile(values, (5, 95))
    return float(np.clip((high - low) / _FULL_RANGE, 0, 1))


def light_of(luma: NDArray[Any], mask: Mask, points: NDArray[Any]) -> float:
    """Evenness of light: 1 where both cheeks are as bright, a third less for each stop between them.

    As OFIQ's illumination uniformity, both cheeks are compared; here by the median of linear light between
    eye, nose tip and corner of the mouth, in stops, which neither noise nor exposure change.

    Args:
        points: 5 x 2 landmarks in pixels of the crop.

    Returns:
        In [0, 1]; NaN where a cheek cannot be seen.
    """
    cheeks = np.asarray(points, np.float64)[[(0, 2, 3), (1, 2, 4)]]
    spans = np.abs(np.linalg.det(np.diff(cheeks, axis=1)))
    if not spans.min() >= _LEAST_CHEEK * spans.max():
        return float("nan")
    stops = []
    for corners in cheeks:
        cheek = face_mask(len(luma), corners) & mask
        if 2 * cheek.sum() < LEAST_PIXELS:
            return float("nan")
        stops.append(np.log2((np.median(luma[cheek]) / 255) ** 2.2 + 0.002))
    return float(np.clip(1 - abs(stops[0] - stops[1]) / _DARKEST_STOPS, 0, 1))


def frontality(angles: NDArray[Any]) -> Array:
    """Pose: cos^2 of yaw times cos^2 of pitch, as OFIQ maps its angles; roll does not matter.

    Args:
        angles: n x 3 degrees: yaw, pitch, roll.

    Returns:
        n in [0, 1]: 0.93 at 15 degrees, 0.5 at 45, 0 at 90 and beyond; NaN where an angle is.
    """
    cosines = np.maximum(np.cos(np.deg2rad(np.asarray(angles, np.float64)[:, :2])), 0)
    return np.asarray((cosines**2).prod(axis=1))


def combine(parts: Mapping[str, NDArray[Any]]) -> Array:
    """One score: the geometric mean of the measures, weighted by `WEIGHTS`.

    A face is as good as its worst side, so measures multiply; a part below 0.01 counts as 0.01. What was
    not measured (absent or NaN) is left out, so scores are comparable where the same was measured. NaN where
    size or sharpness is missing: then nobody looked at the face.

    Args:
        parts: name without "quality_" -> n values in [0, 1]; other names than those of `WEIGHTS` are ignored.
    """
    known = [(np.asarray(parts[name], np.float64), weight) for name, weight in WEIGHTS if name in parts]
    total = sum(np.where(np.isfinite(part), weight, 0) for part, weight in known)
    logs = sum(
        np.where(np.isfinite(part), np.log(np.clip(np.nan_to_num(part), _LEAST_PART, 1)) * weight, 0)
        for part, weight in known
    )
    seen = np.isfinite(parts["size"]) & np.isfinite(parts["sharpness"])
    return np.where(seen, np.exp(logs / np.maximum(total, 1e-9)), np.nan)


def _gradient(grey: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Grey levels a pixel to the right and down."""
    return (
        np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)),
        np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)),
    )
