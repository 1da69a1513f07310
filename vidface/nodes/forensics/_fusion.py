"""Opening the weights of the fusion, for forensics.verdict."""

from __future__ import annotations

from vidface.data import oncejson
from vidface.errors import ModelError
from vidface.infer import weights
from vidface.vision.kindfusion import Fusion

DEFAULT_MODEL = "vidface-verdict"


def open_fusion(name: str, *, node: str) -> Fusion:
    """Find, verify and read a fusion.

    Raises:
        ModelError: it is missing, altered, or no fusion; `node` stands in the message.
    """
    manifest = weights.entry(name).manifest
    if manifest.format != "json":
        raise ModelError(
            f"{node}: model must be a fusion of tests (format json) such as {DEFAULT_MODEL}, "
            f"but {name} is {manifest.family} (format {manifest.format})."
        )
    path = weights.verify(name).path
    try:
        return Fusion.of(oncejson.read(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ModelError(f"{node}: {path} holds no fusion of tests: {error}.") from error
