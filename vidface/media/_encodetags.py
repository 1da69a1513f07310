"""What an encoder is told of its pictures: colours and the shape of a pixel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

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
