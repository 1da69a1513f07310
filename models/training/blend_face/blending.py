"""Self-blended pictures: a face put into itself, with a seam as a swapped face has one.

After the idea of K. Shiohara and T. Yamasaki, "Detecting deepfakes with self-blended images" (CVPR 2022):
two views of one picture differ in colour, sharpness, coding, noise and a slight shift; a soft mask made from
the mesh mixes them. Nothing of any other person and no swapping method is in it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshtopology import (
    BROW_LEFT,
    BROW_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    FACE_OVAL,
    LIPS_OUTER,
    NOSE,
    NOSTRILS,
)

Image = NDArray[np.uint8]
Float = NDArray[np.float32]

LEAST_CHANGE = 4.0
"""Mean change inside the mask, in grey levels; blends that show less are made again."""
BANDS = 0.4
"""Share of blends that are mixed band by band."""
LEAST_CHANGE_BANDS = 2.0
"""The same where colours are those of the picture below."""
_CHIN = (152, 148, 377, 176, 400)
_SHAPES: dict[str, tuple[int, ...]] = {
    "face": FACE_OVAL,
    "inner": (*BROW_LEFT, *BROW_RIGHT, *LIPS_OUTER, *NOSTRILS, 205, 425, 199),
    "middle": (*EYE_LEFT, *EYE_RIGHT, *BROW_LEFT, *BROW_RIGHT, *LIPS_OUTER, *_CHIN),
    "mouth": (*LIPS_OUTER, *_CHIN, 2),
    "eyes": (*EYE_LEFT, *EYE_RIGHT, *BROW_LEFT, *BROW_RIGHT),
    "nose": (*NOSE, *NOSTRILS),
}
_CHANCES = (0.40, 0.17, 0.2, 0.13, 0.07, 0.03)


class Pair(NamedTuple):
    """A picture and its blended twin.

    real, fake: the two pictures. mask: of the fake, 0..1, how much of each pixel was put in.
    """

    real: Image
    fake: Image
    mask: Float


def blended(image: Image, mesh: Float, rng: np.random.Generator) -> Pair:
    """The pair made of one face."""
    bands = rng.random() < BANDS
    least = LEAST_CHANGE_BANDS if bands else LEAST_CHANGE
    for _ in range(5):
        pair = _attempt(image, mesh, bands, rng)
        change = np.abs(pair.fake.astype(np.int16) - pair.real).mean(2)
        if float((change * pair.mask).sum() / (pair.mask.sum() + 1e-6)) >= least:
            break
    return pair


def _attempt(image: Image, mesh: Float, bands: bool, rng: np.random.Generator) -> Pair:
    other = altered(image, rng)
    put_in, below = (other, image) if rng.random() < 0.6 else (image, other)
    size = float(np.ptp(mesh, 0).max())
    mask = mask_of(mesh, image.shape[0], rng)
    share = mask * float(rng.choice([0.6, 0.8, 1, 1, 1, 1]))
    moved = shifted(put_in, mesh.mean(0), size, rng)
    if bands:
        mixed = by_bands(moved, below, share, rng)
    else:
        mixed = below + (moved.astype(np.float32) - below) * share[..., None]
    return Pair(below, np.clip(mixed + 0.5, 0, 255).astype(np.uint8), mask)


def by_bands(put_in: Image, below: Image, share: Float, rng: np.random.Generator) -> Float:
    """Mixed band by band (P. J. Burt and E. H. Adelson, ACM Trans. Graphics 1983), so that no colour steps.

    Mostly the coarsest bands are those of the picture below alone, as where colours are matched to the
    surroundings; what betrays the seam is then fine detail and place.
    """
    levels, coarse = int(rng.integers(3, 7)), int(rng.random() < 0.75)
    upper, lower = put_in.astype(np.float32), below.astype(np.float32)
    details: list[Float] = []
    for _ in range(levels):
        halves = cv2.pyrDown(upper), cv2.pyrDown(lower)
        size = upper.shape[1::-1]
        whole = [cv2.pyrUp(half, dstsize=size) for half in halves]
        details.append((upper - whole[0] - lower + whole[1]) * share[..., None] + lower - whole[1])
        upper, lower, share = halves[0], halves[1], cv2.pyrDown(share)
    mixed = lower if coarse else lower + (upper - lower) * share[..., None]
    for detail in reversed(details):
        mixed = cv2.pyrUp(mixed, dstsize=detail.shape[1::-1]) + detail
    return np.asarray(mixed, np.float32)


def mask_of(mesh: Float, side: int, rng: np.random.Generator) -> Float:
    """A soft mask of a part of the face: its hull, grown or shrunk, bent and blurred."""
    name = str(rng.choice(list(_SHAPES), p=_CHANCES))
    points = mesh[list(_SHAPES[name])]
    size = float(np.ptp(mesh, 0).max())
    centre = points.mean(0)
    grow = rng.uniform(0.85, 1.08, 2) if name == "face" else rng.uniform(0.9, 1.3, 2)
    hull = cv2.convexHull(((points - centre) * grow + centre).astype(np.float32))
    mask = np.zeros((side, side), np.float32)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    mask = bent(mask, size * float(rng.uniform(0, 0.06)), rng)
    width = size * float(np.exp(rng.uniform(np.log(0.006), np.log(0.1))))
    mask = cv2.GaussianBlur(mask, (0, 0), width)
    if rng.random() < 0.3:  # the soft edge moves inward, as where masks are eroded before the blur
        mask = np.clip(mask * 2 - 1, 0, 1)
    return np.asarray(mask, np.float32)


def bent(picture: NDArray[np.generic], reach: float, rng: np.random.Generator) -> NDArray[np.generic]:
    """A smooth random distortion by `reach` pixels or so."""
    side, knots = picture.shape[0], int(rng.integers(3, 7))
    field = cv2.resize(
        rng.normal(0, reach, (knots, knots, 2)).astype(np.float32),
        (side, side),
        interpolation=cv2.INTER_CUBIC,
    )
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    return cv2.remap(picture, columns + field[..., 0], rows + field[..., 1], cv2.INTER_LINEAR)


def shifted(image: Image, centre: Float, size: float, rng: np.random.Generator) -> Image:
    """Moved, turned and scaled a little about the face's middle; now and then bent."""
    angle, scale = float(rng.normal(0, 1.8)), float(np.exp(rng.normal(0, 0.035)))
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, scale)
    matrix[:, 2] += rng.normal(0, 0.02, 2) * size
    out = cv2.warpAffine(
        image, matrix, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        out = bent(out, size * float(rng.uniform(0.004, 0.03)), rng)
    return np.asarray(out, np.uint8)


def altered(image: Image, rng: np.random.Generator) -> Image:
    """Another view of the picture: one or more of colour, sharpness, coding, noise."""
    wanted = rng.random(4) < (0.65, 0.6, 0.25, 0.2)
    if not wanted.any():
        wanted[rng.integers(2)] = True
    for step, want in zip((colours, sharpness, coded, grain), wanted, strict=True):
        if want:
            image = step(image, rng)
    return image


def colours(image: Image, rng: np.random.Generator) -> Image:
    """Gain, offset and gamma by channel, saturation, or a light that comes from one side."""
    strong = float(rng.choice([0.5, 1.0, 1.6]))
    gain = 1 + rng.normal(0, 0.05, 3) * strong + rng.normal(0, 0.06) * strong
    curve = (np.arange(256)[:, None] / 255) ** np.exp(rng.normal(0, 0.1) * strong)
    table = 255 * curve * gain + rng.normal(0, 5, 3) * strong
    out = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.4:
        grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        keep = float(rng.uniform(0.6, 1.4))
        out = cv2.addWeighted(out, keep, grey, 1 - keep, 0)
    if rng.random() < 0.25:
        side = out.shape[0]
        light = cv2.resize(
            (1 + rng.normal(0, 0.1 * strong, (2, 2))).astype(np.float32),
            (side, side),
            interpolation=cv2.INTER_LINEAR,
        )
        out = np.clip(out * light[..., None], 0, 255).astype(np.uint8)
    return np.asarray(out, np.uint8)


def sharpness(image: Image, rng: np.random.Generator) -> Image:
    """Softer by a blur or by way of fewer pixels, or sharpened."""
    kind, side = rng.random(), image.shape[0]
    if kind < 0.5:
        small = int(side * rng.uniform(0.28, 0.85))
        little = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[rng.integers(3)]
        return np.asarray(cv2.resize(little, (side, side), interpolation=way), np.uint8)
    if kind < 0.75:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 2.5))), np.uint8)
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.7, 2.0)))
    extra = float(rng.uniform(0.4, 1.5))
    return np.asarray(cv2.addWeighted(image, 1 + extra, soft, -extra, 0), np.uint8)


def coded(image: Image, rng: np.random.Generator) -> Image:
    """JPEG at quality 25 to 85."""
    return jpeg(image, int(rng.integers(25, 85)))


def jpeg(image: Image, quality: int) -> Image:
    """Coded once."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def grain(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian noise, fine or coarse."""
    side = image.shape[0]
    fine = side if rng.random() < 0.6 else int(side / rng.uniform(1.2, 2.2))
    noise = rng.standard_normal((fine, fine, 3), np.float32) * np.float32(rng.uniform(1.5, 9))
    if fine != side:
        noise = cv2.resize(noise, (side, side))
    return np.clip(image + noise, 0, 255).astype(np.uint8)
