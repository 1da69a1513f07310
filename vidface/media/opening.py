"""Open an input with FFmpeg, or say in one sentence why it cannot be read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.stream import VideoStream

from vidface.data.address import is_address, masked
from vidface.errors import InputError

# Bare elementary streams carry no signature that is safe to recognise; their name is the second opinion.
_RAW_FORMATS = {
    ".264": "h264", ".h264": "h264", ".avc": "h264", ".jsv": "h264", ".jvt": "h264", ".26l": "h264",
    ".265": "hevc", ".h265": "hevc", ".hevc": "hevc",
    ".m1v": "mpegvideo", ".m2v": "mpegvideo", ".obu": "obu",
}  # fmt: skip
# FFmpeg draws text files as pictures; nobody who passes one means that.
_TEXT_ART = {"ansi", "bintext", "idf", "xbin", "tty"}
# What these show stands in other files, which no hash of the input covers.
_LISTS = {
    "concat",
    "hls",
    "dash",
    "webm_dash_manifest",
    "imf",
    "sdp",
    "rtsp",
    "rtp",
    "sap",
    "avisynth",
}
_ONE_FILE = {"pattern_type": "none"}  # else FFmpeg takes the % in a picture's name for a row of files
_NETWORK_TIMEOUT_S = 10.0
_FOUR_FOUR_FOUR = "High 4:4:4 Predictive"


def is_url(path: str | Path) -> bool:
    """The input is an address rather than a file."""
    return is_address(path)


def shown_name(path: str | Path) -> str:
    """The input as people should see it: passwords in addresses are masked."""
    return masked(path, whole=True)


def address(path: str | Path) -> str:
    """What FFmpeg is told: a file by its protocol, since a colon in its name would be read as one."""
    return str(path) if is_url(path) else f"file:{path}"


def open_input(path: str | Path, *, hwaccel: HWAccel | None = None) -> InputContainer:
    """Open a file or an address for reading; the caller closes it.

    Args:
        path: what to read.
        hwaccel: what decodes it, see `vidface.media.nvdec`; None: FFmpeg's decoders on the CPU.

    Raises:
        InputError: there is nothing to read, it may not be read, it is no video or picture, or a file that
            only names others.
    """
    name = shown_name(path)
    if not is_url(path):
        _check_file(Path(path), name)
    timeout, options = (_NETWORK_TIMEOUT_S, None) if is_url(path) else (None, _ONE_FILE)
    try:
        container = av.open(
            address(path), "r", metadata_errors="replace", timeout=timeout, options=options, hwaccel=hwaccel
        )
    except av.error.FFmpegError as error:
        raw = _RAW_FORMATS.get(Path(str(path)).suffix.lower())
        if raw is not None:
            return _open_raw(path, raw, name, hwaccel)
        raise InputError(_why_not(path, name, error)) from error
    if not is_url(path):
        _check_alone(container, Path(path), name)
    return container


def video_stream(container: InputContainer, path: str | Path) -> VideoStream:
    """The stream to look at: FFmpeg's choice among those that are no cover picture.

    Raises:
        InputError: there is none, or no decoder for it.
    """
    name = shown_name(path)
    moving = [s for s in container.streams.video if not _is_cover(s)]
    if not moving:
        raise InputError(f"{name}: wanted a video stream, but found {_found(container)}.")
    best = container.streams.best("video")
    stream = next((s for s in moving if best is not None and s.index == best.index), moving[0])
    context: Any = stream.codec_context
    if context is None:
        raise InputError(f"{name}: there is no decoder for its video stream; convert it to H.264 first.")
    if context.codec.name in _TEXT_ART:
        raise InputError(f"{name}: is a text file, not a video or picture.")
    return stream


def other_videos(container: InputContainer, stream: VideoStream) -> tuple[str, ...]:
    """The other video streams, which nobody looks at, as phrases: "video stream 1 (h264, 320 x 240)"."""
    others = [s for s in container.streams.video if s.index != stream.index]
    told = []
    for one in others:
        context: Any = one.codec_context
        what = "no decoder here" if context is None else f"{context.codec.name}, {one.width} x {one.height}"
        told.append(f"{'cover picture' if _is_cover(one) else 'video stream'} {one.index} ({what})")
    return tuple(told)


def show_first(container: InputContainer, stream: VideoStream) -> None:
    """Let the decoder see the first packet, before a seek, where what follows cannot be read without it.

    x264 coded 4:4:4 wrongly up to its build 150. FFmpeg reads such streams rightly once it knows the build,
    which stands in the first packet alone.

    Raises:
        av.error.FFmpegError: it cannot be read.
    """
    context = stream.codec_context
    if context.codec.name == "h264" and context.profile == _FOUR_FOUR_FOUR:
        context.decode(next(container.demux(stream)))


def raw_format(container: InputContainer) -> bool:
    """The input is a bare elementary stream, which has no times."""
    return container.format.name in set(_RAW_FORMATS.values()) - {"obu"}


def _open_raw(path: str | Path, raw: str, name: str, hwaccel: HWAccel | None) -> InputContainer:
    try:
        return av.open(address(path), "r", format=raw, hwaccel=hwaccel)
    except av.error.FFmpegError as error:
        raise InputError(f"{name}: is not a readable {raw} stream ({_plain(error)}).") from error


def _check_file(path: Path, name: str) -> None:
    try:
        found = path.stat()
        if stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode) or stat.S_ISCHR(found.st_mode):
            raise InputError(
                f"{name}: wanted a file, which can be read more than once, but found a pipe or a device; "
                "save what comes from it to a file first."
            )
        if path.is_file() and found.st_size == 0:
            raise InputError(f"{name}: the file is empty (0 bytes).")
        with path.open("rb") as handle:
            handle.read(1)
    except FileNotFoundError as error:
        raise InputError(f"{name}: there is no such file; check the path.") from error
    except PermissionError as error:
        raise InputError(f"{name}: may not be read by this user; check its permissions.") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}).") from error


def _check_alone(container: InputContainer, path: Path, name: str) -> None:
    """An address may be a playlist; a file that is one would be hashed without what is looked at."""
    kind = container.format.name
    # Behind clip.MLV FFmpeg goes on in clip.M00.
    if kind == "mlv" and (beside := path.with_name(f"{path.name[:-2]}00")).exists():
        container.close()
        raise InputError(
            f"{name}: wanted a whole video, but found the first part of a recording (mlv) that goes on in "
            f"{beside.name}, which would be neither named nor hashed. Join its parts into one file first, or "
            "put this one into a folder of its own to look at it alone."
        )
    if _LISTS.isdisjoint(kind.split(",")):
        return
    container.close()
    raise InputError(
        f"{name}: wanted a video or picture, but found a file ({kind}) that only says which others to play; "
        "those would be neither named nor hashed. Give the video itself, or join its parts first: "
        f"ffmpeg -i {name} -c copy joined.mkv"
    )


def _why_not(path: str | Path, name: str, error: av.error.FFmpegError) -> str:
    if is_url(path):
        return f"{name}: cannot be opened ({_plain(error)}); check the address and the network."
    with Path(path).open("rb") as handle:
        head = handle.read(4096)
    if head[4:8] == b"ftyp":
        return (
            f"{name}: begins as an MP4, but its index (moov) is missing or damaged: the recording or the "
            "download was cut off before it was finished; get it again, or repair it with a recovery tool."
        )
    if _looks_like_text(head):
        return f"{name}: is text, not a video or picture, whatever its name says."
    return f"{name}: is not a video or picture that FFmpeg can read ({_plain(error)})."


def _plain(error: av.error.FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def _looks_like_text(head: bytes) -> bool:
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return printable > 0.95 * len(head)


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _found(container: InputContainer) -> str:
    counts = {
        "audio stream": len(container.streams.audio),
        "cover picture": len([s for s in container.streams.video if _is_cover(s)]),
        "subtitle stream": len(container.streams.subtitles),
    }
    parts = [f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n]
    return "only " + " and ".join(parts) if parts else "no stream at all"
