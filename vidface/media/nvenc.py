"""NVENC: video encoded by the card, where it can and the user did not ask for something that it has not."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, Literal

import av

from vidface.errors import UsageError
from vidface.media.codecs import NVENC, NVENC_PRESETS, EncodeSettings

EncoderWish = Literal["auto", "software", "nvenc"]
_TRIED: Final = 256
"""Side of the picture that a trial is opened for before the first one is known."""


def choose_encoder(
    settings: EncodeSettings, wish: EncoderWish, card: int | None
) -> tuple[EncodeSettings, str]:
    """Settings for NVENC or for software, and a phrase that says which and why ("" where nobody asked).

    Args:
        settings: as for software.
        wish: "auto" takes NVENC where the run's pictures lie on a card and it serves.
        card: number of that card; None where pictures are in host memory.

    Raises:
        UsageError: NVENC was asked for by name and does not serve.
    """
    if wish == "software" or (wish == "auto" and card is None):
        if settings.preset in NVENC_PRESETS:
            raise UsageError(
                f"preset {settings.preset} is NVENC's, but {settings.library} encodes here; it wants one of "
                f"{', '.join(settings.facts.presets)}."
            )
        return settings, "" if card is None else f"cpu: {settings.library}, as asked for"
    index = card or 0
    why = _unfit(settings) or nvenc_lack(NVENC[settings.codec], index)
    if why is None:
        chosen = replace(settings, card=index)
        return chosen, f"cuda:{index}: {chosen.library}"
    if wish == "nvenc":
        raise UsageError(f"encoder nvenc was asked for, but {why}; use encoder=auto or software.")
    return settings.in_software(), f"cpu: {settings.library}, since {why}"


def nvenc_lack(
    library: str = "h264_nvenc", index: int = 0, size: tuple[int, int] = (_TRIED, _TRIED)
) -> str | None:
    """Why this encoder cannot be opened on a card of this machine, a phrase; None where it can.

    Args:
        library: FFmpeg's name of the encoder.
        index: of the card.
        size: width and height of the pictures; NVENC takes none below about 150, and h264 none above 4096.
    """
    try:
        av.Codec(library, "w")
    except (av.codec.codec.UnknownCodecError, ValueError):
        return f"this build of FFmpeg has no {library}"
    try:
        ctypes.CDLL("libnvidia-encode.so.1")
    except OSError:
        return "the driver's video encoder is not here (libnvidia-encode.so.1 not found)"
    try:
        trial: Any = av.CodecContext.create(library, "w")
        trial.width, trial.height = size
        trial.pix_fmt, trial.time_base, trial.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
        trial.options = {"gpu": str(index)}
        trial.open()
    except (av.error.FFmpegError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"for {size[0]} x {size[1]} pictures on CUDA device {index}"
        return f"{library} cannot be opened {what} ({str(reason).lower()})"
    return None


def _unfit(settings: EncodeSettings) -> str | None:
    if settings.codec not in NVENC:
        return f"NVENC is used for {' and '.join(NVENC)}, but this is {settings.codec}"
    if settings.crf == 0:
        return "crf 0 asks for pictures without loss, and NVENC takes it for a quality of its own choice"
    if settings.preset is not None and settings.preset not in NVENC_PRESETS:
        return f"preset {settings.preset} is {settings.library}'s, and NVENC has {', '.join(NVENC_PRESETS)}"
    return None
