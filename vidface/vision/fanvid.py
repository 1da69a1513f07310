"""The degradation of the FANVID benchmark: a sharp frame becomes one of a surveillance camera.

In this order, each with the published chances and ranges: blur, resize by a random factor, noise, JPEG,
bicubic to the small size. What a clip goes through is drawn once (`draw`), so that neighbouring frames look
alike; only the noise is new on each frame. The publication leaves open, and it is so here: the resize
averages areas where it shrinks and is linear where it grows; Poisson noise counts one photon a grey level;
the bicubic step is the common one of a = -0.75 over 4 x 4 pixels, without a filter before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.resize import resize

SIZE: Final = (320, 180)
"""Width and height of FANVID's clips, a quarter of 1280 x 720."""

KERNELS: Final = (3, 5, 7)


@dataclass(frozen=True, slots=True)
class Degradation:
    """What a clip goes through.

    Attributes:
        blur: kind of blur, None for none.
        kernel: side of the blur in pixels.
        blur_sigma: of the Gaussian, pixels.
        scale: factor of the resize.
        noise: kind of noise, None for none.
        noise_sigma: of the Gaussian, grey levels.
        jpeg: quality 1..100.
        seed: of the noise.
    """

    blur: Literal["gaussian", "box"] | None = None
    kernel: int = 3
    blur_sigma: float = 1.0
    scale: float = 1.0
    noise: Literal["gaussian", "poisson"] | None = None
    noise_sigma: float = 5.0
    jpeg: int = 90
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0 or self.blur_sigma <= 0:
            raise ValueError(
                "a blur wants an odd kernel of 1 or more and a sigma above 0, but got "
                f"{self.kernel} and {self.blur_sigma}"
            )
        if self.scale <= 0 or self.noise_sigma < 0 or not 1 <= self.jpeg <= 100:
            raise ValueError(
                "a degradation wants a scale above 0, a sigma of 0 or more and a JPEG quality of 1 to 100, "
                f"but got {self.scale}, {self.noise_sigma} and {self.jpeg}"
            )


def draw(seed: int) -> Degradation:
    """The published draw: the same seed gives the same degradation everywhere.

    Blur with chance 0.5: Gaussian (chance 0.7; kernel 3, 5 or 7, sigma 0.2 to 2), else a box of that kernel.
    Resize by 0.5 to 1.5. Noise with chance 0.5: Gaussian (chance 0.7; sigma 1 to 15), else Poisson. JPEG
    quality 30 to 95.
    """
    rng = np.random.default_rng((seed, 0))
    blurred, gaussian_blur, noisy, gaussian_noise = rng.random(4) < (0.5, 0.7, 0.5, 0.7)
    blur: Literal["gaussian", "box"] = "gaussian" if gaussian_blur else "box"
    noise: Literal["gaussian", "poisson"] = "gaussian" if gaussian_noise else "poisson"
    return Degradation(
        blur=blur if blurred else None,
        kernel=int(rng.choice(KERNELS)),
        blur_sigma=float(rng.uniform(0.2, 2.0)),
        scale=float(rng.uniform(0.5, 1.5)),
        noise=noise if noisy else None,
        noise_sigma=float(rng.uniform(1.0, 15.0)),
        jpeg=int(rng.integers(30, 96)),
        seed=seed,
    )


def degrade(
    image: NDArray[np.uint8], how: Degradation, *, frame: int = 0, size: tuple[int, int] = SIZE
) -> NDArray[np.uint8]:
    """One frame of the clip.

    Args:
        image: H x W x 3 uint8 RGB.
        how: drawn once a clip.
        frame: number of the frame, for its noise.
        size: width and height wanted; FANVID's are a quarter of the input's.

    Returns:
        height x width x 3 uint8 RGB.

    Raises:
        ValueError: the image is no H x W x 3 uint8, or the size is below 1.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(*image.shape, *size) < 1:
        raise ValueError(
            "degrade wants H x W x 3 uint8 and a size of 1 or more, but got "
            f"{image.shape} {image.dtype} and {size}"
        )
    height, width = image.shape[:2]
    picture = _blurred(image, how)
    picture = resize(picture, (max(1, round(width * how.scale)), max(1, round(height * how.scale))))
    picture = _noisy(picture, how, frame)
    picture = _jpeg(picture, how.jpeg)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def fitting_size(width: int, height: int, limit: tuple[int, int] = SIZE) -> tuple[int, int]:
    """The largest even size within `limit` of about the same shape; never larger than the input."""
    factor = min(limit[0] / width, limit[1] / height, 1.0)
    return max(2, 2 * round(width * factor / 2)), max(2, 2 * round(height * factor / 2))


def _blurred(image: NDArray[Any], how: Degradation) -> NDArray[Any]:
    side = (how.kernel, how.kernel)
    if how.blur == "gaussian":
        return np.asarray(cv2.GaussianBlur(image, side, how.blur_sigma))
    return np.asarray(cv2.blur(image, side)) if how.blur == "box" else image


def _noisy(image: NDArray[Any], how: Degradation, frame: int) -> NDArray[Any]:
    if how.noise is None:
        return image
    rng = np.random.default_rng((how.seed, 1, frame))
    if how.noise == "poisson":
        noisy = rng.poisson(image).astype(np.float32)
    else:
        noisy = image + how.noise_sigma * rng.standard_normal(image.shape, np.float32)
    return np.asarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _jpeg(image: NDArray[Any], quality: int) -> NDArray[Any]:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))
