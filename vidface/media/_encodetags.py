"""What an encoder is told of its pictures: colours and the shape of a pixel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.video.format import VideoFormat

from vidface.media.codecs import EncodeSettings
from vidface.media.colour import UNSPECIFIED, Colour, matrix_by_size


def tagged_otherwise(colour: Colour, first: Colour) -> bool:
    """Its primaries or transfer are stated and not those of the first frame; they are not converted."""
    stated = ((colour.primaries, first.primaries), (colour.transfer, first.transfer))
    return any(own not in (UNSPECIFIED, other) for own, other in stated)


def tag(stream: Any, colour: Colour, size: tuple[int, int], aspect: Fraction | None) -> None:
    """Tell a stream's encoder its colours, and the shape of a pixel where it is not square."""
    context = stream.codec_context
    # An untagged input stays so, unless players would take a picture of this size for something else.
    told = colour.source != "size" or colour.matrix != matrix_by_size(*size)
    if told:
        context.colorspace = colour.tag
    if told or colour.full_range:
        context.color_range = colour.range_code
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    if aspect is not None:
        context.sample_aspect_ratio = aspect


def lost_shape(settings: EncodeSettings, aspect: Fraction | None) -> str | None:
    """What is said where a file plays with square pixels, whose pictures have others; else None.

    Matroska keeps the shape of a pixel in a field of its own, which PyAV does not reach; H.264 and HEVC have
    it in the stream as well.
    """
    if aspect is None or settings.container not in ("mkv", "webm") or settings.codec in ("h264", "h265"):
        return None
    shape = f"{aspect.numerator}:{aspect.denominator}"
    other = "h265 in mkv" if settings.codec == "ffv1" else "mp4"
    return (
        f"the shape of a pixel, {shape}, is not told in {settings.container} with {settings.codec}, so that "
        f"players show square ones; {other} keeps it"
    )


def lost_colours(decoded: str, coded: str) -> str | None:
    """What is said where RGB is coded with a quarter of its colour samples; else None."""
    try:
        rgb = decoded == "pal8" or bool(VideoFormat(decoded, 64, 64).is_rgb)
    except ValueError:  # what the input says is no format of FFmpeg's
        return None
    if not rgb or "420" not in coded:
        return None
    return f"RGB ({decoded}) was coded as 4:2:0, which has a quarter of its colour samples"
