"""What is usual among real people: how far recordings of one person lie apart, before theirs are known."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.data.npz import read_npz
from vidface.errors import ModelError
from vidface.vision import facegeometry, manner, wander

Array = NDArray[np.float64]

TERMS: Final = 4
"""1, one over the number of references, lack of recognisability, and the product of these two."""


def terms(count: float, recognisability: float) -> Array:
    """`TERMS` numbers that a likeness to references depends on.

    Args:
        count: of recordings behind the references, 1 or more.
        recognisability: of what is held against them; NaN counts as 0.5.
    """
    lack = 1 - (recognisability if np.isfinite(recognisability) else 0.5)
    return np.array([1.0, 1 / count, lack, lack / count])


@dataclass(frozen=True, slots=True, eq=False)
class PersonPrior:
    """Measured on real people; see the card of vidface-person for whom and how.

    Attributes:
        embedder, mesh_model: fingerprints (as text) of the models that this was measured with.
        vector_mean, inner_mean, outer_mean: d, mean embeddings of people; likeness is taken around them.
        whole, inner, outer: 2 x TERMS, of the cosine to the references' centre: rows are its mean and its
            standard deviation.
        parted: 2, of the difference of inner and outer likeness in standard deviations: mean, sd.
        shape_pose: POSE_TERMS x g, how measured distances lean on the pose.
        shape_cov: g x g, of one person's distances between recordings.
        shape_level: 2 x 2: mean and standard deviation of the root of Mahalanobis' square; for one
            picture, and for a stretch of video.
        manner_mean: m, mean signature of windows of all people.
        manner_level: 2, of the likeness of a window to windows of the same person: mean, sd.
        drift: wander.TERMS, of the logarithm of the wander; drift_sd: 1, around it.
    """

    embedder: NDArray[np.str_]
    mesh_model: NDArray[np.str_]
    vector_mean: Array
    inner_mean: Array
    outer_mean: Array
    whole: Array
    inner: Array
    outer: Array
    parted: Array
    shape_pose: Array
    shape_cov: Array
    shape_level: Array
    manner_mean: Array
    manner_level: Array
    drift: Array
    drift_sd: Array

    def __post_init__(self) -> None:
        d, g = len(self.vector_mean), facegeometry.SIZE
        shapes: dict[str, tuple[int | None, ...]] = {
            **dict.fromkeys(("vector_mean", "inner_mean", "outer_mean"), (d,)),
            **dict.fromkeys(("whole", "inner", "outer"), (2, TERMS)),
            "parted": (2,),
            "shape_pose": (facegeometry.POSE_TERMS, g),
            "shape_cov": (g, g),
            "shape_level": (2, 2),
            "manner_mean": (manner.SIZE,),
            "manner_level": (2,),
            "drift": (wander.TERMS,),
            "drift_sd": (1,),
        }
        for name, shape in shapes.items():
            array = frozen_array(f"PersonPrior.{name}", getattr(self, name), dtype=np.float64, shape=shape)
            if not np.isfinite(array).all():
                raise ValueError(f"PersonPrior.{name} must be finite, but holds NaN or infinity")
            object.__setattr__(self, name, array)

    @classmethod
    def load(cls, path: Path) -> PersonPrior:
        """Read a .npz file with one array for each attribute.

        Raises:
            ModelError: the file cannot be read, lacks an array, or an array is not as described.
        """
        try:
            return cls(**read_npz(path, [field.name for field in fields(cls)]))
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{path}: no prior of people can be read from it ({error}).") from error

    def save(self, path: Path) -> None:
        """Write the arrays to a .npz file, compressed."""
        arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        np.savez_compressed(path, **arrays)

    def corrected(self, shapes: Any, yaw: Any, pitch: Any) -> Array:
        """Shapes (... x g) as if seen from the front; NaN stays NaN."""
        lean = facegeometry.pose_terms(yaw, pitch) @ self.shape_pose
        return np.asarray(np.asarray(shapes, np.float64) - lean)

    def check(self, *, embedder: str, mesh_model: str, prior: str) -> None:
        """Hold the prior against the models in use.

        Raises:
            ModelError: it was measured with others; `prior` stands in the message.
        """
        for what, own, used in (
            ("embedder", str(self.embedder), embedder),
            ("mesh model", str(self.mesh_model), mesh_model),
        ):
            if own != used:
                raise ModelError(
                    f"{prior} was measured with the {what} {own}, but {used} is in use: choose that {what}, "
                    "or measure anew with models/training/person_prior."
                )
