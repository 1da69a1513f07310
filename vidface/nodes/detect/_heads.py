"""How to read the outputs of a detector's network, by its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vidface.errors import ModelError
from vidface.infer import session
from vidface.vision.detection import YUNET_OUTPUTS, Decoder, decode_retinaface, decode_scrfd, decode_yunet

_IN_GRAPH_ORDER: Final[Mapping[str, Decoder]] = {"scrfd": decode_scrfd, "retinaface": decode_retinaface}


def reader(model: session.Model, family: str) -> tuple[Decoder, tuple[str, ...]]:
    """How to read a model's outputs, and in which order to take them.

    Raises:
        ModelError: the family is not known, or the outputs are not the family's.
    """
    names = tuple(port.name for port in model.outputs)
    if family in _IN_GRAPH_ORDER:
        return _IN_GRAPH_ORDER[family], names
    if family != "yunet":
        raise ModelError(
            f"detect.face reads models of the families yunet, {', '.join(_IN_GRAPH_ORDER)}, "
            f"but {model.name} is of {family}."
        )
    if set(names) != set(YUNET_OUTPUTS):
        raise ModelError(
            f"{model.name}: a model of the family yunet gives {', '.join(YUNET_OUTPUTS)}, "
            f"but this one gives {', '.join(names)}; its manifest names the wrong family."
        )
    return decode_yunet, YUNET_OUTPUTS
