"""A small run that `vidface verify` is tried on: a toy that remembers, 25 s at 4 frames a second."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import vidface
from tests.media.make_clips import Clip, make
from vidface.graph.custody import MANIFEST, with_digests

NODE = '''
"""A face that moves by what all pictures before were like."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vidface.data import Faces
from vidface.data.frame import Frame
from vidface.node import FOREVER, Node


class Walk(Node):
    """One face."""

    memory: ClassVar[int] = FOREVER
    step: float = Field(0.25, description="How far it goes.")
    _sum: float

    def reset(self) -> None:
        self._sum = 0.0

    def process(self, frame: Frame) -> Faces:
        self._sum = self._sum * 0.99 + self.step * float(frame.luma().mean())
        return Faces.of([[1, 1, 9 + self._sum, 12]], scores=[0.5], tracks=[1])
'''
GRAPH = {
    "version": 1,
    "device": "cpu",
    "nodes": {"walk": {"use": "./walk.py", "in": {"frame": "source"}, "with": {"step": 0.25}}},
    "outputs": {
        "faces": "walk",
        "video": {"in": {"frame": "source"}, "use": "video"},
    },
}


def make_run(folder: Path, **options: Any) -> Path:
    """Run it in `folder` and give the run's folder, `folder/out`."""
    clip = make(folder / "clip.mp4", Clip(pts=tuple(range(100)), time_base=Fraction(1, 4)))
    (folder / "walk.py").write_text(NODE)
    graph = folder / "walk.yaml"
    graph.write_text(json.dumps(GRAPH, indent=1))
    for _ in vidface.run(graph, clip, folder / "out", forensic=True, **options):
        pass
    return folder / "out"


def copy_of(run: Path, place: Path) -> Path:
    """The run's folder alone, somewhere else."""
    return Path(shutil.copytree(run, place / "moved"))


def forge(run: Path, **changes: Any) -> dict[str, Any]:
    """Change run.json as somebody would who knows its form: its digests fit again."""
    facts: dict[str, Any] = json.loads((run / MANIFEST).read_text())
    facts = with_digests(facts | changes)
    (run / MANIFEST).write_text(json.dumps(facts))
    return facts


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A secret key and its public one, as PEM files NAME.pem and NAME.pub."""
    secret = ed25519.Ed25519PrivateKey.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    own, public = folder / f"{name}.pem", folder / f"{name}.pub"
    own.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(secret.public_key().public_bytes(pem, form))
    return own, public
