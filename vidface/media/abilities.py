"""What the libav build at hand can read and write."""

from __future__ import annotations

from collections.abc import Iterable

import av
import av.codec.hwaccel

_READS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg", "prores", "gif", "ffv1")
_WRITES = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "libaom-av1", "ffv1", "h264_nvenc", "hevc_nvenc")


def decoders() -> tuple[str, ...]:
    """Of the codecs that people bring, those that can be decoded here."""
    return tuple(_known(_READS, "r"))


def encoders() -> tuple[str, ...]:
    """Of the encoders that vidface uses, those that this build has; a hardware one may still find no card."""
    return tuple(_known(_WRITES, "w"))


def libraries() -> dict[str, str]:
    """Versions of libav's parts, which decode and encode."""
    return {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}


def hardware() -> str:
    """The hardware decoding methods compiled in, as one phrase; of them CUDA's (NVDEC) is used."""
    found = av.codec.hwaccel.hwdevices_available()
    return f"compiled in: {', '.join(found)}" if found else "none compiled in"


def _known(names: Iterable[str], mode: str) -> Iterable[str]:
    for name in names:
        try:
            av.Codec(name, "r" if mode == "r" else "w")
        except (av.codec.codec.UnknownCodecError, ValueError):
            continue
        yield name
