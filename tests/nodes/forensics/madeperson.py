"""A made person's references and streams, in the vectors of the shipped embedder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.nodes.forensics.madeface import MODEL, faces_of, mesh_at, stream
from vidface.data import Embeddings
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.data.pose import Poses
from vidface.infer import weights
from vidface.nodes.forensics._person import fingerprint_of, open_prior
from vidface.nodes.mesh.measures import KINDS
from vidface.vision.facegeometry import shape_of
from vidface.vision.manner import signals_of, windows_of
from vidface.vision.meshmodel import MeshFitter
from vidface.vision.personfile import packed

EMBEDDER = f"vidface-embed@{weights.verify('vidface-embed').sha256[:12]}"
MESH_MODEL = fingerprint_of("vidface-meshmodel")
PRIOR = open_prior("vidface-person")
D = len(PRIOR.vector_mean)
FACE = mesh_at()
_SEED = 77
GREY = np.full((240, 320, 3), 128.0, np.float32)


def vector(who: int, seed: int = 0, *, cosine: float = 0.85) -> np.ndarray:
    """A unit vector about that near to a made person."""
    centre, away = (
        np.random.default_rng(who).normal(size=D),
        np.random.default_rng((who, seed)).normal(size=D),
    )
    mixed = cosine * centre / np.linalg.norm(centre) + np.sqrt(1 - cosine**2) * away / np.linalg.norm(away)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def person(recordings: int = 4, who: int = 1, *, seconds: float = 0.0) -> PersonReferences:
    """References with the mean face's shape; of `seconds` of movement each."""
    fitter = MeshFitter(MODEL, one_person=True)
    moved = [windows_of(*habit(seconds, who, n)) for n in range(recordings)] if seconds else []
    vectors = np.stack([vector(who, n) for n in range(recordings)])
    person = PersonReferences(
        *("Ann", EMBEDDER, MESH_MODEL),
        sources=tuple(ReferenceSource(f"{n}.mp4", "", clip=bool(seconds)) for n in range(recordings)),
        source=np.arange(recordings), vectors=vectors, inner=vectors, outer=vectors,
        recognisability=np.full(recordings, 0.9, np.float32),
        shapes=np.stack([shape_of([FACE], fitter)] * recordings),
        angles=np.zeros((recordings, 2), np.float32), eyes_px=np.full(recordings, 60, np.float32),
    )  # fmt: skip
    if not moved:
        return person
    counts = [len(windows) for windows, _ in moved]
    return replace(
        person,
        windows=np.concatenate([windows for windows, _ in moved]),
        window_source=np.repeat(np.arange(recordings), counts),
        window_end=np.concatenate([ends for _, ends in moved]),
    )


def saved(folder: Path, references: PersonReferences, name: str = "ann.npz") -> str:
    """Path of the references' file."""
    (folder / name).write_bytes(packed(references))
    return str(folder / name)


def habit(seconds: float, who: int, seed: int, fps: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Times and signals of a face that moves in a person's way."""
    parts = [moving(index, fps, who, seed) for index in range(round(seconds * fps) + 1)]
    rows = [signals_of(pose.angles, measures, mesh.blendshapes)[0] for pose, measures, mesh in parts]
    return np.arange(len(rows)) / fps, np.stack(rows)


def moving(index: int, fps: int, who: int, seed: int) -> tuple[Poses, Measures, Meshes]:
    """Pose, measures and mesh of one moment: which signals go together follows from `who`."""
    mix = np.random.default_rng(700 + who).normal(size=(4, 3 + len(KINDS) + 52))
    phase = np.random.default_rng(seed).uniform(0, 6.28, 4)
    drive = np.sin(2 * np.pi * np.array([0.7, 1.1, 1.6, 2.3]) * index / fps + phase)
    row = (drive @ mix).astype(np.float32)
    pose = Poses(
        3 * row[None, :3], np.zeros((1, 2), np.float32), np.full(1, 60, np.float32), np.zeros(1, np.float32)
    )
    measures = Measures(KINDS, row[None, 3 : 3 + len(KINDS)] * 0.1 + 1)
    shapes = np.clip(0.5 + 0.1 * row[None, 3 + len(KINDS) :], 0, 1)
    return pose, measures, Meshes.of(FACE[None], blendshapes=shapes)


def clip(
    seconds: float,
    who: int = 1,
    *,
    habits: int | None = None,
    fps: int = 25,
    sure: float = 0.9,
) -> dict[str, list[Any]]:
    """Ports of a clip in which one tracked face of a made person moves in the way of `habits`."""
    ports = stream(seconds, lambda _index, _time: GREY, points=[FACE], fps=fps)
    count = len(ports["frame"])
    ports["embeddings"] = [
        Embeddings(vector(who, _SEED + n)[None], np.full(1, sure, np.float32), EMBEDDER) for n in range(count)
    ]
    parts = [moving(n, fps, who if habits is None else habits, _SEED) for n in range(count)]
    ports["pose"], ports["measures"], ports["mesh"] = (list(column) for column in zip(*parts, strict=True))
    ports["faces"] = [faces_of([FACE], [1])] * count
    return ports
