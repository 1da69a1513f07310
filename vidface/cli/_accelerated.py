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
    models = devices.cuda_lack(machine)
    pictures = none or devices.torch_lack(index)
    return [
        Part("gpu driver", none, machine.driver),
        Part("gpu models", models, "ONNX Runtime offers CUDA; inputs are bound where they lie"),
        Part("gpu pictures", pictures, "torch keeps pictures and crops on the card"),
        Part("gpu decoding", _decoding(index) or pictures, "NVDEC through PyAV, frames stay on the card"),
        Part("gpu encoding", _encoding(index), "NVENC (h264_nvenc)"),
    ]


def _decoding(index: int) -> str | None:
    from vidface.media.nvdec import nvdec_lack

    return nvdec_lack(index)


def _encoding(index: int) -> str | None:
    from vidface.media.nvenc import nvenc_lack

    return nvenc_lack("h264_nvenc", index)
