"""On card: which part of a run works on a GPU, which does not, and why; what run.json says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vidface.data.card import Card
from vidface.data.device import Device
from vidface.data.source import SourceInfo


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices of a run's nodes, and where its pictures lie.

    Attributes:
        devices: of each node, with the card on which pictures are, where they are on that device.
        card: where pictures lie; None: in host memory.
        why: why there, a phrase; empty where no node runs on a GPU.
    """

    devices: dict[str, Device]
    card: Card | None = None
    why: str = ""

    def to_json(self, info: SourceInfo, outputs: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
        """For run.json: part by part where it ran, and the copies; None where no node runs on a GPU.

        Args:
            info: of the input, once it is open.
            outputs: facts of the outputs, by name; a video says who encoded it.
        """
        if not self.why:
            return None
        decoded = info.extra.get("decoded_on", "cpu: this kind of input is decoded in host memory")
        return {
            "decoding": decoded if self.card is not None else f"cpu: {self.why}",
            "pictures": str(self.card) if self.card is not None else f"cpu: {self.why}",
            "models": {name: str(device) for name, device in self.devices.items()},
            "encoding": {
                name: facts["encoded_on"] for name, facts in outputs.items() if facts.get("encoded_on")
            },
            "copies": None if self.card is None else self.card.traffic.to_json(),
        }


def placed(devices: dict[str, Device]) -> Placement:
    """Put the pictures of a run on the card of its first node that runs on one.

    Nodes on other devices get pictures by way of host memory. Where model sessions are shared among
    cameras, or torch has no CUDA or cannot open the card, pictures stay there.
    """
    first = next((device for device in devices.values() if device.kind == "cuda"), None)
    if first is None:
        return Placement(devices)
    if first.pool is not None:
        return Placement(
            devices, why="model sessions are shared among cameras, whose pictures are in host memory"
        )
    from vidface.infer.devices import torch_lack

    lack = torch_lack(first.index)
    if lack is not None:
        return Placement(devices, why=lack)
    try:
        card = Card(str(first))
    except RuntimeError as error:  # busy, or in exclusive use: torch sees it all the same
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        return Placement(devices, why=f"torch cannot open {first} ({said})")
    on = {
        name: replace(device, card=card) if str(device) == str(first) else device
        for name, device in devices.items()
    }
    return Placement(on, card, f"node models run on {first}, and torch sees it")
