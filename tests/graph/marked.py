"""A toy graph that makes pictures of a person, for the tests of marking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NODE = '''
"""A toy that darkens pictures and says of itself what the test wants."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vidface.data.frame import Frame
from vidface.errors import FrameError
from vidface.node import Node


class Toy(Node):
    """Darker pictures."""

    generates = {generates}
    needs_consent: ClassVar[bool] = {needs_consent}
    source: Path | None = None
    fail_at: int = -1

    def creates(self) -> bool:
        return {creates}

    def process(self, frame: Frame) -> Frame:
        if frame.index == self.fail_at:
            raise FrameError("no")
        return frame.painted(lambda planes: planes.luma.__isub__(planes.luma // 4))
'''
CONSENT = "The project drew this square itself."


def write_graph(
    folder: Path, *, consent: str | None = CONSENT, outputs: Any = None, with_: Any = None, **facts: bool
) -> Path:
    """Write toy.py and toy.yaml; `facts` change generates, creates, needs_consent (all true)."""
    says = {"generates": True, "creates": True, "needs_consent": True} | facts
    (folder / "toy.py").write_text(NODE.format(**says))
    graph = {
        "version": 1,
        "device": "cpu",
        "nodes": {"toy": {"use": "./toy.py", "in": {"frame": "source"}, "with": with_ or {}}},
        "outputs": outputs or {"video": "toy"},
    }
    if consent is not None:
        graph["consent"] = consent
    path = folder / "toy.yaml"
    path.write_text(json.dumps(graph, indent=1))
    return path


def run_json(out: Path) -> dict[str, Any]:
    """What the run says of itself."""
    facts: dict[str, Any] = json.loads((out / "run.json").read_text())
    return facts
