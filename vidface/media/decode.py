"""Open an input: a video file or address, a camera, a folder of pictures, one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidface.data.address import local
from vidface.data.source import Source
from vidface.errors import UsageError
from vidface.media.cut import Cut
from vidface.media.decord_reader import DecordSource
from vidface.media.images import ImageSource, is_still
from vidface.media.live.address import LiveAddress, live_address
from vidface.media.live.source import LiveSource
from vidface.media.opening import is_url
from vidface.media.orient import clockwise
from vidface.media.reader import PyavSource
from vidface.media.square import squared

DECODERS = ("pyav", "decord")


def open_source(
    path: str | Path,
    *,
    start: float | None = None,
    stop: float | None = None,
    decoder: str = "pyav",
    **options: Any,
) -> Source:
    """Open whatever `path` is.

    Args:
        path: a video file, an address, a folder of pictures or one picture.
        start, stop: seconds on the input's own clock; frames with start <= time < stop are read, to the
            microsecond. Of a live input: it is watched for `stop` seconds.
        decoder: "pyav", or "decord" where that is installed (see `vidface.media.decord_reader` for
            what it gets wrong).
        options: `threads` (0: as many as there are cores), `colorspace` ("bt601", "bt709", "bt2020"
            overrides the tags), `rate` (frames a second of pictures, 25 if not given), `lasts` (seconds for
            which one still picture is shown; anything else lasts as long as it does), `rotate` (0, 90, 180
            or 270 degrees clockwise beyond what the file asks for; of cameras see LiveOptions), `square`
            (stretch pictures of a file until pixels are square, see `vidface.media.square`), `live`
            (LiveOptions of cameras and streams), `realtime` (play a file as if it were live), `card` (a Card
            on which files are decoded where NVDEC can; anything else is decoded in host memory).

    Raises:
        InputError: there is nothing to read there; one sentence says what was found instead.
        UsageError: an unknown decoder or option, or an empty part.
    """
    known = {"threads", "colorspace", "rate", "lasts", "live", "realtime", "card", "rotate", "square"}
    for key in options:
        if key not in known:
            raise UsageError(f"open_source takes {', '.join(sorted(known))}, but got {key!r}.")
    if decoder not in DECODERS:
        raise UsageError(f"--decoder wants one of {', '.join(DECODERS)}, but got {decoder!r}.")
    path = local(path)
    camera = live_address(path, realtime=options.get("realtime", False))
    if camera is not None:
        return _watched(camera, options, start=start, stop=stop, decoder=decoder)
    return _read(path, options, cut=Cut.of(start, stop), decoder=decoder)


def _read(path: str | Path, options: dict[str, Any], *, cut: Cut, decoder: str) -> Source:
    """Pictures or a video file."""
    turned, threads = clockwise(options.get("rotate") or 0), options.get("threads") or 0
    card, colorspace = options.get("card"), options.get("colorspace")
    if not is_url(path) and (Path(path).is_dir() or is_still(Path(path))):
        lasts, rate = options.get("lasts"), options.get("rate")
        return ImageSource(Path(path), cut=cut, rate=rate, colorspace=colorspace, lasts=lasts, turned=turned)
    if decoder == "pyav":
        square = options.get("square", False)
        card = None if square else card  # pictures are stretched in host memory
        opened = PyavSource(path, cut=cut, threads=threads, colorspace=colorspace, card=card, turned=turned)
        return squared(opened) if square else opened
    if options.get("square"):
        raise UsageError("--square is for the decoder pyav: leave --decoder out")
    if not turned.upright:
        raise UsageError("--rotate is for the decoder pyav: leave --decoder out")
    return DecordSource(path, cut=cut, threads=threads)


def _watched(
    camera: LiveAddress, options: dict[str, Any], *, start: float | None, stop: float | None, decoder: str
) -> Source:
    if start is not None:
        raise UsageError(f"--from wants a past, but {camera.name} is live; --to says for how long to watch.")
    if options.get("square"):
        raise UsageError(f"--square is for files, but {camera.name} is live.")
    if decoder != "pyav":
        raise UsageError(f"--decoder {decoder} reads files only, but {camera.name} is live.")
    return LiveSource(camera, options.get("live"), colorspace=options.get("colorspace"), lasts_s=stop)
