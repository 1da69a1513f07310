"""Compose clean training canvases with known faces from the packed pictures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from texture import texture

Image = NDArray[np.uint8]
Faces = NDArray[np.float32]  # (n, 15): xyxy box, five points, score
NO_FACES: Faces = np.zeros((0, 15), np.float32)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A clean picture and the faces that were put there (some may be partly outside or covered)."""

    image: Image
    faces: Faces


class Pack:
    """The packed pictures of one part, read through a memory map."""

    def __init__(self, folder: Path, part: str) -> None:
        rows: list[dict[str, Any]] = json.loads((folder / "items.json").read_text())
        self._pixels = np.memmap(folder / "pixels.bin", np.uint8, "r")
        self._rows = [row for row in rows if row["part"] == part]
        self._groups: dict[str, list[list[int]]] = {}
        for kind in ("frame", "free", "crowd", "face"):
            names: dict[str, list[int]] = {}
            for index, row in enumerate(self._rows):
                if row["kind"] == kind:
                    names.setdefault(row["name"].split("/")[0] if kind == "face" else row["name"], []).append(
                        index
                    )
            self._groups[kind] = list(names.values())

    def draw(self, kind: str, rng: np.random.Generator) -> tuple[Image, Faces]:
        """A random picture of a kind: first a clip (or set), then one of its pictures."""
        groups = self._groups[kind] or self._groups["frame"]
        group = groups[rng.integers(len(groups))]
        row = self._rows[group[rng.integers(len(group))]]
        height, width, depth = row["shape"]
        size = height * width * depth
        image = np.asarray(self._pixels[row["offset"] : row["offset"] + size]).reshape(height, width, depth)
        return image, np.array(row["faces"], np.float32).reshape(-1, 15)


def similarity(
    scale: float, degrees: float, source: tuple[float, float], goal: tuple[float, float]
) -> NDArray[np.float64]:
    """2 x 3 matrix that scales, turns and carries `source` to `goal`."""
    turn = math.radians(degrees)
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    return np.array(
        [[a, -b, goal[0] - a * source[0] + b * source[1]], [b, a, goal[1] - b * source[0] - a * source[1]]]
    )


def move_faces(faces: Faces, matrix: NDArray[np.float64]) -> Faces:
    """Faces under a similarity; the box becomes the bounds of the turned ellipse in the old box."""
    if not len(faces):
        return faces
    a, b = matrix[0, 0], matrix[1, 0]
    centre = (faces[:, :2] + faces[:, 2:4]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (faces[:, 2:4] - faces[:, :2]) / 2
    moved_half = np.stack(
        [np.hypot(a * half[:, 0], b * half[:, 1]), np.hypot(b * half[:, 0], a * half[:, 1])], 1
    )
    points = faces[:, 4:14].reshape(-1, 5, 2) @ matrix[:, :2].T + matrix[:, 2]
    out = [centre - moved_half, centre + moved_half, points.reshape(-1, 10), faces[:, 14:]]
    return np.concatenate(out, 1).astype(np.float32)


def cover(matrix: NDArray[np.float64], shape: tuple[int, ...], size: int) -> NDArray[np.float64]:
    """Shift the matrix so that the picture covers the canvas, or lies inside it where it is smaller."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix[:, :2].T + matrix[:, 2]
    ends = np.stack([size - corners.max(0), -corners.min(0)])
    moved = matrix.copy()
    moved[:, 2] += np.clip(0, ends.min(0), ends.max(0))
    return moved


def warp(image: Image, matrix: NDArray[np.float64], size: int, border: int, fill: int = 0) -> Image:
    """Warp to a square; a strong shrink is done by area first so that it does not alias."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if scale < 0.7:
        width, height = (max(2, round(side * scale)) for side in image.shape[1::-1])
        ratio = np.array([image.shape[1] / width, image.shape[0] / height, 1.0])
        image, matrix = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), matrix * ratio
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(fill, fill, fill)
    )


def random_angle(rng: np.random.Generator) -> float:
    """Mostly upright, a third turned up to 45 degrees."""
    return float(rng.uniform(-45, 45) if rng.random() < 0.33 else rng.normal(0, 6))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def frame_view(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """A zoomed, turned part of a real frame or crowd: a face of 8 px up to the full side, or any place."""
    pick = rng.random()
    image, faces = pack.draw("crowd" if pick < 0.25 else "free" if pick < 0.3 else "frame", rng)
    height, width = image.shape[:2]
    scale = log_uniform(rng, 0.5, 1.4) * size / min(height, width)
    source = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    if rng.random() < (0.5 if size >= 512 else 0.15):
        scale = 640 / width  # as a frame is seen in use
    elif len(faces) and rng.random() < 0.85:
        face = faces[rng.integers(len(faces))]
        tall = max(face[3] - face[1], 4.0)
        ceiling = min(size * 1.05, tall * (2.5 if pick < 0.25 else 4))
        scale = log_uniform(rng, min(max(9.0, 0.2 * tall), ceiling / 1.2), ceiling) / tall
        source = (float(face[0] + face[2]) / 2, float(face[1] + face[3]) / 2)
    goal = (float(rng.uniform(0.15, 0.85)) * size, float(rng.uniform(0.15, 0.85)) * size)
    matrix = similarity(scale, random_angle(rng), source, goal)
    if rng.random() < 0.75:
        matrix = cover(matrix, image.shape, size)
    border = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)[
        rng.choice(3, p=[0.6, 0.25, 0.15])
    ]
    fill = int(rng.integers(0, 256)) if rng.random() < 0.4 else 0
    return Canvas(warp(image, matrix, size, border, fill), move_faces(faces, matrix))


def portrait_view(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """One large face, 0.25 to 0.95 of the side, from a frame or a crop, with its natural surroundings."""
    image, faces = pack.draw("face" if rng.random() < 0.6 else "frame", rng)
    if not len(faces):
        return frame_view(pack, size, rng)
    if rng.random() < (0.4 if size >= 512 else 0.1):  # a picture as it is, enlarged to the detector's width
        scale = size / image.shape[1] * float(rng.uniform(0.9, 1.1))
        middle = (image.shape[1] / 2, image.shape[0] / 2)
        matrix = similarity(scale, float(rng.normal(0, 2)), middle, (size / 2, size / 2))
        return Canvas(warp(image, matrix, size, cv2.BORDER_CONSTANT), move_faces(faces, matrix))
    face = faces[rng.integers(len(faces))]
    goal_height = float(rng.uniform(0.25, 0.95)) * size
    room = 0.5 - 0.45 * goal_height / size
    goal = (float(0.5 + rng.uniform(-room, room)) * size, float(0.5 + rng.uniform(-room, room)) * size)
    source = (float(face[0] + face[2]) / 2, float(face[1] + face[3]) / 2)
    angle = random_angle(rng) if rng.random() < 0.6 else float(rng.normal(0, 3))
    matrix = similarity(goal_height / max(float(face[3] - face[1]), 4.0), angle, source, goal)
    border = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE)[rng.integers(2)]
    return Canvas(warp(image, matrix, size, border), move_faces(faces, matrix))


def grid_view(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """A 2 x 2 or 3 x 3 board of smaller frame views."""
    count = int(rng.integers(2, 4))
    side = -(-size // count)
    image, faces = np.zeros((side * count, side * count, 3), np.uint8), [NO_FACES]
    for index in range(count * count):
        x, y = index % count * side, index // count * side
        part = frame_view(pack, side, rng)
        image[y : y + side, x : x + side] = part.image
        inside = cut_faces(part.faces, side, 0.6)
        faces.append(move_faces(inside, similarity(1, 0, (0, 0), (x, y))))
    return Canvas(np.ascontiguousarray(image[:size, :size]), np.concatenate(faces))


def cut_faces(faces: Faces, size: int, share: float) -> Faces:
    """The faces of which at least `share` of the box lies inside a square canvas."""
    if not len(faces):
        return faces
    inside = np.clip(faces[:, 2:4], 0, size) - np.clip(faces[:, :2], 0, size)
    return faces[inside.prod(1) >= share * (faces[:, 2:4] - faces[:, :2]).prod(1)]


def background(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """A texture, a face-free frame, or a real frame with its own faces."""
    pick = rng.random()
    if pick < 0.3:
        return Canvas(texture(size, rng), NO_FACES)
    if pick < 0.5:
        image, _ = pack.draw("free", rng)
        matrix = similarity(
            log_uniform(rng, 0.4, 2),
            random_angle(rng) * 2,
            (float(rng.uniform(0, image.shape[1])), float(rng.uniform(0, image.shape[0]))),
            (size / 2, size / 2),
        )
        return Canvas(warp(image, matrix, size, cv2.BORDER_REFLECT_101), NO_FACES)
    return frame_view(pack, size, rng)


def paste_face(
    canvas: Canvas,
    crop: tuple[Image, Faces],
    face_height: float,
    rng: np.random.Generator,
    spot: tuple[float, float] | None = None,
) -> Canvas:
    """Paste one turned crop at a spot or anywhere, hard square or soft ellipse; faces under it go."""
    image, face = crop
    size = canvas.image.shape[0]
    scale = face_height / max(float(face[0, 3] - face[0, 1]), 1.0)
    side = max(8, math.ceil(max(image.shape[:2]) * scale * 1.1))
    if side > 2 * size:
        return canvas
    local = similarity(
        scale, random_angle(rng), (image.shape[1] / 2, image.shape[0] / 2), (side / 2, side / 2)
    )
    patch = warp(image, local, side, cv2.BORDER_REPLICATE)
    mask = paste_mask(image.shape[:2], local, side, rng)
    if spot is None:
        x, y = (int(v) for v in rng.integers(-side // 4, max(size - side * 3 // 4, 1 - side // 4), 2))
    else:
        x, y = int(spot[0] - side / 2), int(spot[1] - side / 2)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + side, size), min(y + side, size)
    if x1 <= x0 or y1 <= y0:
        return canvas
    part, alpha = patch[y0 - y : y1 - y, x0 - x : x1 - x], mask[y0 - y : y1 - y, x0 - x : x1 - x, None]
    region = canvas.image[y0:y1, x0:x1]
    canvas.image[y0:y1, x0:x1] = (region + (part.astype(np.float32) - region) * alpha).astype(np.uint8)
    placed = move_faces(move_faces(face, local), similarity(1, 0, (0, 0), (x, y)))
    return Canvas(canvas.image, np.concatenate([uncovered(canvas.faces, (x0, y0, x1, y1)), placed]))


def uncovered(faces: Faces, area: tuple[int, int, int, int]) -> Faces:
    """Faces of which less than a quarter is under the rectangle."""
    if not len(faces):
        return faces
    low, high = np.maximum(faces[:, :2], area[:2]), np.minimum(faces[:, 2:4], area[2:])
    return faces[np.clip(high - low, 0, None).prod(1) < 0.25 * (faces[:, 2:4] - faces[:, :2]).prod(1)]


def paste_mask(
    shape: tuple[int, int], local: NDArray[np.float64], side: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Alpha of a pasted crop: its turned square, hard or feathered, or an ellipse."""
    mask = np.zeros((side, side), np.uint8)
    height, width = shape
    if rng.random() < 0.6:
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ local[:, :2].T + local[:, 2]
        cv2.fillConvexPoly(mask, corners.round().astype(np.int32), 255)
    else:
        axes = (int(side * rng.uniform(0.36, 0.46)), int(side * rng.uniform(0.4, 0.48)))
        cv2.ellipse(mask, (side // 2, side // 2), axes, 0, 0, 360, 255, -1)
    if rng.random() < 0.6:
        width_px = max(1, int(side * rng.uniform(0.02, 0.1)))
        mask = cv2.blur(mask, (width_px, width_px))
    return mask.astype(np.float32) / 255


def mosaic(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """Many face crops, 8 to 200 px high, on a background."""
    canvas = background(pack, size, rng)
    canvas = Canvas(canvas.image.copy(), cut_faces(canvas.faces, size, 0.6))
    mode = rng.random() * (1.3 if size >= 512 else 1.0)
    low, high = (8.0, 40.0) if mode < 0.4 else (8.0, 200.0) if mode < 0.8 else (40.0, 0.8 * size)
    count = int(rng.integers(4, 22)) if mode < 0.4 else int(rng.integers(1, 9))
    for height in sorted((log_uniform(rng, low, high) for _ in range(count)), reverse=True):
        canvas = paste_face(canvas, pack.draw("face", rng), height, rng)
    return canvas


def dense_crowd(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """Rows of tiny faces close together, 8 to 26 px high, nearer rows over farther ones."""
    canvas = background(pack, size, rng)
    canvas = Canvas(
        canvas.image.copy(), NO_FACES if rng.random() < 0.5 else cut_faces(canvas.faces, size, 0.6)
    )
    tall = log_uniform(rng, 8.5, 22.0)
    pitch = tall * rng.uniform(1.1, 1.7)
    top = int(rng.uniform(0, 0.5) * size)
    crops = [pack.draw("face", rng) for _ in range(24)]  # a draw costs more than a paste
    for y in np.arange(top, size, pitch * rng.uniform(0.9, 1.4)):
        for x in np.arange(rng.uniform(0, pitch), size, pitch):
            if rng.random() < 0.75:
                spot = (x + rng.normal(0, 0.1) * pitch, y + rng.normal(0, 0.1) * pitch)
                crop = crops[rng.integers(len(crops))]
                canvas = paste_face(canvas, crop, tall * rng.uniform(0.85, 1.2), rng, spot)
    return canvas


def compose(pack: Pack, size: int, rng: np.random.Generator) -> Canvas:
    """One clean canvas of a random kind, with mild colour change."""
    pick = rng.random() * (0.66 if size >= 512 else 1.0)  # the largest canvases are for the largest faces
    if pick < 0.4:
        canvas = portrait_view(pack, size, rng)
    elif pick < 0.46:
        canvas = dense_crowd(pack, size, rng) if size <= 384 else frame_view(pack, size, rng)
    elif pick < 0.66:
        canvas = frame_view(pack, size, rng)
    elif pick < 0.73:
        canvas = grid_view(pack, size, rng)
    elif pick < 0.94:
        canvas = mosaic(pack, size, rng)
    else:
        plain = background(pack, size, rng)
        canvas = plain if pick < 0.965 else Canvas(texture(size, rng), NO_FACES)
    if rng.random() < 0.5:
        table = 255 * (np.arange(256)[:, None] / 255) ** rng.uniform(0.7, 1.4) * rng.uniform(0.85, 1.12, 3)
        image = cv2.LUT(np.ascontiguousarray(canvas.image), np.clip(table, 0, 255).astype(np.uint8)[None])
        canvas = Canvas(image, canvas.faces)
    canvas = Canvas(canvas.image, cut_faces(canvas.faces, size, 0.5))
    return mirror(canvas) if rng.random() < 0.5 else canvas


def mirror(canvas: Canvas) -> Canvas:
    """The canvas seen in a mirror, left and right landmarks swapped."""
    side, faces = canvas.image.shape[1], canvas.faces.copy()
    faces[:, [0, 2]] = side - canvas.faces[:, [2, 0]]
    points = canvas.faces[:, 4:14].reshape(-1, 5, 2)[:, [1, 0, 2, 4, 3]].copy()
    points[..., 0] = side - points[..., 0]
    faces[:, 4:14] = points.reshape(-1, 10)
    return Canvas(np.ascontiguousarray(canvas.image[:, ::-1]), faces)
