"""`vidface eval restore`, the judges: embedders and a mesh look at crops, and figures come out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli import _looks
from vidface.cli._looks import FaceEmbedder
from vidface.cli._restoreclip import FaceTrack
from vidface.data import Device, Faces
from vidface.data.mesh import Meshes
from vidface.errors import ModelError
from vidface.eval import flow, pictures, restore
from vidface.graph.harness import NodeHarness
from vidface.infer import session, weights
from vidface.infer.contract import prepare
from vidface.infer.digest import difference, measure
from vidface.infer.embedder import Looks
from vidface.infer.manifest import Manifest, WeightFile, read_manifest
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.mesh.face import MeshFace
from vidface.vision.align import TEMPLATES, to_template

OWN: Final = "ids"
INDEPENDENT: Final = "ids_independent"
_PART: Final = re.compile(r"(\w+) columns (\d+)\.\.(\d+) resized to (\d+)")
_BATCH: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the judges see of n crops of a track.

    Attributes:
        crops: n x 256 x 256 x 3 uint8.
        vectors: name of the figure -> n x d.
        points: n x 478 x 2, pixels of the crop; NaN where no face is found.
    """

    crops: NDArray[np.uint8]
    vectors: Mapping[str, NDArray[np.float32]]
    points: NDArray[np.float64]


class FileEmbedder:
    """An embedder in an ONNX file of the user's, read by the manifest that describes it.

    The manifest is `manifest.yaml` beside the file, or that of a known model whose hash the file has.

    Raises:
        ModelError: there is none, it describes no embedder, or the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        manifest, sha256 = _described(path)
        self._model = session.open_file(path, Device("cpu"), threads=2)
        self._spec = manifest.contract.inputs[0]
        shape = self._model.inputs[0].shape
        self.template: str = self._spec.template or "arcface112"
        self.size: int = (shape[2] if self._spec.layout == "NCHW" else shape[1]) or 112
        self.dimension: int = int(np.prod([n or 1 for n in self._model.outputs[0].shape[1:]]))
        self.fingerprint: str = f"{manifest.name}@{sha256[:12]}"
        self._batch = shape[0] or _BATCH

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        """n x size x size x 3 uint8 RGB -> looks; how recognisable they are is not known."""
        vectors = np.zeros((len(crops), self.dimension), np.float32)
        for at in range(0, len(crops), self._batch):
            part = crops[at : at + self._batch]
            fill = np.zeros((self._batch - len(part), *part.shape[1:]), np.uint8)
            found = self._model(prepare(self._spec, np.concatenate([part, fill])))
            rows = found[self._model.outputs[0].name].reshape(self._batch, -1)[: len(part)]
            vectors[at : at + len(part)] = rows / np.maximum(
                np.linalg.norm(rows, axis=1, keepdims=True), 1e-9
            )
        return Looks(vectors, np.full(len(crops), np.nan, np.float32))


def open_judge(name: str) -> FaceEmbedder:
    """The embedder of that name, or in that file.

    Raises:
        ModelError: it is missing, altered, or no embedder.
    """
    if name.endswith(".onnx") or "/" in name:
        return FileEmbedder(Path(name))
    return _looks.open_embedder(name)


def placed(embedder: FaceEmbedder, marks: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 3, what takes a face with these landmarks to the embedder's crop.

    Raises:
        ModelError: the embedder's manifest names a template that is not known.
    """
    part = _PART.fullmatch(embedder.template)
    template = TEMPLATES.get(part[1] if part else embedder.template)
    if template is None:
        raise ModelError(
            f"{embedder.fingerprint} wants crops of the template {embedder.template!r}; known are "
            f"{', '.join(TEMPLATES)}, or one like 'arcface112 columns 8..104 resized to 128'"
        )
    matrix = to_template(marks, template.name)
    first, last = (float(part[2]), float(part[3])) if part else (0.0, float(template.size))
    matrix[0, 2] -= first
    scale = np.array([embedder.size / (last - first), embedder.size / template.size])
    return np.asarray(matrix * scale[:, None], np.float64)


def look(track: FaceTrack, crops: NDArray[np.uint8], embedders: Mapping[str, FaceEmbedder]) -> Seen:
    """What the judges see of a track's crops; outside of the frame these are black."""
    inside = crops * track.masks[..., None]
    frames = [frame_from_rgb(crop, place) for place, crop in enumerate(inside)]
    vectors = {}
    for name, embedder in embedders.items():
        size = (embedder.size, embedder.size)
        faces = [
            frame.crop(placed(embedder, marks), size)
            for frame, marks in zip(frames, track.marks, strict=True)
        ]
        vectors[name] = embedder(np.stack(faces)).vectors
    rows = [Faces.of(box, landmarks=marks[None]) for box, marks in zip(track.boxes, track.marks, strict=True)]
    with NodeHarness(MeshFace(min_face_px=0)) as harness:
        found: list[Any] = harness.run(frame=frames, faces=rows)
    meshes: list[Meshes] = [mesh for mesh, _ in found]
    return Seen(inside, vectors, np.stack([mesh.points[0, :, :2] for mesh in meshes]).astype(np.float64))


def motions(track: FaceTrack) -> list[flow.Motion | None]:
    """Motion of the clean crops between neighbouring frames."""
    pairs = enumerate(restore.neighbours(track.frames.tolist()))
    return [
        flow.motion_between(track.clean[at], track.clean[at + 1], track.masks[at : at + 2]) if near else None
        for at, near in pairs
    ]


def steadiness(track: FaceTrack, seen: Seen, moved: Sequence[flow.Motion | None]) -> dict[str, float]:
    """The figures that tell how steady a video is; they also hold for the clean one."""
    frames = track.frames.tolist()
    inverse = np.linalg.inv(track.matrices[:, :, :2])
    in_frame = np.einsum("nij,npj->npi", inverse, seen.points - track.matrices[:, None, :, 2])
    return {
        "warp_error": flow.warp_error(list(seen.crops), moved),
        "flicker": flow.flicker(list(seen.crops), list(track.clean), moved),
        "identity_jitter": restore.identity_jitter(seen.vectors[OWN], frames),
        "landmark_jitter_pct": restore.landmark_jitter(in_frame, frames),
        "lost": float(np.isnan(seen.points).any((1, 2)).mean()),
    }


def likeness(track: FaceTrack, seen: Seen, clean: Seen) -> dict[str, float]:
    """The figures that tell how much a video is like the clean one."""
    rows = list(zip(seen.crops, track.clean, track.masks, strict=True))
    row = {
        "psnr_db": pictures.mean_psnr(rows),
        "ssim": pictures.mean_ssim(rows),
    }
    for name, vectors in seen.vectors.items():
        mean, spread = restore.identity_similarity(vectors, clean.vectors[name])
        row |= {name: mean, name.replace("ids", "ids_sigma"): spread}
    row["akd_px"] = restore.keypoint_distance(seen.points, clean.points)
    row["tlme_px"] = restore.motion_error(seen.points, clean.points, track.frames.tolist())
    return row


def _described(path: Path) -> tuple[Manifest, str]:
    """The manifest of a file, and its sha256."""
    if not path.is_file():
        raise ModelError(f"{path} is no file; give an ONNX file of an embedder, or the name of a model")
    digest = measure(path, WeightFile(name="model.onnx"))
    beside = path.parent / weights.MANIFEST
    known = [read_manifest(beside)] if beside.is_file() else []
    known += [entry.manifest for entry in weights.entries()]
    for manifest in known:
        stated = [file for file in manifest.files if file.sha256 is not None]
        if any(difference(file, digest) is None for file in stated):
            if manifest.task != "embed" or not manifest.contract.inputs:
                raise ModelError(
                    f"{path} is {manifest.name}, a model of the task {manifest.task}, no embedder"
                )
            return manifest, digest.sha256
    raise ModelError(
        f"{path} is described by no manifest, so nobody knows what its numbers mean: put a manifest.yaml "
        "with its sha256 beside it, or import it (vidface models import) and give its name"
    )
