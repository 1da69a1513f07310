"""The values that travel on edges: frozen, checked at birth, read-only arrays."""

from vidface.data.device import Device
from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame, Pixels
from vidface.data.identity import Embeddings
from vidface.data.planes import Matrix, Planes
from vidface.data.source import Hole, Source, SourceInfo

__all__ = [
    "NOT_TRACKED",
    "Device",
    "Embeddings",
    "Faces",
    "Frame",
    "Hole",
    "Matrix",
    "Pixels",
    "Planes",
    "Source",
    "SourceInfo",
]
