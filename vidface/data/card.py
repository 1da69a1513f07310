"""Card: the place on a GPU where the pictures of one run live, and the order in which work on them is done.

Two CUDA streams: decoders write on the default stream, where FFmpeg's CUDA contexts work, and everything
else (pictures, crops, networks) happens on the card's own one, the lane. What is decoded is copied once, on
the card, into memory of torch's own; an event behind that copy tells the lane when it may read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from vidface.data.traffic import Traffic

Tensor = Any
"""A torch.Tensor; torch is an extra, so the name is not imported."""


class Card:
    """A torch device with a lane of its own.

    Args:
        name: torch's name of the device: "cuda:0", or "cpu", where everything works the same without
            streams (which is how it is tested where there is no card).
        traffic: counts copies between the card and the host.

    Raises:
        RuntimeError: torch has no such device.
    """

    def __init__(self, name: str, traffic: Traffic | None = None) -> None:
        import torch

        # Some containers turn TF32 on for all of torch: ten bits a factor, and results are to be the CPU's.
        torch.backends.cuda.matmul.allow_tf32 = False
        self.device = torch.device(name)
        self.traffic = Traffic() if traffic is None else traffic
        cuda: Any = torch.cuda
        self.stream: Any = cuda.Stream(self.device) if self.device.type == "cuda" else None

    def __str__(self) -> str:
        return str(self.device)

    def lane(self) -> AbstractContextManager[Any]:
        """Work in this block is queued on the lane."""
        if self.stream is None:
            return nullcontext()
        import torch

        made: AbstractContextManager[Any] = torch.cuda.stream(self.stream)
        return made

    def decoding(self) -> AbstractContextManager[Any]:
        """Work in this block is queued where the decoder's is: on the device's default stream."""
        if self.stream is None:
            return nullcontext()
        import torch

        made: AbstractContextManager[Any] = torch.cuda.stream(torch.cuda.default_stream(self.device))
        return made

    @contextmanager
    def bound(self) -> Iterator[None]:
        """In this block torch's CUDA context is the one that is current in this thread."""
        if self.stream is None:
            yield
            return
        import torch

        with torch.cuda.device(self.device):
            torch.zeros((), device=self.device)  # a thread has a context once it has asked for something
            yield

    def mark(self) -> Any:
        """An event behind what `decoding` has queued so far; None without streams."""
        if self.stream is None:
            return None
        import torch

        cuda: Any = torch.cuda
        with cuda.device(self.device):
            event = cuda.Event()
            event.record(cuda.default_stream(self.device))
        return event

    def take(self, mark: Any, *tensors: Tensor) -> None:
        """Let the lane use tensors of the decoder's stream: it waits for `mark`, and holds their memory."""
        if self.stream is None:
            return
        if mark is not None:
            self.stream.wait_event(mark)
        for tensor in tensors:
            tensor.record_stream(self.stream)

    @property
    def pointer(self) -> int:
        """The lane's cudaStream_t as a number; 0 without streams."""
        return 0 if self.stream is None else int(self.stream.cuda_stream)
