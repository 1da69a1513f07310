"""A shot: a moving backdrop, people moved by similarity transforms, things in front of them; its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from _portraits import MARGIN, Cutout, Portrait
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Array = NDArray[np.float32]
Image = NDArray[np.uint8]
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Premultiplied colour (H x W x 3, 0-255) and cover (H x W, 0-1) of something in front."""

    colour: Array
    cover: Array


@dataclass(frozen=True, slots=True)
class Key:
    """Where a face is: time in s, centre and upright box height in pixels, roll clockwise in degrees."""

    t: float
    x: float
    y: float
    face_px: float
    roll: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A person and the path of the face; `bob_px` and `bob_hz` are the sway of a walk at a 100 px face."""

    cutout: Cutout
    keys: tuple[Key, ...]
    bob_px: float
    bob_hz: float
    light: Callable[[float], tuple[float, float, float]]

    def at(self, t: float) -> Key:
        """The pose at `t`, through the keys without overshoot (monotone cubic)."""
        table = np.array([(k.t, k.x, k.y, k.face_px, k.roll) for k in self.keys])
        x, y, face, roll = PchipInterpolator(table[:, 0], table[:, 1:], axis=0)(t)
        bob = self.bob_px * face / 100.0 * np.sin(2 * np.pi * self.bob_hz * t)
        return Key(t, float(x), float(y + bob), float(face), float(roll))


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One take. `actors` and then `front` lie one before the other, the last one nearest to the viewer."""

    duration_s: float
    backdrop: Callable[[float, Size], Image]
    front: Callable[[float, Size], Layer]
    actors: tuple[Actor, ...]


def similarity(portrait: Portrait, key: Key) -> NDArray[np.float64]:
    """2 x 3 matrix from the portrait's pixels to the frame's."""
    x1, y1, x2, y2 = portrait.box
    scale, angle = key.face_px / (y2 - y1), np.deg2rad(key.roll)
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[c, -s], [s, c]])
    shift = np.array([key.x, key.y]) - linear @ np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return np.column_stack([linear, shift])


def render(shot: Shot, t: float, size: Size) -> tuple[Image, list[dict[str, Any]]]:
    """Draw the shot at `t` seconds. Returns the RGB frame (H x W x 3) and the faces in it."""
    poses = [actor.at(t) for actor in shot.actors]
    layers = [_warp(a, k, size) for a, k in zip(shot.actors, poses, strict=True)]
    layers.append(shot.front(t, size))
    canvas = shot.backdrop(t, size).astype(np.float32)
    for layer in layers:
        canvas = canvas * (1.0 - layer.cover[:, :, None]) + layer.colour
    faces = []
    for i, (actor, key) in enumerate(zip(shot.actors, poses, strict=True)):
        clear = np.prod([1.0 - layer.cover for layer in layers[i + 1 :]], axis=0)
        face = _truth(actor.cutout.portrait, key, clear)
        faces += [face] if face else []
    faces.sort(key=lambda f: int(f["id"]))
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), faces


def _warp(actor: Actor, key: Key, size: Size) -> Layer:
    cutout = actor.cutout
    matrix = similarity(cutout.portrait, key)
    level = cutout.level_for(float(np.hypot(matrix[0, 0], matrix[1, 0])))
    sx, sy = cutout.scales[level]
    # level -> portrait -> frame; then from our half-pixel centres to OpenCV's whole-pixel ones
    to_portrait = np.array([[1 / sx, 0, -MARGIN], [0, 1 / sy, 0], [0, 0, 1]])
    full = matrix @ to_portrait
    full[:, 2] += full[:, :2] @ np.array([0.5, 0.5]) - 0.5
    rgba = cv2.warpAffine(cutout.levels[level], full, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    light = np.array(actor.light(key.t), np.float32)
    cover = np.clip(rgba[:, :, 3] / 255.0, 0.0, 1.0).astype(np.float32)
    return Layer(np.minimum(rgba[:, :, :3] * light, 255.0 * cover[:, :, None]).astype(np.float32), cover)


def _truth(portrait: Portrait, key: Key, clear: Array) -> dict[str, Any] | None:
    """The face's record, or None if its box lies outside the frame.

    A face is taken as the ellipse within its upright box: turned, its bounding box stays as tight as a
    detector's, where the turned rectangle's would grow by a third at 25 degrees.
    """
    height, width = clear.shape
    matrix = similarity(portrait, key)
    bw, bh = portrait.box[2] - portrait.box[0], portrait.box[3] - portrait.box[1]
    half = np.hypot(matrix[:, 0] * bw / 2, matrix[:, 1] * bh / 2)
    x1, y1, x2, y2 = key.x - half[0], key.y - half[1], key.x + half[0], key.y + half[1]
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        return None
    xs, ys = np.arange(np.floor(x1), np.ceil(x2)), np.arange(np.floor(y1), np.ceil(y2))
    gx, gy = np.meshgrid(xs + 0.5 - key.x, ys + 0.5 - key.y)
    back = np.linalg.inv(matrix[:, :2])
    u, v = back[0, 0] * gx + back[0, 1] * gy, back[1, 0] * gx + back[1, 1] * gy
    inside = (2 * u / bw) ** 2 + (2 * v / bh) ** 2 <= 1.0
    seen = np.zeros(inside.shape)
    cols, rows = (xs >= 0) & (xs < width), (ys >= 0) & (ys < height)
    seen[np.ix_(rows, cols)] = clear[np.ix_(ys[rows].astype(int), xs[cols].astype(int))]
    points = np.array(portrait.points) @ matrix[:, :2].T + matrix[:, 2]
    return {
        "id": portrait.ident,
        "name": portrait.name,
        "box": [round(float(v), 2) for v in (x1, y1, x2, y2)],
        "landmarks": [[round(float(v), 2) for v in p] for p in points],
        "visible": round(max(0.0, float((seen * inside).sum() / inside.sum())), 2),
    }
