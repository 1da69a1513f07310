"""restore.denoise: noise of the camera, out of the whole picture."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from vidface.data.device import Device
from vidface.data.frame import Frame
from vidface.node import FOREVER, Node
from vidface.vision.denoiser import Denoiser, Rules, store


class RestoreDenoise(Node):
    """Take noise out of the picture: averaged over time where nothing moves or motion can be followed.

    The noise level is measured on every frame. Where the past, as it lies or brought along with the
    motion of the camera or of things, differs from the present by more than noise would, it is dropped:
    nothing is left behind things that move. What averages leave is smoothed in space, as far as noise
    reaches, so that edges stay. Works on the YUV planes, colour too, without looking ahead; at a cut or
    a gap it begins anew. Clean frames are passed on untouched. For sensor noise; blocks of strong
    compression are not noise to it.
    """

    strength: float = Field(
        1.0, ge=0, le=1, description="0 leaves noise as it is, 1 takes out all that can be; between, a mix."
    )
    spatial: float = Field(
        1.0,
        ge=0,
        le=2,
        description="How far what averages over time leave is smoothed in space; 0 not at all.",
    )
    memory_s: float = Field(
        0.4, ge=0, le=10, description="Seconds over which is averaged where nothing moves."
    )
    noise: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Standard deviation of the noise in 8-bit codes; measured if not given.",
    )

    memory = FOREVER

    _denoiser: Denoiser
    _last: float | None
    _frames: int
    _clean: int
    _noise: float

    def open(self, device: Device) -> None:
        """Start counting."""
        self._frames = self._clean = 0
        self._noise = 0.0

    def reset(self) -> None:
        """Forget the past: stream start, cut, gap."""
        self._denoiser = Denoiser(Rules(self.memory_s, self.spatial, self.noise))
        self._last = None

    def facts(self) -> dict[str, Any]:
        """Frames, those too clean to touch, and the mean noise of luma in 8-bit codes."""
        mean = self._noise / self._frames if self._frames else 0.0
        return {"frames": self._frames, "clean": self._clean, "noise": round(mean, 2)}

    def process(self, frame: Frame) -> Frame:
        """The frame without its noise."""
        time, last = float(frame.time), self._last
        gap = time - last if last is not None and time > last else float(frame.duration * frame.time_base)
        self._last = time
        self._frames += 1
        if self.strength == 0:
            return frame
        values = self._denoiser.step(frame.planes(), gap or 0.04)
        self._noise += self._denoiser.noise
        if values is None:
            self._clean += 1
            return frame
        return frame.painted(lambda planes: store(values, planes, self.strength))
