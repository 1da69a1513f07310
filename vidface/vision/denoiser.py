"""A denoiser of moving pictures, frame by frame: past brought to the present, averaged, and smoothed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.planes import Planes
from vidface.vision.denoise import (
    LEAST,
    Past,
    Plane,
    averaged,
    better_of,
    change_level,
    fit,
    noise_level,
    smoothed,
)
from vidface.vision.denseflow import Motion, MotionFinder, maps

_STILL: Final = 0.86
"""Where the past fits so large a share of the picture, motion is not looked for."""
_LEAST_MOTION: Final = 0.1
"""Motion of the whole below this, in pixels, is none."""
_NOISE_S: Final = 1.0
"""Seconds over which the noise level is averaged."""
_BROAD: Final = 1.3
"""Variance smoothed away over that of the noise: a local variance is itself not certain."""
_COARSE: Final = 2.5
"""Coarse noise may be so many times what fine detail says; beyond, it is motion."""
_TEXTURE: Final = 0.5
"""Where frames differ by less than so many times what fine detail says, that detail is not noise."""
_BIT: Final = 0.25
"""Noise of a clean plane beside noisy ones, in 8-bit codes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a denoiser does.

    Attributes:
        memory_s: seconds over which is averaged where nothing moves.
        spatial: how much of the noise that averages leave is smoothed away; 0 none, 1 about all.
        noise: standard deviation in 8-bit codes, None to measure it.
    """

    memory_s: float = 0.4
    spatial: float = 1.0
    noise: float | None = None


class Denoiser:
    """Denoises a scene; a new one is needed after a cut. A change of the pictures' shape begins anew.

    Args:
        rules: what it does.
    """

    __slots__ = ("_changes", "_finder", "_levels", "_pasts", "_rules")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._pasts: list[Past] = []
        self._levels: NDArray[np.float64] | None = None
        self._changes: NDArray[np.float64] | None = None
        self._finder: MotionFinder | None = None

    @property
    def noise(self) -> float:
        """Noise of luma in 8-bit codes, as believed after the last frame."""
        return float(self._believed()[0]) if self._levels is not None else 0.0

    def step(self, planes: Planes, seconds: float) -> list[Plane] | None:
        """The next frame without its noise.

        Args:
            planes: read only.
            seconds: since the frame before.

        Returns:
            Luma, u and v in 8-bit codes; None where there is no noise to speak of.
        """
        shrink = np.float32(1 / (1 << (planes.bits - 8)))
        now = [plane.astype(np.float32) * shrink for plane in (planes.luma, planes.u, planes.v)]
        part = min(seconds / _NOISE_S, 1.0)
        self._levels = _mean(self._levels, [noise_level(plane) for plane in now], part)
        if self._rules.noise is None and self._levels.max() < LEAST:
            self._pasts, self._changes = [], None
            return None
        noise = np.maximum(self._believed(), _BIT).tolist()
        if [past.mean.shape for past in self._pasts] != [plane.shape for plane in now]:
            self._pasts = [Past.of(plane) for plane in now]
            self._finder = MotionFinder(now[0].shape)
        else:
            longest = max(1.0, 1 + self._rules.memory_s / max(seconds, 1e-3))
            changes = self._follow(now, noise, longest=longest, step=planes.subsampling)
            self._changes = _mean(self._changes, changes, part)
        return [self._smooth(past, level) for past, level in zip(self._pasts, noise, strict=True)]

    def _believed(self) -> NDArray[np.float64]:
        """Noise of luma, u and v."""
        assert self._levels is not None
        if self._rules.noise is not None:
            return np.full(len(self._levels), self._rules.noise)
        if self._changes is None:
            return self._levels
        # What stays the same from frame to frame is texture, however fine.
        likely = np.clip(self._changes, self._levels, _COARSE * self._levels)
        return np.where(self._changes < _TEXTURE * self._levels, self._changes, likely)

    def _follow(
        self, now: list[Plane], noise: list[float], *, longest: float, step: tuple[int, int]
    ) -> list[float]:
        """Take the present in; returns by how much it differs from the past, for each plane."""
        past, fits, flow = self._luma(now[0], self._pasts[0], noise[0])
        changes = [change_level(now[0], past)]
        follows = [averaged(now[0], past, fits, longest)]
        for plane, before, level in zip(now[1:], self._pasts[1:], noise[1:], strict=True):
            then = before if flow is None else before.moved(maps(flow, plane.shape, step))
            changes.append(change_level(plane, then))
            size = plane.shape[1], plane.shape[0]
            # What has gone from luma has gone from colour.
            known = cv2.resize(fits, size, interpolation=cv2.INTER_AREA)
            follows.append(averaged(plane, then, np.minimum(known, fit(plane, then, level)), longest))
        self._pasts = follows
        return changes

    def _luma(self, now: Plane, past: Past, noise: float) -> tuple[Past, Plane, Motion | None]:
        """The past of luma brought to the present, how it fits, and the motion by which it came."""
        fits = fit(now, past, noise)
        if self._finder is None or not self._finder.possible or float(fits.mean()) > _STILL:
            return past, fits, None
        shared, own = self._finder.find(now, past.mean)
        still, flow = past, np.zeros_like(own)
        for motion in (shared, own):
            if float(fits.mean()) > _STILL or float(np.abs(motion).max()) < _LEAST_MOTION:
                continue
            moved = still.moved(maps(motion, now.shape, (1.0, 1.0)))
            past, fits, second = better_of(past, fits, moved, fit(now, moved, noise))
            size = own.shape[1], own.shape[0]
            part = cv2.resize(second.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            flow = np.where(part[..., None] > 0.5, motion, flow)
        return past, fits, flow

    def _smooth(self, past: Past, noise: float) -> Plane:
        share = self._rules.spatial
        if share <= 0:
            return past.mean
        return smoothed(past.mean, np.float32(_BROAD * (share * noise) ** 2) / past.count)


def _mean(before: NDArray[np.float64] | None, now: list[float], part: float) -> NDArray[np.float64]:
    """A running mean that begins with the first value."""
    fresh = np.array(now)
    return fresh if before is None else before + part * (fresh - before)


def store(values: list[Plane], planes: Planes, strength: float) -> None:
    """Write planes in 8-bit codes over writable ones; with `strength` 0 these stay, with 1 they go."""
    for have, plane in zip(values, (planes.luma, planes.u, planes.v), strict=True):
        codes: NDArray[Any] = have * np.float32(1 << (planes.bits - 8))
        if strength < 1:
            codes = plane + np.float32(strength) * (codes - plane)
        np.clip(np.rint(codes, out=codes), 0, (1 << planes.bits) - 1, out=codes)
        np.copyto(plane, codes, casting="unsafe")
