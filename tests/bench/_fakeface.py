"""One person's inner face put onto another's by their meshes: the fakes that the checks are tried on.

Nothing here is used to train a check: those see single pictures blended with themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.vision.facecrop import aligned, region_of, scale_of
from vidface.vision.meshflow import mesh_field, unit_of
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.meshtopology import FACE_OVAL, LIPS_INNER
from vidface.vision.rigid import angles_of

Picture = NDArray[np.uint8]
Layer = NDArray[np.float32]
Blend = Literal["poisson", "feather"]

LARGEST: Final = 224
"""Side of the square that is worked on, at most; many networks that swap faces work at that or less."""
_ROOM: Final = 1.6
"""Side of the square over the extent of the mesh."""
_STAYS: Final = 0.4
"""Another picture of the source is taken where it is nearer by so much."""
_TURN: Final = 12.0
"""Degrees that count as much as a mouth opened by a tenth of the eyes' distance."""


class Looks(NamedTuple):
    """Pictures of one person.

    Attributes:
        pictures: k x s x s x 3 uint8 RGB.
        meshes: k x 478 x 3, pixels of these.
    """

    pictures: Picture
    meshes: Layer

    def save(self, path: Path) -> None:
        """Write a .npz file."""
        np.savez_compressed(path, pictures=self.pictures, meshes=self.meshes)

    @classmethod
    def load(cls, path: Path) -> Looks:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["pictures"], arrays["meshes"])


def square_of(mesh: Any) -> tuple[NDArray[np.float64], int]:
    """Frame -> pixels of an upright square around a mesh that is not enlarged: 2 x 3 and its side."""
    flat = np.asarray(mesh, np.float64)[:, :2]
    low, high = flat.min(0), flat.max(0)
    side = _ROOM * float((high - low).max())
    pixels = max(16, min(LARGEST, round(side)))
    middle = (low + high) / 2
    return np.column_stack([np.eye(2) * (pixels / side), pixels / 2 - middle * (pixels / side)]), pixels


def cut_of(frame: Frame, matrix: NDArray[np.float64], side: int) -> Picture:
    """The square of a frame; beyond the frame its edge goes on."""
    region = region_of(frame, matrix, side)
    if region is None:
        return np.zeros((side, side, 3), np.uint8)
    return np.asarray(aligned(region.pixels, region.matrix(matrix), side), np.uint8)


def moved(mesh: Any, matrix: NDArray[np.float64]) -> Layer:
    """A mesh through a similarity."""
    points = np.asarray(mesh, np.float64)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.column_stack([flat, points[:, 2] * scale_of(matrix)]).astype(np.float32)


class Swapper:
    """Puts the face of `looks` onto others.

    Args:
        looks: of the person whose face is put in.
        model: the mesh model.
        shape: how much of the source's shape comes along, 0 to 1; at the rim of the face always none.
        blend: how the seam is hidden.
    """

    def __init__(self, looks: Looks, model: MeshModel, *, shape: float = 0.7, blend: Blend = "poisson"):
        self._looks, self._model, self._blend, self._shape = looks, model, blend, shape
        self._fitter = MeshFitter(model)
        own = self._fitter.fit(looks.meshes)
        self._identity = np.median(own.identity, axis=0)
        self._states = np.stack([_state(mesh, model) for mesh in looks.meshes])
        self._chosen = -1
        self._target: NDArray[np.float64] | None = None

    def __call__(self, picture: Picture, mesh: Any) -> Picture:
        """The picture with the other face; both in pixels of the same square.

        Args:
            picture: s x s x 3 RGB. mesh: 478 x 3.
        """
        side = picture.shape[0]
        target = self._shaped(np.asarray(mesh, np.float64))
        source, points = self._source(mesh, side)
        field = mesh_field(points, target, model=self._model, size=(side, side))
        x, y = cv2.split(field.places - np.float32(0.5))
        warped = cv2.remap(source, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        face = np.asarray(warped, np.uint8)
        mask = _mask(target, side)
        if not mask.any():
            return picture
        face = _coloured(face, picture, mask)
        if self._blend == "poisson":
            return _poisson(face, picture, mask)
        soft = _soft(mask, feather=0.12 * unit_of(target))[..., None]
        mixed = picture + soft * (face.astype(np.float32) - picture)
        return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)

    def _shaped(self, mesh: NDArray[np.float64]) -> Layer:
        """The target's mesh with some of the source's shape, less and less towards its rim."""
        fit = self._fitter.fit(mesh[None])
        if self._target is None:
            self._target = fit.identity[0]
        self._target = 0.9 * self._target + 0.1 * fit.identity[0]
        way = np.tensordot(self._identity - self._target, self._model.identity.astype(np.float64), 1)
        turned = way @ fit.similarity.rotations[0].T * fit.similarity.scales[0]
        rim = self._model.mean[list(FACE_OVAL)]
        far = np.linalg.norm(self._model.mean[:, None, :2] - rim[None, :, :2], axis=2).min(1)
        weight = self._shape * np.clip(far / 0.35, 0, 1)[:, None]
        return np.asarray(mesh + weight * turned, np.float32)

    def _source(self, mesh: Any, side: int) -> tuple[Picture, Layer]:
        """The source's picture whose pose and mouth are nearest, brought to the square's scale."""
        away = np.linalg.norm(self._states - _state(mesh, self._model), axis=1)
        best = int(away.argmin())
        if self._chosen < 0 or away[best] + _STAYS < away[self._chosen]:
            self._chosen = best
        own = self._looks.meshes[self._chosen]
        scale = unit_of(mesh) / unit_of(own)
        middle = own[:, :2].mean(0)
        matrix = np.column_stack([np.eye(2) * scale, side / 2 - middle * scale])
        picture = aligned(self._looks.pictures[self._chosen], matrix, side)
        return np.asarray(picture, np.uint8), moved(own, matrix)


def _state(mesh: Any, model: MeshModel) -> NDArray[np.float64]:
    """Turn of the head and opening of the mouth, in steps that count alike."""
    points = np.asarray(mesh, np.float64)
    skull = model.place(points[None]).similarity
    yaw, pitch, _ = angles_of(skull.rotations)[0]
    gap = np.linalg.norm(points[13] - points[14]) / unit_of(points)
    return np.array([yaw / _TURN, pitch / _TURN, 10 * gap])


def _mask(mesh: Layer, side: int) -> Layer:
    """The inner face, brow to chin, without the opening of the mouth: 0 or 1."""
    mask = np.zeros((side, side), np.float32)
    inner = mesh[list(FACE_OVAL), :2]
    inner = inner.mean(0) + 0.92 * (inner - inner.mean(0))
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(inner).astype(np.int32)), 1.0)
    cv2.fillPoly(mask, [np.rint(mesh[list(LIPS_INNER), :2]).astype(np.int32)], 0.0)
    mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = 0
    return mask


def _soft(mask: Layer, *, feather: float) -> Layer:
    """The mask eroded and blurred, so that it ends within itself."""
    reach = max(1, round(feather))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.GaussianBlur(cv2.erode(mask, kernel), (0, 0), max(0.5, feather / 1.5)), np.float32)


def _coloured(face: Picture, picture: Picture, mask: Layer) -> Picture:
    """The face with mean and spread of the picture's colours within the mask, channel by channel."""
    inside = mask[::2, ::2] > 0
    if not inside.any():
        return face
    here, there = face[::2, ::2][inside], picture[::2, ::2][inside]
    # A beard or deep shadow changes the spread for good reasons: it is followed half-way at most.
    gain = np.clip(there.std(0) / (here.std(0) + 1e-3), 0.7, 1.4).astype(np.float32)
    moved_to = (face - here.mean(0).astype(np.float32)) * gain + there.mean(0).astype(np.float32)
    return np.asarray(np.clip(moved_to, 0, 255), np.uint8)


def _poisson(face: Picture, picture: Picture, mask: Layer) -> Picture:
    """Gradients of the face, border of the picture (P. Pérez et al., "Poisson image editing", 2003)."""
    x, y, wide, high = cv2.boundingRect((mask > 0).astype(np.uint8))
    centre = (x + wide // 2, y + high // 2)
    # OpenCV puts the middle of the mask's bounding box at the centre that is given.
    where = (mask > 0).astype(np.uint8) * 255
    return np.asarray(cv2.seamlessClone(face, picture, where, centre, cv2.NORMAL_CLONE), np.uint8)
