"""recognize.better: of two embeddings of every face the one that recognises better."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.identity import Embeddings
from vidface.data.measures import Measure, Measures
from vidface.data.rows import check_rows
from vidface.errors import UsageError
from vidface.node import Node

KINDS: Final[tuple[Measure, ...]] = (
    Measure("recognisability_first", "probability", "Of the first embedding."),
    Measure("recognisability_second", "probability", "Of the second embedding, as of a restored picture."),
    Measure("embeddings_cosine", "ratio", "Cosine between the two: how far the second moved away."),
    Measure("embedding_used", "number", "1 or 2; empty where neither was measured."),
)
"""The columns, in order."""


class BetterEmbeddings(NamedTuple):
    """What recognize.better gives: the chosen rows, and both results."""

    embeddings: Embeddings
    report: Measures


class RecognizeBetter(Node):
    """Take the second embedding of a face only where it is clearly more recognisable than the first.

    Made for restoration before recognition: `first` from the picture as it is, `second` from the restored
    one. A restored picture may look fine and still be somebody else, so the second must win by `margin`
    and may not lie farther from the first than `min_cosine`. Both results go into the report.
    """

    margin: float = Field(0.02, ge=0, le=1, description="By which recognisability must rise.")
    min_cosine: float = Field(0.3, ge=-1, le=1, description="Least cosine between the two.")

    _counts: dict[str, int]

    def open(self, device: object) -> None:
        """Begin to count."""
        self._counts = {"first": 0, "second": 0}

    def facts(self) -> dict[str, int]:
        """How often each was taken."""
        return dict(self._counts)

    def process(self, faces: Faces, first: Embeddings, second: Embeddings) -> BetterEmbeddings:
        """Choose row by row.

        Raises:
            UsageError: the rows are not those of the faces, or the embedders differ.
        """
        check_rows(faces, first=first, second=second)
        if not len(first) or not len(second):
            used = first if len(first) else second
            return BetterEmbeddings(used, Measures.none(KINDS, len(faces)))
        if first.model != second.model:
            raise UsageError(
                f"first comes from the embedder {first.model}, second from {second.model}: their vectors "
                "cannot be compared; use one model for both."
            )
        cosine = (first.vectors * second.vectors).sum(1)
        here, there = first.recognisability, second.recognisability
        # Measured is what has a vector: not every embedder tells how recognisable a face is.
        lone = ~first.known & second.known
        takes = lone | ((there > here + self.margin) & (cosine >= self.min_cosine))
        some = first.known | second.known
        self._counts["first"] += int((some & ~takes).sum())
        self._counts["second"] += int(takes.sum())
        chosen = Embeddings(
            np.where(takes[:, None], second.vectors, first.vectors),
            np.where(takes, there, here),
            first.model,
        )
        both = first.known & second.known
        columns = (here, there, np.where(both, cosine, np.nan), np.where(some, 1.0 + takes, np.nan))
        return BetterEmbeddings(chosen, Measures(KINDS, np.column_stack(columns).astype(np.float32)))
