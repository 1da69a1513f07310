"""VideoSink: frames become a video file, with the input's sound and times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from vidface.data.frame import Frame
from vidface.data.source import SourceInfo
from vidface.media._beside import Beside, beside
from vidface.media.audio import AudioFrom
from vidface.media.codecs import CodecName, ContainerName, EncodeSettings
from vidface.media.cut import Cut
from vidface.media.encode import Encoder
from vidface.media.nvenc import EncoderWish, choose_encoder
from vidface.media.steps import steps_of
from vidface.node import Sink, Target
from vidface.sinks._labels import ABOUT, Labels, LabelWish

_OF_PIXELS = ("sample_aspect_ratio", "interlaced", "alpha")


class VideoSink(Sink):
    """Frames in, `NAME.mp4` (or .mkv, .webm, .mov) out: as many frames as came, at the same times."""

    codec: CodecName = Field("h264", description="Coding of the video.")
    crf: float | None = Field(None, ge=0, le=63, description="Constant quality, lower is better.")
    preset: str | None = Field(None, description="Speed against size, in the encoder's own words.")
    container: ContainerName = Field("mp4", description="File format.")
    audio: Literal["copy", "none"] = Field(
        "copy", description="Copy the sound of the input (or of --audio's file), or leave it out."
    )
    threads: int = Field(2, ge=1, le=64, description="Threads of the encoder.")
    encoder: EncoderWish = Field(
        "auto",
        description="NVENC on the card, software, or (auto) NVENC where a run works on a card that has it.",
    )
    label: LabelWish = Field("auto", description=ABOUT)

    _encoder: Encoder | None = None
    _labels: Labels
    _encoded_on: str = ""

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.{self.container}",)

    def start(self, target: Target) -> None:
        """Note where to write; the file is opened when the first frame comes.

        Raises:
            UsageError: the container does not hold the codec, an unknown preset, or NVENC was asked for by
                name where there is none.
        """
        settings = EncodeSettings(self.codec, self.container, self.crf, self.preset, self.threads)
        card = None if target.card is None else target.card.device.index or 0
        settings, self._encoded_on = choose_encoder(settings, self.encoder, card)
        sound, cut, nameless = None, Cut.of(target.start, target.stop), bool(target.hidden_by)
        if self.audio == "copy" and target.sound is not None:
            sound = AudioFrom(target.sound, cut, target.sound_lead, nameless)
        elif self.audio == "copy" and target.input is not None and target.info.audio:
            sound = AudioFrom(target.input, cut, nameless=nameless)
        self._labels = Labels(self.label, target)
        told = _beside(target, cut)
        if target.input is not None and self.container in ("mp4", "mov"):
            told = replace(told, steps=steps_of(target.input, target.info))
        self._encoder = Encoder(
            target.folder / f"{target.name}.{self.container}",
            settings,
            _shape_of(target),
            audio=sound,
            comment=target.comment,
            beside=told,
            traffic=None if target.card is None else target.card.traffic,
        )

    def process(self, frame: Frame) -> None:
        """Encode one frame.

        Raises:
            OutputError: the disk is full, the folder is gone, or the codec cannot hold the picture.
        """
        if self._encoder is None:
            raise RuntimeError("VideoSink.process wants start() first")
        self._encoder.write(self._labels.on(frame))

    def finish(self) -> dict[str, Any]:
        """Complete the file; facts for run.json."""
        if self._encoder is None:
            return {}
        facts = self._encoder.finish() | self._labels.facts()
        if not self._encoded_on:
            return facts
        kept = self._encoded_on.startswith("cpu") or self._encoder.library.endswith("nvenc")
        return facts | {
            "encoded_on": self._encoded_on if kept else f"cpu: {self._encoder.library}, see notes"
        }

    def close(self) -> None:
        """Let go of the file; what was written stays."""
        if self._encoder is not None:
            self._encoder.close()


def _beside(target: Target, cut: Cut) -> Beside:
    """Title and date go along where all of the input is shown, as it was, and nobody was hidden."""
    if target.input is None or target.info.container == "images":
        return Beside()
    keep = cut == Cut() and not target.hidden_by and target.provenance is None
    return beside(target.input, keep=keep, hdr="hdr" in target.info.extra)


def _shape_of(target: Target) -> SourceInfo:
    """The input, of whose pixels those that are made anew have not the shape: theirs are square and whole."""
    info, made = target.info, target.provenance
    if made is None or not made.created:
        return info
    extra = {key: value for key, value in info.extra.items() if key not in _OF_PIXELS}
    return replace(info, extra=extra)
