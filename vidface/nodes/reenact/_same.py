"""Do several pictures show one person? A likeness that is low is told; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vidface.data import Device
from vidface.infer.embedder import Embedder
from vidface.nodes.reenact._source import Still
from vidface.vision.align import to_template
from vidface.vision.facecrop import aligned
from vidface.vision.meshtopology import five_of_mesh

DOUBTFUL: Final = 0.2
"""Cosine of vidface-embed: of one person's pictures 2 to 6 pairs in 100 lie below it, of two people's 96."""


def doubts(stills: Sequence[Still], embedder: str, device: Device) -> list[str]:
    """One sentence for each further picture that hardly resembles the first one.

    Raises:
        ModelError: the embedder is missing, altered, or no embedder.
    """
    network = Embedder(embedder, device)
    try:
        crops = [
            aligned(one.pixels, to_template(five_of_mesh(one.mesh), network.template)[:2], network.size)
            for one in stills
        ]
        vectors = network(np.stack(crops).astype(np.uint8)).vectors
    finally:
        network.close()
    return [
        f"{one.path.name} hardly resembles {stills[0].path.name} (cosine {likeness:.2f}, below {DOUBTFUL}): "
        "check that both show one person; parts of either face are drawn"
        for one, likeness in zip(stills[1:], (vectors[1:] @ vectors[0]).tolist(), strict=True)
        if likeness < DOUBTFUL
    ]
