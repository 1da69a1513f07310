"""NVDEC: files decoded by the card, through FFmpeg's own decoders and PyAV's HWAccel.

What PyAV 18.1 documents and this relies on: `HWAccel("cuda", device, allow_software_fallback=True,
is_hw_owned=True)` leaves frames on the card (their format is "cuda", their `sw_format` NV12 or P010), in
CUDA's primary context, which is torch's as well; a stream that NVDEC does not take comes as software frames.
AV1 is not tried: the decoder that FFmpeg prefers for it has no NVDEC form.
FFmpeg copies each picture out of the decoder's surfaces (of which there are few) into memory of its own.
Planes go to torch by DLPack and are copied once more on the card, so that nothing waits for a picture
that a node still holds.
"""

from __future__ import annotations

import ctypes
import errno
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import av.codec.hwaccel
import numpy as np
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.frame import VideoFrame

from vidface.data.card import Card
from vidface.data.source import SourceInfo
from vidface.errors import InputError, ModelError
from vidface.media.colour import Colour, colour_of
from vidface.media.opening import is_url, open_input, video_stream
from vidface.media.orient import Turn
from vidface.media.pixels import AvPixels
from vidface.media.planar import planar_format

if TYPE_CHECKING:
    from vidface.media.cardpixels import CardPixels

_CODECS: Final = ("h264", "hevc", "vp8", "vp9", "mpeg2video")
_FORMATS: Final = ("yuv420p", "yuvj420p", "yuv420p10le", "nv12", "p010le")
_LEFT: Final = ("h264", "hevc", "mpeg2video")
"""Codings whose chroma lies on the left column unless they say otherwise."""
_MOST_PACKETS: Final = 64
_MOST_ERROR: Final = 255**2 / 10**4.5
"""Mean square of levels, 45 dB: so near are forms on the card to those in host memory."""


class Nvdec:
    """How one file is decoded on a card.

    Damage inside pictures is not seen: the driver conceals it, and neither FFmpeg nor PyAV tells. What is
    lost between pictures is told as ever. `--forensic` decodes in host memory, which tells both.

    Attributes:
        taken: pictures that came on the card.
        passed: pictures that came in host memory all the same.

    Args:
        card: where frames are left.
        codec: of the stream, as in `SourceInfo`.
        left: chroma lies on the left column; None: as the coding has it unless it says otherwise.
    """

    def __init__(self, card: Card, codec: str, *, left: bool | None = None) -> None:
        self._card = card
        self.taken = self.passed = 0
        self.left: Final = codec in _LEFT if left is None else left

    def open(self, path: str | Path) -> InputContainer:
        """As `open_input`, for one pass over the file.

        Raises:
            InputError: as `open_input`.
        """
        with self._card.bound():
            return open_input(path, hwaccel=_accelerator(self._card.device.index or 0, current=True))

    def pixels(self, frame: VideoFrame, colour: Colour, turn: Turn) -> CardPixels | AvPixels:
        """The picture of a decoded frame: on the card, or in host memory where the card had to pass.

        Raises:
            ModelError: the card has no memory left for it, or failed.
        """
        if frame.format.name != "cuda":
            self.passed += 1
            return AvPixels(frame, colour=colour, turn=turn)
        from vidface.media.cardpixels import CardPixels, card_planes

        try:
            with self._card.decoding():
                planes = card_planes(frame, colour, left=self.left)
        except (
            ValueError,
            NotImplementedError,
        ):  # the stream changed into something that DLPack cannot share
            name = "nv12" if frame.sw_format is None else frame.sw_format.name
            here = frame.reformat(format=planar_format(name, frame.width, frame.height))
            self._card.traffic.add("pictures_to_host", sum(plane.buffer_size for plane in here.planes))
            return AvPixels(here, colour=colour, turn=turn)
        except RuntimeError as error:
            raise ModelError(
                f"{self._card} cannot take a decoded picture ({_plain(error)}): free its memory, or run with "
                "`--device cpu`."
            ) from error
        self.taken += 1
        return CardPixels(planes, self._card, colour=colour, turn=turn, mark=self._card.mark())

    def told(self, before: str) -> str:
        """What a report says of where it was decoded, `before` being what was said at the beginning."""
        if not self.passed:
            return before
        if not self.taken:
            return f"cpu: NVDEC gave no picture after its trial, {self.passed} came in host memory"
        return f"{before.partition(';')[0]}; {self.passed} pictures in host memory"

    def fault(self, error: av.error.FFmpegError) -> ModelError | None:
        """What the card is to blame for, of the errors of a decoder; None where it is the stream."""
        if not isinstance(error, av.error.MemoryError | av.error.ExternalError):
            return None
        what = "has no memory left to decode with" if error.errno == errno.ENOMEM else "stopped decoding"
        return ModelError(
            f"{self._card} {what} ({_plain(error)}): free its memory, or run with `--device cpu`."
        )


def nvdec_for(path: str | Path, info: SourceInfo, card: Card) -> tuple[Nvdec | None, str]:
    """NVDEC for a file, tried on its first picture; or None. And why, a phrase for reports."""
    why = _why_not(path, info) or nvdec_lack(card.device.index or 0, card)
    made = why or _tried(path, info, card)
    if isinstance(made, Nvdec):
        return made, f"{card}: {info.codec} by NVDEC"
    return None, f"cpu: {made}"


def nvdec_lack(index: int = 0, card: Card | None = None) -> str | None:
    """Why no file can be decoded on a card of this machine, a phrase; None where it can.

    Args:
        index: of the card.
        card: where torch works on it already.
    """
    if "cuda" not in av.codec.hwaccel.hwdevices_available():
        return "this build of FFmpeg has no CUDA"
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        return "the driver's video decoder is not here (libnvcuvid.so.1 not found)"
    try:
        with nullcontext() if card is None else card.bound():
            _accelerator(index, current=card is not None).create(av.Codec("h264", "r"))
    except (av.error.FFmpegError, NotImplementedError, RuntimeError) as error:
        return f"FFmpeg cannot open CUDA device {index} ({_plain(error)})"
    return None


def _accelerator(index: int, *, current: bool) -> HWAccel:
    """In the context that is current in this thread, else in CUDA's primary one.

    Both are the same, but FFmpeg takes a primary context that exists only where it was made with flags that
    torch does not set (`cuda_context_init` of its hwcontext_cuda.c: "active with incompatible flags").
    """
    options: dict[str, object] = {"primary_ctx": "0", "current_ctx": "1"} if current else {}
    return HWAccel("cuda", str(index), allow_software_fallback=True, options=options, is_hw_owned=True)


def _why_not(path: str | Path, info: SourceInfo) -> str | None:
    """What speaks against it before anything is opened."""
    if is_url(path):
        return "an address is decoded in host memory"
    if info.codec not in _CODECS:
        return f"NVDEC is used for {', '.join(_CODECS)}, but this is {info.codec}"
    if info.pixel_format not in _FORMATS:
        return f"pictures on a card are 4:2:0 of 8 or 10 bits, but these are {info.pixel_format}"
    if info.extra.get("interlaced"):
        return "interlaced pictures are decoded in host memory, where their fields are scaled apart"
    if info.width % 2 or info.height % 2:
        return f"pictures on a card have even sides, but these are {info.width} x {info.height}"
    return None


def _tried(path: str | Path, info: SourceInfo, card: Card) -> Nvdec | str:
    """Decode the first picture on the card; how the others are, or why that failed."""
    nvdec = Nvdec(card, info.codec)
    try:
        with nvdec.open(path) as container:
            stream = video_stream(container, path)
            if not stream.codec_context.is_hwaccel:
                return f"FFmpeg's decoder {stream.codec_context.name} has no NVDEC form"
            for count, packet in enumerate(container.demux(stream)):
                for frame in packet.decode():
                    return _refused(frame, info, card) or _sited(frame, path, info.codec, card)
                if count >= _MOST_PACKETS:
                    break
    except (av.error.FFmpegError, InputError, RuntimeError, NotImplementedError) as error:
        return f"NVDEC failed ({_plain(error)})"
    return "NVDEC gave no picture"


def _refused(frame: VideoFrame, info: SourceInfo, card: Card) -> str | None:
    if frame.format.name != "cuda":
        return "NVDEC of this card does not take this stream"
    stored = (info.height, info.width) if info.rotation in (90, 270) else (info.width, info.height)
    if (frame.width, frame.height) != stored:
        # FFmpeg cuts off what the stream hides on the right and below, but not on the left and above.
        return f"NVDEC gives {frame.width} x {frame.height} of the stream's {stored[0]} x {stored[1]} pixels"
    from vidface.media.cardpixels import card_planes

    try:
        with card.decoding():
            card_planes(frame, colour_of(frame))
    except (ValueError, NotImplementedError) as error:
        return f"its pictures cannot be shared with torch ({_plain(error)})"
    return None


def _sited(frame: VideoFrame, path: str | Path, codec: str, card: Card) -> Nvdec | str:
    """Where the chroma of a stream lies, told by its first picture in host memory at half size; or a refusal.

    A stream may say it, and PyAV does not pass that on. Of more than 8 bits nobody heeds it.
    """
    from vidface.media.cardpixels import CardPixels, card_planes

    wanted = Nvdec(card, codec)
    with open_input(path) as container:
        own = next(container.decode(video_stream(container, path)), None)
    if own is not None and own.pts != frame.pts:
        return "NVDEC does not begin with the picture with which FFmpeg's decoder begins"
    if own is None or "10" in own.format.name:
        return wanted
    colour, width = colour_of(own), max(2, own.width // 4 * 2)
    here = AvPixels(own, colour=colour).bgr(width).astype(np.float64)
    errors = {}
    for left in (wanted.left, not wanted.left):
        with card.decoding():
            planes = card_planes(frame, colour, left=left)
        pixels = CardPixels(planes, card, colour=colour, mark=card.mark())
        with card.lane():
            there = pixels.card_bgr(width).permute(1, 2, 0).cpu().numpy()
        errors[left] = float(np.mean((there - here) ** 2))
    best = min(errors, key=lambda left: errors[left])
    if errors[best] > _MOST_ERROR:
        return "its chroma lies elsewhere than between the rows, on the left column or between both"
    return Nvdec(card, codec, left=best)


def _plain(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".").lower()
