"""One physical model of how clean pictures become bad ones: blur, resize, noise, real video coding.

The order is that of a camera far away: the lens and the motion blur, the sensor samples, noise comes with
the light, the encoder takes what it can. Restoration is trained and measured with this model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.media.recode import Codec, recode
from vidface.vision.resize import resize

LEAST_SIDE: Final = 16
"""No encoder here takes less."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """What happens to a clean sequence, in this order.

    Attributes:
        scale: factor by which each side shrinks, 1 or more (area averaging).
        blur_px: sigma of the Gaussian blur, in pixels of the small picture.
        motion_px: length of the motion blur, in pixels of the small picture; 0 for none.
        motion_deg: its direction.
        noise: standard deviation of noise that does not depend on the light, grey levels of 255.
        shot: of noise that does, at white; falls with the root of the light.
        noise_grain_px: sigma in pixels by which the noise is smeared, as cheap cameras' denoisers do.
        codec, crf: the encoder and how coarse; None for no coding. See `vidface.media.recode`.
    """

    scale: float = 1.0
    blur_px: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    noise: float = 0.0
    shot: float = 0.0
    noise_grain_px: float = 0.0
    codec: Codec | None = None
    crf: float = 0.0

    def __post_init__(self) -> None:
        for name in ("blur_px", "motion_px", "noise", "shot", "noise_grain_px", "crf"):
            if not 0 <= getattr(self, name) < 1000:
                raise ValueError(f"Degradation.{name} must be 0 or more, but is {getattr(self, name)}")
        if not 1 <= self.scale <= 64:
            raise ValueError(f"Degradation.scale must lie in 1..64, but is {self.scale}")


LEVELS: Final[Mapping[str, Degradation]] = MappingProxyType(
    {
        "mild": Degradation(scale=2, blur_px=0.5, noise=2.0, shot=3.0, codec="h264", crf=28),
        "medium": Degradation(scale=4, blur_px=0.7, noise=3.0, shot=5.0, codec="h264", crf=35),
        "heavy": Degradation(
            scale=6, blur_px=0.9, motion_px=2, noise=6.0, shot=9.0, noise_grain_px=0.5, codec="h264", crf=40
        ),
    }
)
"""The levels at which restoration is measured."""


def degrade_sequence(
    frames: Sequence[NDArray[np.uint8]], settings: Degradation, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """The bad sequence, as many frames as went in.

    Args:
        frames: H x W x 3 uint8 RGB, all of one size.
        settings: what happens.
        rng: noise comes from it.

    Returns:
        h x w x 3 uint8 RGB of `small_size`; pixel (x, y) of a frame lies at (x w / W, y h / H).
    """
    out = [spoiled(frame, settings, rng) for frame in frames]
    return out if settings.codec is None else recode(out, settings.codec, settings.crf)


def small_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Width and height after shrinking: the nearest even numbers, as encoders want them."""
    width, height = (max(LEAST_SIDE, 2 * round(side / scale / 2)) for side in size)
    return width, height


def spoiled(frame: NDArray[np.uint8], settings: Degradation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One frame up to the encoder: blur, resize, noise."""
    high, wide = frame.shape[:2]
    picture = frame
    if settings.blur_px > 0:
        sigma = settings.blur_px * settings.scale
        picture = _u8(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
    if settings.motion_px * settings.scale > 1:
        kernel = _streak(settings.motion_px * settings.scale, settings.motion_deg)
        picture = _u8(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    return _noisy(resize(picture, small_size((wide, high), settings.scale)), settings, rng)


def _noisy(picture: NDArray[np.uint8], settings: Degradation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise that is white in space before it is smeared, and new in every frame."""
    if settings.noise <= 0 and settings.shot <= 0:
        return picture
    grain = rng.standard_normal(picture.shape, np.float32)
    if settings.noise_grain_px > 0:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), settings.noise_grain_px), np.float32)
        grain /= max(float(grain.std()), 1e-6)
    light = picture.astype(np.float32)
    spread = np.sqrt(settings.noise**2 + settings.shot**2 * light / 255)
    return np.clip(light + spread * grain + 0.5, 0, 255).astype(np.uint8)


def _streak(length: float, degrees: float) -> NDArray[np.float32]:
    """Kernel of a straight motion at even speed."""
    side = 2 * int(np.ceil(length / 2)) + 1
    half = length / 2 * np.array([np.cos(np.deg2rad(degrees)), -np.sin(np.deg2rad(degrees))])
    kernel = np.zeros((side, side), np.float32)
    middle = np.array([side // 2, side // 2])
    ends = [np.rint((middle + sign * half) * 16).astype(int).tolist() for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _u8(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(picture, np.uint8)
