"""vidface: the ffmpeg of faces in video."""

from importlib import import_module
from typing import TYPE_CHECKING

from vidface.version import __version__

if TYPE_CHECKING:
    from vidface.data import Embeddings, Faces, Frame
    from vidface.errors import FrameError, VidfaceError
    from vidface.graph.harness import NodeHarness
    from vidface.graph.plan import Plan, load
    from vidface.graph.report import RunReport
    from vidface.graph.run import Run, run
    from vidface.graph.tick import Tick
    from vidface.node import FOREVER, Batch, Node, Sink, Span, Window

__all__ = [
    "FOREVER",
    "Batch",
    "Embeddings",
    "Faces",
    "Frame",
    "FrameError",
    "Node",
    "NodeHarness",
    "Plan",
    "Run",
    "RunReport",
    "Sink",
    "Span",
    "Tick",
    "VidfaceError",
    "Window",
    "__version__",
    "load",
    "run",
]

_HOME = {
    "data": ("Embeddings", "Faces", "Frame"),
    "errors": ("FrameError", "VidfaceError"),
    "graph.harness": ("NodeHarness",),
    "graph.plan": ("Plan", "load"),
    "graph.report": ("RunReport",),
    "graph.run": ("Run", "run"),
    "graph.tick": ("Tick",),
    "node": ("FOREVER", "Batch", "Node", "Sink", "Span", "Window"),
}


def __dir__() -> list[str]:
    """The public names, also those that were not loaded yet: what notebooks complete."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: `vidface --help` needs neither pydantic nor NumPy."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"vidface.{module}"), name)
    raise AttributeError(f"module 'vidface' has no attribute {name!r}")
