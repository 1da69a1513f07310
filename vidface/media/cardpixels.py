"""CardPixels: the picture of a frame on a GPU, as the decoder left it there.

Networks on the same card take their pictures from `card_rgb` and `card_crop`, and nothing leaves the card.
Whoever works in host memory gets the usual forms: a small one is made on the card and copied, a whole
picture is copied as planes and then is an `AvPixels` like any other. Every copy is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import RLock
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidface.data.card import Card, Tensor
from vidface.data.planes import Planes
from vidface.data.traffic import Kind
from vidface.media.colour import Colour
from vidface.media.cropping import plan_crop
from vidface.media.orient import UPRIGHT, Turn
from vidface.media.pixels import AvPixels
from vidface.media.planar import plane_views
from vidface.media.thumbnail import THUMBNAIL
from vidface.vision import tensorforms as forms
from vidface.vision.tensorwarp import averaged, warped

_HOST_FORMATS = {8: "yuv420p", 10: "yuv420p10le"}


class CardPixels:
    """`vidface.data.frame.Pixels` over planes on a card.

    Scaled forms and crops come from the card whether or not the whole picture was copied to the host
    before, so that results never depend on who asked first.

    Args:
        planes: as stored; they belong to this object from now on.
        card: where they are.
        colour: how to read them.
        turn: what brings the picture upright.
        mark: the event (`Card.mark`) behind which the planes are complete; None: made on the lane.
    """

    __slots__ = ("_colour", "_forms", "_host", "_lock", "_mark", "_planes", "_taken", "_turn", "card")

    def __init__(
        self,
        planes: forms.CardPlanes,
        card: Card,
        *,
        colour: Colour,
        turn: Turn = UPRIGHT,
        mark: Any = None,
    ) -> None:
        self.card = card
        self._planes = planes
        self._colour = colour
        self._turn = turn
        self._mark = mark
        self._taken = False
        self._forms: dict[tuple[str, int], Any] = {}
        self._host: AvPixels | None = None
        self._lock = RLock()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        return self._turn.size(*self._planes.size)

    @property
    def colour(self) -> Colour:
        """How the planes are to be read."""
        return self._colour

    @property
    def turn(self) -> Turn:
        """What brings the stored picture upright."""
        return self._turn

    @property
    def upright(self) -> bool:
        """It is stored as it is seen."""
        return self._turn.upright

    def stored(self) -> forms.CardPlanes:
        """The planes as stored, ready for work on the lane; not to be written to."""
        with self._lock:
            if not self._taken:
                self.card.take(self._mark, self._planes.luma, self._planes.chroma)
                self._taken = True
            return self._planes

    def card_rgb(self, width: int | None = None) -> Tensor:
        """3 x H x W uint8 RGB on the card, upright; scaled as `Frame.rgb` scales."""
        return self._card_form("rgb", width)

    def card_bgr(self, width: int | None = None) -> Tensor:
        """The same in BGR, as `Frame.bgr`."""
        return self._card_form("bgr", width)

    def card_crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
        """3 x height x width uint8 RGB on the card; see `Frame.crop`.

        Raises:
            ValueError: the matrix cannot be inverted or is not 2 x 3.
        """
        square = np.vstack([np.asarray(matrix, np.float64).reshape(2, 3), (0, 0, 1)])
        to_crop = (square @ self._turn.from_stored(*self._planes.size))[:2]
        plan = plan_crop(to_crop, size, self._planes.size)
        with self.card.lane():
            if plan is None:
                import torch

                return torch.zeros((3, size[1], size[0]), dtype=torch.uint8, device=self.card.device)
            region = forms.rgb_of(self.stored().part(*_even(plan.region)))
            x1, y1, x2, y2 = plan.region
            region = region[:, : y2 - y1, : x2 - x1]
            if plan.shrink > 1:
                region = averaged(region, plan.shrink)
            return warped(region, plan.warp(to_crop), size)

    def host(self) -> AvPixels:
        """The whole picture in host memory, the same samples; copied once."""
        with self._lock:
            if self._host is None:
                self._host = self._downloaded()
            return self._host

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W x 3 uint8 RGB in host memory."""
        if self._scaled_size(width) == self.size:
            return self.host().rgb()
        return self._small("rgb", width)

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        """The same in BGR."""
        if self._scaled_size(width) == self.size:
            return self.host().bgr()
        return self._small("bgr", width)

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        """H x W uint8, full range 0..255; a thumbnail is made where the decoder works, beside the lane."""
        size = self._scaled_size(width)
        if size == self.size:
            return self.host().luma()
        with self._lock:
            made: NDArray[np.uint8] | None = self._forms.get(("luma", size[0]))
            if made is None:
                made = self._luma(self._turn.size(*size))
                self._forms["luma", size[0]] = made
            return made

    def planes(self) -> Planes:
        """Planar YUV at full size in host memory, read-only."""
        return self.host().planes()

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        """RGB crop in host memory, see `Frame.crop`."""
        with self.card.lane():
            return self._brought(self.card_crop(matrix, size).permute(1, 2, 0), "forms_to_host")

    def pasted(self, add: Callable[[forms.CardPlanes, Card], None]) -> CardPixels:
        """A copy on the card whose planes `add` has changed in place; only of pictures stored upright.

        Raises:
            ValueError: the picture is stored turned.
        """
        if not self._turn.upright:
            raise ValueError("what is pasted on a card wants a picture that is stored upright")
        with self.card.lane():
            old = self.stored()
            fresh = replace(old, luma=old.luma.clone(), chroma=old.chroma.clone())
            add(fresh, self.card)
        return CardPixels(fresh, self.card, colour=self._colour)

    def painted(self, paint: Callable[[Planes], None]) -> AvPixels:
        """A copy in host memory whose writable planes `paint` has changed in place."""
        return self.host().painted(paint)

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> AvPixels:
        """A picture of another size in host memory, whose planes `paint` fills."""
        return self.host().remade(size, paint)

    def _scaled_size(self, width: int | None) -> tuple[int, int]:
        full_width, full_height = self.size
        if width is None:
            return self.size
        if width < 1:
            raise ValueError(f"a width must be 1 pixel or more, but is {width}")
        return width, max(1, round(full_height * width / full_width))

    def _card_form(self, order: forms.Order, width: int | None) -> Tensor:
        size = self._scaled_size(width)
        with self._lock, self.card.lane():
            made = self._forms.get((f"card {order}", size[0]))
            if made is None:
                stored = self._turn.size(*size)
                made = _upright(forms.scaled_rgb(self.stored(), stored, order=order), self._turn)
                self._forms[f"card {order}", size[0]] = made
            return made

    def _small(self, order: forms.Order, width: int | None) -> NDArray[np.uint8]:
        size = self._scaled_size(width)
        with self._lock, self.card.lane():
            made: NDArray[np.uint8] | None = self._forms.get((order, size[0]))
            if made is None:
                made = self._brought(self._card_form(order, width).permute(1, 2, 0), "forms_to_host")
                self._forms[order, size[0]] = made
            return made

    def _luma(self, stored: tuple[int, int]) -> NDArray[np.uint8]:
        times_smaller = min(a // b for a, b in zip(self._planes.size, stored, strict=True))
        if times_smaller >= THUMBNAIL and self._planes.bits == 8:
            # On the decoder's stream the planes are ready, and the networks' queue is not waited for.
            with self.card.lane() if self._mark is None else self.card.decoding():
                small = forms.thumbnail_of(self._planes, stored)
                return self._brought(_upright(small[None], self._turn)[0], "thumbnails_to_host")
        with self.card.lane():
            small = forms.luma_of(self.stored(), stored)
            return self._brought(_upright(small[None], self._turn)[0], "forms_to_host")

    def _brought(self, tensor: Tensor, kind: Kind) -> NDArray[np.uint8]:
        """A tensor as a read-only array of its own; waits until it is made."""
        array: NDArray[np.uint8] = tensor.contiguous().cpu().numpy()
        if self.card.stream is None:
            array = array.copy()
        array.setflags(write=False)
        self.card.traffic.add(kind, array.nbytes)
        return array

    def _downloaded(self) -> AvPixels:
        planes = self.stored()
        wide, high = planes.size
        fresh = VideoFrame(wide, high, _HOST_FORMATS[planes.bits])
        with self.card.lane():
            sheets = (planes.luma, planes.chroma[..., 0], planes.chroma[..., 1])
            arrays = [sheet.contiguous().cpu().numpy() for sheet in sheets]
        for target, array in zip(plane_views(fresh, writable=True), arrays, strict=True):
            target[...] = array
        self.card.traffic.add("pictures_to_host", sum(array.nbytes for array in arrays))
        return AvPixels(fresh, colour=self._colour, turn=self._turn)


def card_planes(frame: VideoFrame, colour: Colour, *, left: bool = True) -> forms.CardPlanes:
    """Planes of torch's own from an NV12 or P010 frame, wherever that is; `left`: where NV12's chroma lies.

    The frame's memory is free again behind the copies, on the stream that they are queued on.

    Raises:
        ValueError: another format, or an odd side (the planes of NV12 cannot be shared then).
    """
    from torch.utils import dlpack

    name = frame.format.name if frame.sw_format is None else frame.sw_format.name
    if name not in ("nv12", "p010le") or frame.width % 2 or frame.height % 2:
        raise ValueError(
            f"wanted NV12 or P010 with even sides, but got {frame.width} x {frame.height} {name}"
        )
    # A capsule, not the plane: torch would ask the plane to synchronise streams, which PyAV refuses.
    luma, chroma = (dlpack.from_dlpack(plane.__dlpack__()) for plane in frame.planes)
    if name == "nv12":
        return forms.CardPlanes(luma.clone(), chroma.clone(), 8, colour.matrix, colour.full_range, left)
    return forms.CardPlanes(_ten_bits(luma), _ten_bits(chroma), 10, colour.matrix, colour.full_range)


def _ten_bits(words: Tensor) -> Tensor:
    """P010 keeps its ten bits in the upper part of unsigned words; torch has signed ones."""
    import torch

    return ((words.view(torch.int16).to(torch.int32) & 0xFFFF) >> 6).to(torch.int16)


def _even(region: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """A region that begins on even pixels, up to where it ends on even ones as well."""
    x1, y1, x2, y2 = region
    return x1, y1, x2 + x2 % 2, y2 + y2 % 2


def _upright(picture: Tensor, turn: Turn) -> Tensor:
    """c x H x W turned upright."""
    if turn.swap:
        picture = picture.transpose(1, 2)
    sides = [side for side, flip in ((2, turn.flip_x), (1, turn.flip_y)) if flip]
    return picture.flip(sides) if sides else picture
