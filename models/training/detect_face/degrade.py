"""Spoil the student's view of a canvas; the teacher has seen the clean one."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def blur(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian, motion, or down and up again."""
    kind = rng.integers(3)
    if kind == 0:
        return cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 2.2)))
    if kind == 1:
        length = int(rng.integers(3, 10))
        kernel = np.zeros((length, length), np.float32)
        end = int(rng.integers(0, length))
        cv2.line(kernel, (0, end), (length - 1, length - 1 - end), 1.0, 1)
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    side = image.shape[0]
    small = cv2.resize(image, (int(side / rng.uniform(1.3, 3)),) * 2, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))


def noise(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian sensor noise, fine or coarse, grey or per channel."""
    coarse = 2 if rng.random() < 0.25 else 1
    side, depth = image.shape[0] // coarse, 1 if rng.random() < 0.3 else 3
    grain = rng.standard_normal((side, side, depth), np.float32) * np.float32(rng.uniform(2, 25))
    if coarse > 1:
        grain = cv2.resize(grain, image.shape[1::-1]).reshape(*image.shape[:2], depth)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def jpeg(image: Image, rng: np.random.Generator) -> Image:
    """JPEG at quality 8 to 70."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 70))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def h264(image: Image, rng: np.random.Generator) -> Image:
    """Two frames through H.264 at a high quantiser (the second predicted from a shifted first)."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = image.shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuv420p", Fraction(1, 25), 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(int(rng.integers(28, 44)))}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    shifted = np.roll(image, (int(rng.integers(-4, 5)), int(rng.integers(-4, 5))), (0, 1))
    packets = []
    for index, view in enumerate((shifted, image)):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="bgr24")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return frames[-1].to_ndarray(format="bgr24")


def low_light(image: Image, rng: np.random.Generator) -> Image:
    """Less light, raised gamma, and noise."""
    table = 255 * (np.arange(256) / 255) ** rng.uniform(1, 1.6) * rng.uniform(0.12, 0.6)
    return (
        noise(cv2.LUT(image, table.astype(np.uint8)), rng)
        if rng.random() < 0.7
        else cv2.LUT(image, table.astype(np.uint8))
    )


def occlude(
    image: Image, boxes: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8]]:
    """Cover parts of some faces (or any place) with blobs; returns the picture and the covered mask."""
    image, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
    side = image.shape[0]
    for _ in range(int(rng.integers(1, 5))):
        box = boxes[rng.integers(len(boxes))] if len(boxes) else np.array([0, 0, side, side], np.float32)
        width, height = box[2:4] - box[:2]
        centre = box[:2] + rng.uniform(0, 1, 2) * (box[2:4] - box[:2])
        axes = np.clip(rng.uniform(0.1, 0.45, 2) * (width, height), 2, side / 3)
        blob = np.zeros_like(mask)
        if rng.random() < 0.5:
            cv2.ellipse(
                blob,
                centre.astype(int).tolist(),
                axes.astype(int).tolist(),
                float(rng.uniform(0, 180)),
                0,
                360,
                1,
                -1,
            )
        else:
            corners = cv2.boxPoints((centre.tolist(), (axes * 2).tolist(), float(rng.uniform(0, 90))))
            cv2.fillConvexPoly(blob, corners.astype(np.int32), 1)
        fill_blob(image, blob, rng)
        mask |= blob
    return image, mask


def fill_blob(image: Image, blob: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """A flat colour, skin-like colour, or another part of the same picture."""
    kind = rng.integers(3)
    where = blob > 0
    if kind == 0:
        image[where] = rng.integers(0, 256, 3)
    elif kind == 1:
        tone = np.array([0.55, 0.7, 1.0]) * rng.uniform(60, 250)
        image[where] = np.clip(tone + rng.normal(0, 6, (int(where.sum()), 1)), 0, 255)
    else:
        image[where] = np.roll(
            image, tuple(int(v) for v in rng.integers(20, image.shape[0] - 20, 2)), (0, 1)
        )[where]


def degrade(image: Image, rng: np.random.Generator) -> Image:
    """None (4 in 10), or one to three of the above and grey."""
    if rng.random() < 0.12:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.4:
        return image
    steps = ((low_light, 0.16), (blur, 0.4), (noise, 0.35), (jpeg, 0.4), (h264, 0.1))
    for step, chance in steps:
        if rng.random() < chance:
            image = step(image, rng)
    return image
