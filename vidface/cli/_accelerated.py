"""What `vidface doctor` says of a GPU, part by part: each part works without the others, or says why not."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """One part of the way of a picture.

    Attributes:
        name: of the part. why_not: why it runs on the CPU, a phrase; None where the card serves.
        serves: what the card does where it serves.
    """

    name: str
    why_not: str | None
    serves: str

    @property
    def says(self) -> str:
        """One phrase for a report."""
        return self.serves if self.why_not is None else f"on the CPU: {self.why_not}"


def parts(index: int = 0) -> list[Part]:
    """Every part, tried on one card; torch, which is slow to load, only where there is a driver."""
    from vidface.infer import devices

    machine = devices.look()
    none = machine.driver if machine.cards == 0 else None
    # First, since FFmpeg refuses a card on which somebody else has begun, as the trial of the models does.
    decoding, encoding = _decoding(index), _encoding(index)
    models = devices.cuda_lack(machine) or _models(index)
    pictures = none or models or devices.torch_lack(index)
    bound = "; inputs are bound where they lie" if pictures is None else ""
    return [
        Part("gpu driver", none, machine.driver),
        Part("gpu models", models, f"ONNX Runtime offers CUDA{bound}"),
        Part("gpu pictures", pictures, "torch keeps pictures and crops on the card"),
        Part("gpu decoding", decoding or pictures, "NVDEC through PyAV, frames stay on the card"),
        Part("gpu encoding", encoding or _unless_asked(pictures), "NVENC (h264_nvenc)"),
    ]


def _unless_asked(pictures: str | None) -> str | None:
    """NVENC takes pictures of host memory as well, but not by itself."""
    return None if pictures is None else f"{pictures}; encoder=nvenc of the output takes NVENC all the same"


def _models(index: int) -> str | None:
    from vidface.infer.trial import models_lack

    return models_lack(index)


def _decoding(index: int) -> str | None:
    from vidface.media.nvdec import nvdec_lack

    return nvdec_lack(index)


def _encoding(index: int) -> str | None:
    from vidface.media.nvenc import nvenc_lack

    return nvenc_lack("h264_nvenc", index)
