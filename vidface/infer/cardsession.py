"""A model session beside pictures on a card: inputs are bound where they lie, on the card's own stream.

ONNX Runtime runs on the lane of the card (`user_compute_stream`), so what torch queued there before is
ready when the network reads it, and nothing waits for the host. Outputs come to the host, as every
session's do: they are small, and what reads them is NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data.card import Card


class CardSession:
    """An ONNX Runtime session whose inputs may be torch tensors on `card`; `vidface.infer.session.Session`.

    Called from one thread at a time, as nodes are.

    Args:
        session: opened with the card's stream, see `stream_option`.
        card: where the tensors are.
    """

    def __init__(self, session: Any, card: Card) -> None:
        self._session = session
        self._card = card

    def run(self, names: Sequence[str], feed: Mapping[str, Any]) -> list[NDArray[Any]]:
        """Outputs of these names, in host memory; arrays among the inputs are copied and counted."""
        traffic, kind = self._card.traffic, self._card.device.type
        with self._card.lane():
            binding = self._session.io_binding()
            held = []  # until the run is over: a binding knows addresses only
            for name, value in feed.items():
                if isinstance(value, np.ndarray):
                    array = np.ascontiguousarray(value)
                    held.append(array)
                    binding.bind_cpu_input(name, array)
                    traffic.add("inputs_to_card", array.nbytes)
                    continue
                tensor = value.contiguous()
                held.append(tensor)
                binding.bind_input(
                    name,
                    kind,
                    self._card.device.index or 0,
                    np.dtype(str(tensor.dtype).removeprefix("torch.")).type,
                    tuple(tensor.shape),
                    tensor.data_ptr(),
                )
            for name in names:
                binding.bind_output(name)
            self._session.run_with_iobinding(binding)
            outputs: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
        for array in outputs:
            traffic.add("results_to_host", array.nbytes)
        return outputs

    def get_inputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""
        return tuple(self._session.get_inputs())

    def get_outputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""
        return tuple(self._session.get_outputs())

    def get_providers(self) -> Sequence[str]:
        """As ONNX Runtime."""
        return tuple(self._session.get_providers())


def stream_option(card: Card | None) -> dict[str, str]:
    """The option of the CUDA provider that makes a session work on the card's lane."""
    if card is None or not card.pointer:
        return {}
    return {"user_compute_stream": str(card.pointer)}
