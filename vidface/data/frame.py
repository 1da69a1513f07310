"""Frame: one decoded picture with its exact time; pixels are made when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vidface.data.card import Card, Tensor
from vidface.data.planes import Planes


class Pixels(Protocol):
    """Where a frame's picture lives; every form is made once, upright, read-only, and shared."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W x 3 uint8 RGB, at `width` pixels (height in proportion) or at full size."""

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        """The same in BGR, for use beside an OpenCV or YuNet call."""

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W uint8, full range 0..255, at `width` or at full size."""

    def planes(self) -> Planes:
        """Planar YUV at full size."""

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        """RGB crop, see `Frame.crop`."""

    def painted(self, paint: Callable[[Planes], None]) -> Pixels:
        """A copy whose writable planes `paint` has changed in place."""

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> Pixels:
        """A picture of another size in the same colour; `paint` fills all of its planes."""


@runtime_checkable
class PixelsOnCard(Protocol):
    """What a picture that lies on a card has beside the forms of `Pixels`; nothing of it leaves the card."""

    card: Card

    def card_rgb(self, width: int | None = None) -> Tensor:
        """3 x H x W uint8 RGB, as `Frame.rgb`."""

    def card_bgr(self, width: int | None = None) -> Tensor:
        """The same in BGR, as `Frame.bgr`."""

    def card_crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
        """3 x height x width uint8 RGB, as `Frame.crop`."""

    def pasted(self, add: Callable[[Any, Card], None]) -> Pixels:
        """A copy on the card whose planes `add` has changed in place; see `vidface.vision.tensorpaste`.

        Raises:
            ValueError: the picture is stored turned (`upright` is False).
        """

    @property
    def upright(self) -> bool:
        """It is stored as it is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a stream.

    Attributes:
        index: place in the stream, 0 for the first frame that came out of the decoder.
        pts: presentation time in units of `time_base`, as the container states it.
        time_base: seconds per unit, exact.
        pixels: the picture; see the methods.
        duration: in units of `time_base`, 0 where the stream does not say.
        epoch: rises by one after each gap (lost link, time jump).
        arrival: of live frames: seconds of `time.monotonic()` when the demuxer gave the frame's packet. With
            RTSP that is when the next frame's first bytes come, one frame interval later.
        utc_s: of live frames: seconds since 1970 at which the picture was taken, according to `clock`.
        clock: "rtcp": the camera's own time of day (RTCP sender reports); "arrival": that of this machine
            when the packet came; "stream": nothing but `time` is known, as with files.
    """

    index: int
    pts: int
    time_base: Fraction
    pixels: Pixels
    duration: int = 0
    epoch: int = 0
    arrival: float | None = None
    utc_s: float | None = None
    clock: Literal["rtcp", "arrival", "stream"] = "stream"

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"Frame.index must be 0 or more, but is {self.index}")
        if self.time_base <= 0:
            raise ValueError(f"Frame.time_base must be above 0, but is {self.time_base}")

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds, exact."""
        return self.pts * self.time_base

    @property
    def arrived_utc_s(self) -> float | None:
        """Seconds since 1970 at which the frame's packet came, by this machine's clock; None of a file."""
        if self.arrival is None or self.clock == "arrival":
            return self.utc_s
        return time.time() - (time.monotonic() - self.arrival)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        return self.pixels.size

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W x 3 uint8 RGB, upright; `width` scales, area when shrinking, linear when growing.

        In host memory 8-bit 4:2:0 at full size is read by FFmpeg's quick way, which cuts where it should
        round: too dark by 1 to 1.5 grey levels on the mean and less than 3 anywhere (full range: 0.5 to 1,
        and 2). The exact way doubles the cost of decoding and reading (tests/bench/results/rgb.md).
        """
        return self.pixels.rgb(width)

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        """As `rgb`, channels in BGR order."""
        return self.pixels.bgr(width)

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W uint8 brightness, full range."""
        return self.pixels.luma(width)

    def planes(self) -> Planes:
        """The picture as planar YUV, read-only."""
        return self.pixels.planes()

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Cut out and align a region.

        Args:
            matrix: 2 x 3, takes frame pixels to crop pixels, pixel centres at (0.5, 0.5).
            size: width and height of the crop.

        Returns:
            height x width x 3 uint8 RGB; black where the crop reaches outside the frame.
        """
        return self.pixels.crop(matrix, size)

    def on_card(self, card: Card | None) -> PixelsOnCard | None:
        """The picture where it lies on this card; None where it is in host memory or on another one."""
        pixels = self.pixels
        if card is None or not isinstance(pixels, PixelsOnCard) or pixels.card is not card:
            return None
        return pixels

    def tensor(self, device: str = "cpu") -> Any:
        """3 x H x W uint8 torch tensor (RGB) on `device`; imports torch on first use."""
        import torch

        return torch.from_numpy(self.rgb().copy()).permute(2, 0, 1).to(device)

    def painted(self, paint: Callable[[Planes], None]) -> Frame:
        """The same frame with changed planes.

        `paint` gets a writable copy of the planes and changes it in place. What it does not
        touch reaches the encoder bit-identical.
        """
        return replace(self, pixels=self.pixels.painted(paint))

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> Frame:
        """Another picture at the same place in time, as planes of the same depth, subsampling and colour.

        `paint` gets writable planes of `size` (width, height) with arbitrary content and must fill them.
        """
        return replace(self, pixels=self.pixels.remade(size, paint))

    def with_pixels(self, pixels: Pixels) -> Frame:
        """The same place in time, another picture."""
        return replace(self, pixels=pixels)
