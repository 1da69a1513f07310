"""AvPixels: the picture of a frame, kept as the decoder left it and converted when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from threading import RLock
from typing import Any, Literal, Protocol, runtime_checkable
from weakref import ref

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.data.planes import Planes
from vidface.media.colour import FULL, UNSPECIFIED, Colour, colour_of
from vidface.media.cropping import Region, convert_region, crop_rgb, packed_view
from vidface.media.orient import UPRIGHT, Turn
from vidface.media.planar import (
    blank_like,
    copied,
    has_alpha,
    is_rgb,
    planar_format,
    plane_views,
    planes_of,
    to_planar,
    turned,
    unsited,
)
from vidface.media.thumbnail import THUMBNAIL, thumbnail

_Kind = Literal["rgb", "bgr", "luma"]
_PACKED: dict[_Kind, str] = {"rgb": "rgb24", "bgr": "bgr24", "luma": "gray"}
_BYTES_FIRST = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
_RGB_CODE = 0  # H.273: the picture is RGB itself, there is no matrix


@runtime_checkable
class OnCard(Protocol):
    """A picture on a card that can come to the host; see `vidface.media.cardpixels`."""

    def host(self) -> AvPixels:
        """The whole picture in host memory."""


class AvPixels:
    """`vidface.data.frame.Pixels` over a PyAV frame of any pixel format.

    A form is made under a lock and shared read-only between threads. RGB at full size, of which crops are
    cut, and luma are kept with the picture; others only as long as somebody holds them, since a detector's
    form can be thrice as large as the picture, which may wait for long. `planes` and what the encoder
    gets are the decoder's own memory wherever that is planar YUV and stands upright.

    Args:
        frame: the decoded frame. It belongs to this object from now on: its tags are rewritten.
        colour: how to read it; taken from its tags or size where not given.
        turn: what brings it upright.
    """

    __slots__ = ("_colour", "_cropped_px", "_forms", "_frame", "_lock", "_passing", "_turn", "_upright")

    def __init__(self, frame: VideoFrame, *, colour: Colour | None = None, turn: Turn = UPRIGHT) -> None:
        self._colour = colour or colour_of(frame)
        self._frame = frame
        self._turn = turn
        self._forms: dict[tuple[_Kind, int], NDArray[np.uint8]] = {}
        self._passing: dict[tuple[_Kind, int], ref[NDArray[np.uint8]]] = {}
        self._upright: tuple[VideoFrame, Colour] | None = None
        self._cropped_px = 0
        self._lock = RLock()
        # swscale reads (and PyAV rewrites while it converts) the tags on the frame: with the decision
        # written there once, conversions in several threads change nothing. The picture type goes,
        # since an encoder would repeat the key frames of the input instead of choosing its own.
        frame.colorspace = _RGB_CODE if is_rgb(frame) else self._colour.matrix_code
        frame.color_range = FULL if is_rgb(frame) else self._colour.range_code
        frame.color_primaries = frame.color_trc = UNSPECIFIED
        frame.pict_type = 0

    @classmethod
    def of(cls, frame: Frame) -> AvPixels:
        """The frame's picture; by way of RGB where it is of a kind that is not known here."""
        if isinstance(frame.pixels, AvPixels):
            return frame.pixels
        if isinstance(frame.pixels, OnCard):
            return frame.pixels.host()
        return cls(VideoFrame.from_ndarray(np.ascontiguousarray(frame.rgb()), "rgb24"))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        return self._turn.size(self._frame.width, self._frame.height)

    @property
    def format(self) -> str:
        """FFmpeg's name of the format as decoded."""
        return str(self._frame.format.name)

    @property
    def alpha(self) -> bool:
        """Some of the picture is transparent, which every form here leaves out."""
        if not has_alpha(self._frame):
            return False
        return bool(VideoReformatter().reformat(self._frame, format="rgba").to_ndarray()[..., 3].min() < 255)

    @property
    def colour(self) -> Colour:
        """How the planes are to be read: `planes` and the encoder's frame are in this colour."""
        return self.upright()[1] if is_rgb(self._frame) else self._colour

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W x 3 uint8 RGB, at `width` pixels (height in proportion) or at full size."""
        return self._form("rgb", width)

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        """The same in BGR."""
        return self._form("bgr", width)

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W uint8, full range 0..255; a thumbnail (an eighth or less) is made of samples alone."""
        return self._form("luma", width)

    def planes(self) -> Planes:
        """Planar YUV at full size, read-only."""
        frame, colour = self.upright()
        return planes_of(frame, colour)

    def upright(self) -> tuple[VideoFrame, Colour]:
        """The picture as an upright planar frame for an encoder; not to be written to."""
        with self._lock:
            if self._upright is None:
                frame, colour = to_planar(self._frame, self._colour)
                self._upright = turned(frame, self._turn), colour
            return self._upright

    def encodable(self, name: str, size: tuple[int, int], colour: Colour | None = None) -> VideoFrame:
        """The upright picture in the format, size and colour that an encoder was opened with.

        Costs nothing where the picture is like that already.

        Args:
            name: FFmpeg's name of a planar YUV format.
            size: width and height in pixels.
            colour: whose matrix and range the numbers are to have; None: the picture's own.
        """
        frame, own = self.upright()
        wanted = colour or own
        alike = (wanted.matrix, wanted.full_range) == (own.matrix, own.full_range)
        if alike and frame.format.name == name and (frame.width, frame.height) == size:
            return frame
        codes = {} if alike else {"src_colorspace": own.scaler_code, "dst_colorspace": wanted.scaler_code}
        flags = _flags((frame.width, frame.height), size)
        with self._lock:
            return VideoReformatter().reformat(
                frame, *size, format=name, interpolation=flags, dst_color_range=wanted.range_code, threads=1,
                **codes,
            )  # fmt: skip

    def painted(self, paint: Callable[[Planes], None]) -> AvPixels:
        """A copy whose writable planes `paint` has changed in place; the rest is bit-identical."""
        frame, colour = self.upright()
        fresh = copied(frame)
        paint(planes_of(fresh, colour, writable=True))
        return AvPixels(fresh, colour=colour)

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> AvPixels:
        """A picture of another size in the same format and colour, whose planes `paint` fills."""
        frame, colour = self.upright()
        fresh = blank_like(frame, frame.format.name, *size)
        paint(planes_of(fresh, colour, writable=True))
        return AvPixels(fresh, colour=colour)

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        """RGB crop, see `Frame.crop`.

        Raises:
            ValueError: the matrix cannot be inverted or is not 2 x 3.
        """
        to_crop = np.asarray(matrix, np.float64).reshape(2, 3)
        stored = (self._frame.width, self._frame.height)
        if not self._turn.upright:
            to_crop = (np.vstack([to_crop, (0, 0, 1)]) @ self._turn.from_stored(*stored))[:2]
        crop = crop_rgb(to_crop, size, stored, self._region)
        crop.setflags(write=False)
        return crop

    def _region(self, region: Region) -> NDArray[np.uint8]:
        """RGB of a part of the stored picture, the same bits whichever way it is made."""
        x1, y1, x2, y2 = region
        name = self.format
        width, height = self._frame.width, self._frame.height
        # An odd side sends swscale another, smoother way, which cannot be cut into regions.
        planar = planar_format(name, width, height) == name and width % 2 == height % 2 == 0
        with self._lock:
            self._cropped_px += (x2 - x1) * (y2 - y1)
            # Many large crops cost more than one full conversion. Only 8-bit 4:2:0 is converted pixel by
            # pixel, so only there do both ways agree to the bit, whichever comes first.
            plain = name in ("yuv420p", "yuvj420p")
            much = self._cropped_px > width * height
            made = plain and self._turn.upright and (much or ("rgb", width) in self._forms)
            if made or not planar:
                return self._stored_rgb()[y1:y2, x1:x2]
            return convert_region(self._frame, region)

    def _stored_rgb(self) -> NDArray[np.uint8]:
        if self._turn.upright:
            return self.rgb()
        return packed_view(VideoReformatter().reformat(unsited(self._frame), format="rgb24", threads=1))

    def _form(self, kind: _Kind, width: int | None) -> NDArray[np.uint8]:
        full_width, full_height = self.size
        if width is None:
            width = full_width
        if width < 1:
            raise ValueError(f"a width must be 1 pixel or more, but is {width}")
        with self._lock:
            form = self._known(kind, width)
            if form is None:
                height = max(1, round(full_height * width / full_width))
                form = self._made(kind, (width, height))
                form.setflags(write=False)
                if kind == "luma" or (kind == "rgb" and width == full_width):
                    self._forms[kind, width] = form
                else:
                    self._passing[kind, width] = ref(form)
            return form

    def _known(self, kind: _Kind, width: int) -> NDArray[np.uint8] | None:
        """A form that is there; the lock is held."""
        form = self._forms.get((kind, width))
        passing = self._passing.get((kind, width))
        return passing() if form is None and passing is not None else form

    def _made(self, kind: _Kind, size: tuple[int, int]) -> NDArray[np.uint8]:
        other = self._known("bgr" if kind == "rgb" else "rgb", size[0])
        if other is not None and kind != "luma":
            return np.asarray(cv2.cvtColor(other, cv2.COLOR_RGB2BGR), np.uint8)
        stored = self._turn.size(*size)
        source = (self._frame.width, self._frame.height)
        times_smaller = min(a // b for a, b in zip(source, stored, strict=True))
        if kind == "luma" and times_smaller >= THUMBNAIL and self.format in _BYTES_FIRST:
            small = thumbnail(plane_views(self._frame)[0], stored, full_range=self._colour.full_range)
            return np.ascontiguousarray(self._turn.apply(small))
        scaled = VideoReformatter().reformat(
            unsited(self._frame),
            *stored,
            format=_PACKED[kind],
            interpolation=_flags(source, stored),
            dst_color_range=FULL,
            threads=1,
        )
        turned_view: NDArray[np.uint8] = self._turn.apply(packed_view(scaled))
        return turned_view


def frame_from_rgb(
    array: NDArray[np.uint8],
    index: int = 0,
    time: Fraction = Fraction(0),
    *,
    duration: Fraction = Fraction(0),
) -> Frame:
    """A frame from an H x W x 3 uint8 RGB array, for tests and for Python users.

    Times that are multiples of 1/90000 s (all common frame rates) share one time base.

    Raises:
        ValueError: the array is no H x W x 3 uint8.
    """
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"a frame wants H x W x 3 uint8, but got {array.shape} {array.dtype}")
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(array), "rgb24")
    base = Fraction(1, lcm(90000, time.denominator, duration.denominator))
    return Frame(
        index=index,
        pts=int(time / base),
        time_base=base,
        pixels=AvPixels(picture),
        duration=int(duration / base),
    )


def _flags(source: tuple[int, int], target: tuple[int, int]) -> Any:
    shrinks = target[0] < source[0] or target[1] < source[1]
    return Interpolation.AREA if shrinks else Interpolation.BILINEAR
