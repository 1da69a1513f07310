"""Opening: the input of a run, as its settings want it read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vidface.data.card import Card
from vidface.data.source import Source
from vidface.graph.camera import live_options
from vidface.graph.settings import Settings


def opened(clip: str | Path, settings: Settings, *, card: Card | None, lasts: Fraction | None) -> Source:
    """The input, open.

    Args:
        card: where pictures are to lie; None: in host memory.
        lasts: seconds for which one still picture is shown.

    Raises:
        InputError, UsageError: it cannot be read, or not so.
    """
    from vidface.media.decode import open_source

    return open_source(
        clip,
        card=card,
        rate=settings.rate,
        start=settings.start,
        stop=settings.stop,
        decoder=settings.decoder,
        colorspace=settings.colorspace,
        rotate=settings.rotate,
        square=settings.square,
        lasts=lasts,
        # What a decoder conceals behind damage depends on its threads.
        threads=1 if settings.forensic else 0,
        live=live_options(settings),
        realtime=settings.realtime,
    )
