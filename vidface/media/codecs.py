"""What can be written: codecs, the pixel formats they take, the containers that hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from vidface.errors import UsageError

CodecName = Literal["h264", "h265", "vp9", "av1", "ffv1"]
ContainerName = Literal["mp4", "mkv", "webm", "mov"]


@dataclass(frozen=True, slots=True)
class CodecFacts:
    """One encoder.

    Attributes:
        library: FFmpeg's name of it.
        chroma: subsamplings it takes.
        bits: depths it takes.
        odd: it holds 4:2:0 and 4:2:2 pictures with an odd side.
        crf: default quality, None where there is no such scale.
        crf_max: the worst.
        preset: default speed.
        presets: what may be chosen instead.
    """

    library: str
    chroma: tuple[str, ...]
    bits: tuple[int, ...]
    odd: bool
    crf: float | None
    crf_max: float
    preset: str | None
    presets: tuple[str, ...]


_X26X = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
_ALL = ("420", "422", "444")
_FACTS: dict[CodecName, CodecFacts] = {
    "h264": CodecFacts("libx264", _ALL, (8, 10), False, 20, 51, "veryfast", _X26X),
    "h265": CodecFacts("libx265", _ALL, (8, 10, 12), False, 24, 51, "veryfast", _X26X),
    "vp9": CodecFacts("libvpx-vp9", _ALL, (8,), True, 31, 63, "5", tuple(map(str, range(9)))),
    "av1": CodecFacts("libsvtav1", ("420",), (8, 10), False, 32, 63, "10", tuple(map(str, range(14)))),
    "ffv1": CodecFacts("ffv1", _ALL, (8, 10, 12), True, None, 0, None, ()),
}
NVENC: dict[CodecName, str] = {"h264": "h264_nvenc", "h265": "hevc_nvenc"}
"""FFmpeg's names of the encoders on NVIDIA cards that are used here."""
NVENC_PRESETS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")
"""Their speeds, quickest first."""
_HOLDS: dict[ContainerName, tuple[CodecName, ...]] = {
    "mp4": ("h264", "h265", "vp9", "av1"),
    "mov": ("h264", "h265"),
    "mkv": ("h264", "h265", "vp9", "av1", "ffv1"),
    "webm": ("vp9", "av1"),
}


_LARGE, _HUGE = 1_000_000, 4_000_000
"""Pixels from which on x264 looks ahead 6, or 4, pictures and not the 10 of its preset: each of 1080p that
waits takes 7 MB."""


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How to encode; checked at birth.

    Attributes:
        codec, container: what is written.
        crf: constant quality, lower is better; None takes the codec's default.
        preset: speed against size, in the encoder's own words; None takes the default.
        threads: of the encoder.
        card: number of the CUDA device whose NVENC encodes; None: software.

    Raises:
        UsageError: a combination that does not exist; the message names the ones that do.
    """

    codec: CodecName = "h264"
    container: ContainerName = "mp4"
    crf: float | None = None
    preset: str | None = None
    threads: int = 2
    card: int | None = None

    def __post_init__(self) -> None:
        held = _HOLDS[self.container]
        if self.codec not in held:
            raise UsageError(f"{self.container} holds {', '.join(held)}, but not {self.codec}; try mkv.")
        facts = self.facts
        presets = (*facts.presets, *(NVENC_PRESETS if self.codec in NVENC else ()))
        if self.preset is not None and self.preset not in presets:
            choice = f"one of {', '.join(facts.presets)}" if facts.presets else "no preset"
            raise UsageError(f"{self.codec} wants {choice}, but got preset {self.preset!r}.")
        if self.crf is not None and not 0 <= self.crf <= facts.crf_max:
            raise UsageError(f"{self.codec} wants a crf of 0 to {facts.crf_max:g}, but got {self.crf:g}.")

    @property
    def facts(self) -> CodecFacts:
        """The encoder behind the codec's name."""
        return _FACTS[self.codec]

    @property
    def library(self) -> str:
        """FFmpeg's name of the encoder."""
        return self.facts.library if self.card is None else NVENC[self.codec]

    def in_software(self) -> EncodeSettings:
        """The same without a card; a preset of the card's goes."""
        return replace(self, card=None, preset=None if self.preset in NVENC_PRESETS else self.preset)

    def options(self, key_interval: int, size: tuple[int, int]) -> dict[str, str]:
        """The encoder's private options: quality, speed, a key frame at least every `key_interval` frames.

        Args:
            key_interval: frames.
            size: width and height of the pictures.
        """
        crf = self.facts.crf if self.crf is None else self.crf
        preset = self.preset or self.facts.preset or ""
        made = {"g": str(key_interval)}
        if crf is not None:
            made["crf"] = f"{crf:g}"
        if self.card is not None:
            # Constant quality: a variable rate without a target, led by `cq` on the scale of crf.
            made["cq"] = made.pop("crf")
            speed = self.preset if self.preset in NVENC_PRESETS else "p4"
            return made | {"preset": speed, "rc": "vbr", "b": "0", "gpu": str(self.card), "forced-idr": "1"}
        if self.codec == "h264":
            # A look-ahead in a thread of its own holds more pictures and is no faster beside other work;
            # the bits are the same. Without "cpu-independent" the weights of its macroblock tree come out
            # otherwise from time to time (in 11 of 300 codings of a small clip; with it in none, as fast).
            params = f"sync-lookahead=0:cpu-independent=1{self._thrift(size)}"
            return made | {"preset": preset, "x264-params": params}
        if self.codec == "h265":
            quiet = f"log-level=error:pools={self.threads}:frame-threads=1"
            return made | {"preset": preset, "forced-idr": "1", "x265-params": quiet}
        if self.codec == "vp9":
            return made | {"b": "0", "deadline": "good", "cpu-used": preset, "row-mt": "1"}
        if self.codec == "av1":
            return made | {"preset": preset, "svtav1-params": f"lp={max(1, self.threads)}"}
        # FFV1 takes no number of slices where a side is odd; its own choice it does.
        odd = size[0] % 2 or size[1] % 2
        return made | {"level": "3", "slicecrc": "1"} | ({} if odd else {"slices": "4"})

    def _thrift(self, size: tuple[int, int]) -> str:
        """What x264 goes without so that it holds fewer large pictures; see tests/bench/LEDGER.md.

        A preset that was asked for keeps its own.
        """
        pixels = size[0] * size[1]
        if self.preset is not None or pixels < _LARGE:
            return ""
        return f":b-pyramid=none:rc-lookahead={6 if pixels < _HUGE else 4}"

    def pixel_format(self, name: str, size: tuple[int, int]) -> tuple[str, str | None]:
        """The format to encode a planar picture in, and what is lost on the way, if anything."""
        found = re.fullmatch(r"yuv(j?)(420|422|444)p(10le|12le)?", name)
        if found is None:
            raise ValueError(f"wanted a planar YUV format, but got {name!r}")
        full, chroma, deep = found[1], found[2], int((found[3] or "8le")[:-2])
        facts, lost = self.facts, []
        bits = max((b for b in facts.bits if b <= deep), default=8)
        if bits < deep:
            lost.append(f"{self.codec} holds {bits} bits of {deep}")
        if chroma not in facts.chroma:
            lost.append(f"{self.codec} holds 4:2:0 chroma only")
            chroma = "420"
        if not facts.odd and (size[0] % 2 or size[1] % 2) and chroma != "444" and "444" in facts.chroma:
            lost.append("odd-sized, so encoded as 4:4:4")
            chroma = "444"
        # NVENC has no formats of their own for the full range: that is a tag of the stream.
        j = full if bits == 8 and self.codec in NVENC and self.card is None else ""
        suffix = f"{bits}le" if bits > 8 else ""
        return f"yuv{j}{chroma}p{suffix}", "; ".join(lost) or None
