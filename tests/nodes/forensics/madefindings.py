"""Findings by hand, and the verdicts of forensics.verdict on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.training.verdict import card
from vidface.data import Faces, Frame
from vidface.data.finding import Finding, Findings, Stretch
from vidface.data.verdict import Verdict
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.verdict import ForensicsVerdict
from vidface.vision.kindfusion import Fusion, KindWeight

PORTS = {
    **dict.fromkeys(("appearance", "inner_outer", "geometry", "motion"), "identity"),
    "texture_noise": "texture",
}
"""Kind -> port, where they differ."""
RATE = 25
PLAIN = KindWeight(0.0, 1.0, -4, 4, 1.0, 0.0, (-1.0, 0.0, 1.0))
FUSION = Fusion(
    {
        "blend": PLAIN,
        "geometry": PLAIN,
        "texture_noise": PLAIN,
        "pulse": KindWeight(0.5, 0.1, -3, 3, -0.5, 0.0),
        "lipsync": KindWeight(0.0, 1.0, -3, 3, 0.0, 0.0),
    },
    0.0,
    0.2,
    0.8,
)


class Nothing:
    """A picture that nobody looks at."""

    size = (640, 360)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def own_fusion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fusion named `made-verdict` in the user's model folder."""
    folder = tmp_path / "models" / "made-verdict"
    folder.parent.mkdir()
    monkeypatch.setenv("VIDFACE_MODELS", str(folder.parent))
    card.write(FUSION, folder)
    manifest = folder / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("name: vidface-verdict", "name: made-verdict", 1))
    return folder


def found(kind: str, second: float, score: float, *, track: int = 1, **more: Any) -> Finding:
    """A finding over the last second."""
    last = round(second * RATE)
    stretch = Stretch(max(0, last - RATE), last, Fraction(max(0, last - RATE), RATE), Fraction(last, RATE))
    return Finding(kind, track, stretch, score, **more)


def verdicts(
    *findings: Finding,
    tracks: Sequence[int] = (1,),
    present: Mapping[int, tuple[float, float]] | None = None,
    seconds: float = 6.0,
    ports: Sequence[str] = (),
    **fields: Any,
) -> list[Verdict]:
    """The last row of each track. Findings come in at their end, by the port of their kind.

    Args:
        present: track -> first and last second, of those that are not there throughout.
    """
    count = round(seconds * RATE) + 1
    by_port: dict[str, list[list[Finding]]] = {name: [[] for _ in range(count)] for name in ports}
    for one in findings:
        port = PORTS.get(one.kind, one.kind)
        by_port.setdefault(port, [[] for _ in range(count)])[one.stretch.last].append(one)
    frames = [Frame(i, i, Fraction(1, RATE), Nothing()) for i in range(count)]
    spans = dict.fromkeys(tracks, (0.0, seconds)) | dict(present or {})
    there = [[t for t in tracks if spans[t][0] <= i / RATE <= spans[t][1]] for i in range(count)]
    faces = [
        Faces.of([(100 * t, 10, 100 * t + 60, 90) for t in some], tracks=np.array(some, np.int64))
        for some in there
    ]
    values: Mapping[str, Any] = {
        name: [Findings(tuple(items)) for items in rows] for name, rows in by_port.items()
    }
    with NodeHarness(ForensicsVerdict(model="made-verdict", **fields)) as harness:
        rows = harness.run(frame=frames, faces=faces, **values)
    last: dict[int, Verdict] = {}
    for some, row in zip(there, rows, strict=True):
        last |= dict(zip(some, row, strict=True))
    return [last[t] for t in tracks]


def steadily(kind: str, score: float, **more: Any) -> list[Finding]:
    return [found(kind, at / 2, score, **more) for at in range(1, 13)]


def like(sigmas: float = -1.0, **more: Any) -> list[Finding]:
    """So far off the references, throughout: below 2 passes for the person."""
    return steadily("appearance", sigmas, **more)
