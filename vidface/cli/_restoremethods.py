"""`vidface eval restore`, the methods: a bad clip in, crops of its faces out, made better or just larger."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.cli._restoreclip import CROP, BadClip
from vidface.data import Frame
from vidface.data.provenance import Provenance
from vidface.errors import UsageError
from vidface.graph.lineage import provenance_of
from vidface.graph.plan import Outlet, Plan, Step, load
from vidface.graph.run import run
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb

Method = Callable[[BadClip], list[NDArray[np.uint8]]]
"""A bad clip -> of each track n x 256 x 256 x 3 uint8 RGB; what lies outside the frame does not count."""

_UNSHARP: Final = (2.0, 0.7)
"""Sigma in pixels of the crop, and how much of the difference is added."""
_DENOISE: Final = (3.0, 3.0, 7, 21)
"""Strength for brightness and colour, sides of the patch and of the search, as OpenCV names them."""
_MARGIN: Final = 16
_SIZE: Final = (CROP, CROP)

DESCRIPTIONS: Final = {
    "bicubic": "the bad frame enlarged by bicubic interpolation",
    "lanczos+unsharp": f"enlarged by Lanczos (8 x 8), unsharp mask of sigma {_UNSHARP[0]:g} px of the crop, "
    f"amount {_UNSHARP[1]:g}",
    "opencv-denoise": f"fastNlMeansDenoisingColored (h {_DENOISE[0]:g}, patch {_DENOISE[2]}, search "
    f"{_DENOISE[3]}) on the bad frame, then bicubic",
    "clean": "the clean crops themselves, for scale",
}


def bicubic(bad: BadClip) -> list[NDArray[np.uint8]]:
    """The bad frame enlarged."""
    return [
        np.stack([_warped(picture, matrix, cv2.INTER_CUBIC) for picture, matrix in rows])
        for rows in _rows(bad)
    ]


def lanczos_unsharp(bad: BadClip) -> list[NDArray[np.uint8]]:
    """Enlarged by Lanczos, then sharpened."""
    sigma, amount = _UNSHARP
    tracks = []
    for rows in _rows(bad):
        crops = [_warped(picture, matrix, cv2.INTER_LANCZOS4) for picture, matrix in rows]
        soft = [cv2.GaussianBlur(crop, (0, 0), sigma) for crop in crops]
        pairs = zip(crops, soft, strict=True)
        tracks.append(np.stack([_u8(cv2.addWeighted(a, 1 + amount, b, -amount, 0)) for a, b in pairs]))
    return tracks


def denoised(bad: BadClip) -> list[NDArray[np.uint8]]:
    """Non-local means (A. Buades et al., 2011) around each face of the bad frame, then enlarged."""
    return [
        np.stack([_warped(*_calmed(picture, matrix), cv2.INTER_CUBIC) for picture, matrix in rows])
        for rows in _rows(bad)
    ]


def through_graph(plan: Plan, bad: BadClip) -> list[NDArray[np.uint8]]:
    """The bad clip run through a graph, which finds its faces by itself; cut from the frames it puts out.

    Raises:
        UsageError: the graph gives another number of frames.
    """
    edge = next(edge for edge in _video(plan).wires.values() if plan.edges[edge] is Frame)
    wanted = [
        (track, dict(zip(track.frames.tolist(), range(len(track)), strict=True))) for track in bad.tracks
    ]
    crops = [np.zeros((len(track), CROP, CROP, 3), np.uint8) for track in bad.tracks]
    count = 0
    with tempfile.TemporaryDirectory() as name:
        work = run(plan, bad.store(Path(name)), rate=float(bad.rate))
        with work:
            for tick in work:
                frame: Frame = tick[edge]
                count += 1
                for place, (track, rows) in enumerate(wanted):
                    row = rows.get(tick.index)
                    if row is not None:
                        crops[place][row] = frame.crop(bad.matrix(track, row, frame.size), _SIZE)
    if count != len(bad.frames):
        raise UsageError(
            f"{plan.file.name} gives {count} frames for {len(bad.frames)} of {bad.clip}; wanted one for each"
        )
    return crops


def plan_of(graph: str, scale: float, overrides: tuple[str, ...] = ()) -> Plan:
    """The graph with its video alone; nodes that enlarge frames (field `scale`) do so by `scale`.

    `overrides` of the user's, as `node.param=value`, go last.

    Raises:
        GraphError, ModelError: it is not sound. UsageError: it puts out no video.
    """
    first = (_video(load(graph, overrides=overrides, check_models=False)).name,)
    draft = load(graph, outputs=first, check_models=False)
    enlarged = tuple(
        f"{step.name}.scale={_allowed(step, scale):g}" for step in draft.steps if _enlarges(step)
    )
    return load(graph, overrides=enlarged + overrides, outputs=first)


def provenance(plan: Plan) -> Provenance | None:
    """How the pictures of a graph came about; None where no node generates."""
    models = {name: weights.verify(name).sha256 for name in plan.models}
    return provenance_of(plan, _video(plan), models)


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {"bicubic": bicubic, "lanczos+unsharp": lanczos_unsharp, "opencv-denoise": denoised}
)
"""Name -> method; a graph becomes one by `through_graph` and `plan_of`."""


def _video(plan: Plan) -> Outlet:
    """The output of the kind video: the one called video, else the first."""
    found = [outlet for outlet in plan.outlets if outlet.use == "video"]
    if not found:
        kinds = ", ".join(outlet.use for outlet in plan.outlets) or "nothing"
        raise UsageError(
            f"{plan.file.name} does not restore: wanted an output of the kind video, but found {kinds}"
        )
    return min(found, key=lambda outlet: outlet.name != "video")


def _enlarges(step: Step) -> bool:
    return "scale" in type(step.node).model_fields and Frame in step.outputs.values()


def _allowed(step: Step, scale: float) -> float:
    """What the node takes, up to `scale`."""
    limits = [getattr(rule, "le", None) for rule in type(step.node).model_fields["scale"].metadata]
    return min([scale, *(float(limit) for limit in limits if limit is not None)])


def _rows(bad: BadClip) -> Iterator[list[tuple[NDArray[np.uint8], NDArray[np.float64]]]]:
    """Of each track the bad frames as video has them, and what takes them to the crop."""
    for track in bad.tracks:
        yield [
            (bad.in_video[frame], bad.matrix(track, row, bad.frames[frame].shape[1::-1]))
            for row, frame in enumerate(track.frames.tolist())
        ]


def _warped(picture: NDArray[np.uint8], matrix: NDArray[np.float64], how: int) -> NDArray[np.uint8]:
    """The crop, the picture's border carried on outside."""
    if abs(np.linalg.det(matrix[:, :2])) < 1:
        # Nothing to enlarge: averaged down, as interpolation alone would skip pixels.
        return frame_from_rgb(picture).crop(matrix, _SIZE)
    warp = matrix.copy()
    # OpenCV puts the centre of the first pixel at (0, 0).
    warp[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return _u8(cv2.warpAffine(picture, warp, _SIZE, flags=how, borderMode=cv2.BORDER_REPLICATE))


def _calmed(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of the picture that the crop shows, denoised, and the matrix from there."""
    corners = np.array([(0, 0), (CROP, 0), (0, CROP), _SIZE], np.float64)
    seen = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    high, wide = picture.shape[:2]
    x1, y1 = np.clip(np.floor(seen.min(0)).astype(int) - _MARGIN, 0, (wide - 1, high - 1)).tolist()
    x2, y2 = np.clip(np.ceil(seen.max(0)).astype(int) + _MARGIN, (x1 + 1, y1 + 1), (wide, high)).tolist()
    bgr = np.ascontiguousarray(picture[y1:y2, x1:x2, ::-1])
    light, colour, patch, search = _DENOISE
    calm = cv2.fastNlMeansDenoisingColored(bgr, None, light, colour, patch, search)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (x1, y1)
    return np.ascontiguousarray(_u8(calm)[..., ::-1]), moved


def _u8(picture: object) -> NDArray[np.uint8]:
    return np.asarray(picture, np.uint8)
