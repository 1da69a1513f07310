"""The held-out material as the network sees it (640 wide), and the conditions it is spoiled by."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import degrade
import numpy as np
import split
from canvas import move_faces, similarity
from labels import labelled
from numpy.typing import NDArray
from pack import fit_width, read_clip

sys.path.append(str(Path(__file__).resolve().parents[1]))
from skintone import typology_angle

Image = NDArray[np.uint8]
Faces = NDArray[np.float32]
WIDTH = 640


@dataclass(frozen=True, slots=True)
class Shot:
    """A held-out picture, 640 wide; `block`: clips, crowds, portraits or boards; `name`: clip or set."""

    image: Image
    block: str
    name: str
    crop: Image | None = None
    points: Faces | None = None


def clips(data: Path, every: int) -> Iterator[Shot]:
    """Every n-th frame of the held-out clips."""
    for name in split.TEST_CLIPS:
        for image in read_clip(data / "clips" / name, every):
            yield Shot(fit_width(image, WIDTH), "clips", name)


def crowds(data: Path) -> Iterator[Shot]:
    """The held-out crowd photographs."""
    for name in split.TEST_CROWDS:
        yield Shot(fit_width(cv2.imread(str(data / "crowds" / name)), WIDTH), "crowds", name)


def held_out_crops(folder: Path) -> Iterator[tuple[Image, Faces]]:
    """Face crops of held-out people with their five points."""
    for row, _, place in labelled(folder):
        if split.face_part(row["from"], place) == "test":
            yield cv2.imread(str(folder / row["file"])), np.array(row["points"], np.float32)


def portraits(data: Path) -> Iterator[Shot]:
    """Face crops of held-out people, enlarged to 640 wide; of the parliaments every third."""
    for face_set in split.FACE_SETS:
        step = 1 if face_set in {"web_portraits", "celeb_crops"} else 3
        for crop, points in list(held_out_crops(data / "faces" / face_set))[::step]:
            yield Shot(fit_width(crop, WIDTH), "portraits", face_set, crop, points)


def boards(data: Path) -> Iterator[Shot]:
    """Boards of 10 x 6 held-out crops with faces of about 8 to 30 px."""
    rng = np.random.default_rng(5)
    for face_set in split.FACE_SETS:
        crops = [crop for crop, _ in held_out_crops(data / "faces" / face_set)]
        for start in range(0, len(crops) - 59, 60):
            board = np.full((384, WIDTH, 3), rng.integers(0, 256, 3), np.uint8)
            for place, crop in enumerate(crops[start : start + 60]):
                side = int(math.exp(rng.uniform(math.log(18), math.log(64))))
                x, y = (
                    place % 10 * 64 + int(rng.integers(0, 65 - side)),
                    place // 10 * 64 + int(rng.integers(0, 65 - side)),
                )
                board[y : y + side, x : x + side] = cv2.resize(
                    crop, (side, side), interpolation=cv2.INTER_AREA
                )
            yield Shot(board, "boards", face_set)


def shots(data: Path, every: int) -> Iterator[Shot]:
    """All held-out pictures."""
    for make in (
        lambda: clips(data, every),
        lambda: crowds(data),
        lambda: portraits(data),
        lambda: boards(data),
    ):
        yield from make()


def blur(image: Image, _: np.random.Generator) -> Image:
    """Gaussian, sigma 2 px."""
    return cv2.GaussianBlur(image, (0, 0), 2.0)


def noise(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian, sigma 20 of 255."""
    return np.clip(image + 20 * rng.standard_normal(image.shape, np.float32), 0, 255).astype(np.uint8)


def jpeg(image: Image, _: np.random.Generator) -> Image:
    """JPEG, quality 20."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)


def low_light(image: Image, rng: np.random.Generator) -> Image:
    """A quarter of the light, and noise of sigma 4."""
    return np.clip(image * 0.25 + 4 * rng.standard_normal(image.shape, np.float32), 0, 255).astype(np.uint8)


def h264(image: Image, rng: np.random.Generator) -> Image:
    """H.264 at a random CRF of 28 to 43."""
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return degrade.h264(np.ascontiguousarray(even), rng)


def turn(image: Image, degrees: float) -> tuple[Image, NDArray[np.float64]]:
    """The picture turned about its centre, nothing enlarged; and the matrix that carries points along."""
    height, width = image.shape[:2]
    matrix = similarity(1, degrees, (width / 2, height / 2), (width / 2, height / 2))
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR), matrix


def turned_faces(faces: Faces, matrix: NDArray[np.float64], shape: tuple[int, ...]) -> Faces:
    """Faces carried along, without those whose centre left the picture."""
    moved = move_faces(faces, matrix)
    centre = (moved[:, :2] + moved[:, 2:4]) / 2
    return moved[((centre > 0) & (centre < (shape[1], shape[0]))).all(1)]


def moves(image: Image) -> dict[str, tuple[Image, NDArray[np.float64]]]:
    """The picture moved by a few pixels, and a tenth smaller; each with the matrix for points."""
    height, width = image.shape[:2]
    shift = np.array([[1, 0, 5], [0, 1, 3]], np.float64)
    small = cv2.resize(image, (round(width * 0.9), round(height * 0.9)), interpolation=cv2.INTER_AREA)
    scale = np.diag([small.shape[1] / width, small.shape[0] / height, 1])[:2]
    return {
        "shifted by (5, 3) px": (cv2.warpAffine(image, shift, (width, height)), shift),
        "scaled by 0.9": (small, scale),
    }


CONDITIONS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "blur sigma 2": blur,
    "noise sigma 20": noise,
    "JPEG q20": jpeg,
    "low light": low_light,
    "H.264 CRF 28-43": h264,
}


def skin_angle(crop: Image, points: Faces) -> float:
    """Individual typology angle (Chardon et al. 1991), degrees, of two cheek patches: larger is lighter."""
    eyes, nose, mouth = points[:2], points[2], points[3:]
    side = max(2, int(np.hypot(*(eyes[1] - eyes[0])) * 0.12))
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    patches = []
    for eye, corner in zip(eyes, mouth, strict=True):
        x, y = ((eye + corner) / 2 * 0.8 + (eye + corner - nose) * 0.2).astype(int)
        patches.append(lab[max(y - side, 0) : y + side, max(x - side, 0) : x + side].reshape(-1, 3))
    return typology_angle(np.concatenate(patches))
