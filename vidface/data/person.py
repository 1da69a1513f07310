"""PersonReferences: what is known of one person from references, to hold a clip against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

_NO_ROWS: Final = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class ReferenceSource:
    """A file that looks come from.

    Attributes:
        name: of the file, for people to read. digest: its SHA-256, hex.
        clip: it is no still picture. seconds: of it that show the face; 0 for a picture.
    """

    name: str
    digest: str
    clip: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class PersonReferences:
    """References of one person: n looks from s sources, w windows of how the person moves.

    Attributes:
        name: of the person, for people to read; may be empty.
        embedder: fingerprint of the model behind the vectors.
        mesh_model: fingerprint of the model behind the shapes.
        sources: s files.
        source: n int64, index into `sources`.
        vectors: n x d float32 of unit length.
        inner, outer: n x d float32, of the inside and of the outside alone; zeros where not measured.
        recognisability: n float32 in [0, 1], NaN where not known.
        shapes: n x g float64, see `vidface.vision.facegeometry`; NaN where not measured.
        angles: n x 2 float32, mean yaw and pitch in degrees; NaN where not known.
        eyes_px: n float32, distance between the eyes in pixels; NaN where not known.
        windows: w x m float32, see `vidface.vision.manner`.
        window_source: w int64, index into `sources`. window_end: w float64, seconds in that source.
    """

    name: str
    embedder: str
    mesh_model: str
    sources: tuple[ReferenceSource, ...]
    source: NDArray[np.int64]
    vectors: NDArray[np.float32]
    inner: NDArray[np.float32]
    outer: NDArray[np.float32]
    recognisability: NDArray[np.float32]
    shapes: NDArray[np.float64]
    angles: NDArray[np.float32]
    eyes_px: NDArray[np.float32]
    windows: NDArray[np.float32] = field(default_factory=lambda: _NO_ROWS)
    window_source: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    window_end: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))

    def __post_init__(self) -> None:
        n, d, w = len(self.vectors), self.vectors.shape[-1], len(self.windows)
        wanted: tuple[tuple[str, type, tuple[int | None, ...]], ...] = (
            ("source", np.int64, (n,)),
            ("vectors", np.float32, (None, d)),
            ("inner", np.float32, (n, d)),
            ("outer", np.float32, (n, d)),
            ("recognisability", np.float32, (n,)),
            ("shapes", np.float64, (n, self.shapes.shape[-1])),
            ("angles", np.float32, (n, 2)),
            ("eyes_px", np.float32, (n,)),
            ("windows", np.float32, (None, self.windows.shape[-1])),
            ("window_source", np.int64, (w,)),
            ("window_end", np.float64, (w,)),
        )
        for name, dtype, shape in wanted:
            array = frozen_array(f"PersonReferences.{name}", getattr(self, name), dtype=dtype, shape=shape)
            object.__setattr__(self, name, array)
        for name in ("source", "window_source"):
            rows = getattr(self, name)
            if rows.size and not (rows.min() >= 0 and rows.max() < len(self.sources)):
                raise ValueError(f"PersonReferences.{name} must lie in 0..{len(self.sources) - 1}")
        self._check_vectors()

    def _check_vectors(self) -> None:
        for name in ("vectors", "inner", "outer", "windows"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"PersonReferences.{name} must be finite, but holds NaN or infinity")
        for name in ("vectors", "inner", "outer"):
            norms = np.linalg.norm(getattr(self, name), axis=1)
            zero = norms == 0 if name != "vectors" else np.zeros(len(norms), np.bool_)
            if not np.all((np.abs(norms - 1) < 1e-3) | zero):
                raise ValueError(f"PersonReferences.{name} must have rows of unit length")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def parted(self) -> NDArray[np.bool_]:
        """n bool: looks whose inside and outside were embedded."""
        return np.asarray(self.inner.any(axis=1) & self.outer.any(axis=1))

    @property
    def shaped(self) -> NDArray[np.bool_]:
        """n bool: looks whose shape was measured."""
        return np.asarray(np.isfinite(self.shapes).all(axis=1))
