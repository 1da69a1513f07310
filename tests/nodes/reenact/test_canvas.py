"""Pictures made of a still in a stream of HDR: they say what they are, and their colours are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from av.video.frame import VideoFrame

from vidface.data import Frame, Planes
from vidface.media.colour import UNSPECIFIED, Colour
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.nodes.reenact._canvas import canvas, coded_as
from vidface.vision.rgbplanes import fill_planes

SIZE = (64, 48)
RED = np.full((SIZE[1], SIZE[0], 3), (200, 40, 60), np.uint8)
PQ = Colour("bt2020", primaries=9, transfer=16, tag=9, source="tags")
SDR = Colour("bt709", primaries=1, transfer=1, tag=1, source="tags")


def driver(colour: Colour) -> Frame:
    """A frame of ten bits in a colour."""
    picture = VideoFrame(128, 96, "yuv420p10le")
    for plane in picture.planes:
        plane.update(np.full(plane.buffer_size // 2, 512, np.uint16).tobytes())
    return replace(frame_from_rgb(RED, 7), pixels=AvPixels(picture, colour=colour))


def made(colour: Colour) -> tuple[Frame, Colour]:
    """A red still in a stream of a colour, and what the encoder is told of it."""

    def paint(planes: Planes) -> None:
        fill_planes(planes, RED)

    out = canvas(driver(colour), coded_as(frame_from_rgb(RED)), SIZE, paint)
    return out, AvPixels.of(out).upright()[1]


@pytest.mark.parametrize("colour", [PQ, SDR])
def test_a_still_has_its_colours_in_any_stream(colour: Colour) -> None:
    """At the frame's place in time, of the size that was asked for."""
    out, _ = made(colour)
    assert (out.index, out.size) == (7, SIZE)
    assert np.abs(out.rgb().astype(int) - RED).max() <= 4


def test_in_a_stream_of_hdr_it_does_not_say_that_it_is_hdr() -> None:
    """It is coded as the still, whose primaries and transfer nobody states."""
    _, told = made(PQ)
    assert (told.primaries, told.transfer) == (UNSPECIFIED, UNSPECIFIED)
    assert told.matrix != "bt2020"


def test_in_any_other_stream_it_is_coded_as_that_is() -> None:
    out, told = made(SDR)
    assert told == SDR
    assert out.planes().bits == 10
