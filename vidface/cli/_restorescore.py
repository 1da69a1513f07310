"""`vidface eval restore`, one clip: every method judged against the clean clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli import _restorejudge as judge
from vidface.cli._looks import FaceEmbedder
from vidface.cli._restoreclip import BadClip
from vidface.cli._restorejudge import INDEPENDENT, OWN, Seen
from vidface.cli._restoremethods import Method, bicubic
from vidface.cli._restoresee import write_sheet
from vidface.data.provenance import Provenance
from vidface.eval.flow import Motion
from vidface.eval.restore import cosines, guard_share, identity_similarity, mean_row
from vidface.gallery.gallery import THRESHOLD

INPUT: Final = "bicubic"
"""The method that shows what went in; others are compared with it."""
CLEAN: Final = "clean"
"""The row of the clean clip itself."""
_TRIVIAL: Final = frozenset(
    {"psnr_db", "ssim", OWN, "ids_sigma", INDEPENDENT, "ids_sigma_independent", "akd_px", "tlme_px"}
)
"""Figures that say nothing about the clean clip, compared with itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Judges:
    """Who looks at the crops.

    Attributes:
        embedders: name of the figure -> embedder.
        references: m x d vectors of pictures of people, by the first embedder.
        sheets: folder for a picture of each clip, all methods side by side; None for none.
        synthetic: name of a method that makes synthetic pictures -> how they came about.
    """

    embedders: Mapping[str, FaceEmbedder]
    references: NDArray[np.float32]
    sheets: Path | None = None
    synthetic: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """Track by track what is known of a clip.

    Attributes:
        clean, before: what the judges see of the clean crops and of the input.
        moved: motion of the clean crops.
        owners: track -> vector of the reference pictures that belong to it.
        nobody: reference pictures that show none of the tracks.
    """

    clean: Sequence[Seen]
    before: Sequence[Seen]
    moved: Sequence[Sequence[Motion | None]]
    owners: Mapping[int, NDArray[np.float32]]
    nobody: int


def score_clip(
    bad: BadClip, ways: Mapping[str, Method], judges: Judges, *, group: str, name: str
) -> dict[str, Any]:
    """All figures of all methods on a clip, ready for JSON; without faces `results` is empty.

    Args:
        group: with which clips it is put together. name: of the clip's sheet; no other clip has it.

    Raises:
        UsageError: a method does not serve. OutputError: the picture cannot be written or signed.
    """
    row: dict[str, Any] = {
        "clip": bad.clip,
        "group": group,
        "frames": len(bad.frames),
        "size": list(bad.size),
        "degraded to": list(bad.frames[0].shape[1::-1]) if bad.frames else None,
        "crop_px": bad.crop_px if bad.tracks else None,
        "tracks": len(bad.tracks),
        "faces": sum(map(len, bad.tracks)),
        "left out": dict(bad.left_out),
        "reference": [],
        "references of nobody": 0,
        "results": {},
    }
    if not bad.tracks:
        return row
    truth = _truth(bad, judges)
    row["references of nobody"] = truth.nobody
    row["reference"] = [
        {"track": place, "cosine_clean": float(cosines(truth.clean[place].vectors[OWN], vector).mean())}
        for place, vector in truth.owners.items()
    ]
    shown: dict[str, NDArray[np.uint8]] = {}
    for method, way in ways.items():
        seen = truth.before if method == INPUT else _seen(bad, way(bad), judges)
        row["results"][method] = _figures(bad, seen, truth)
        shown[method] = seen[0].crops
    figures = _figures(bad, truth.clean, truth)
    row["results"][CLEAN] = {name: value for name, value in figures.items() if name not in _TRIVIAL}
    if judges.sheets is not None:
        path = judges.sheets / f"{name}.png"
        write_sheet(path, {**shown, CLEAN: truth.clean[0].crops}, judges.synthetic, bad.clip)
    return row


def _truth(bad: BadClip, judges: Judges) -> _Truth:
    clean = _seen(bad, [track.clean for track in bad.tracks], judges)
    return _Truth(
        clean,
        _seen(bad, bicubic(bad), judges),
        [judge.motions(track) for track in bad.tracks],
        *_owners(judges.references, clean),
    )


def _figures(bad: BadClip, seen: Sequence[Seen], truth: _Truth) -> dict[str, float]:
    rows = []
    for place, track in enumerate(bad.tracks):
        row = judge.likeness(track, seen[place], truth.clean[place])
        row |= judge.steadiness(track, seen[place], truth.moved[place])
        vector = truth.owners.get(place)
        if vector is not None:
            old, new = (cosines(one[place].vectors[OWN], vector) for one in (truth.before, seen))
            row["guard_share"] = guard_share(old, new)
        rows.append(row)
    return mean_row(rows, [len(track) for track in bad.tracks]) | spreads(seen, truth.clean)


def spreads(seen: Sequence[Seen], clean: Sequence[Seen]) -> dict[str, float]:
    """sigma_IDS of each embedder over all frames of all tracks: people apart count, too."""
    found = {}
    for name in seen[0].vectors:
        pairs = [np.concatenate([one.vectors[name] for one in some]) for some in (seen, clean)]
        found[name.replace("ids", "ids_sigma")] = identity_similarity(*pairs)[1]
    return found


def _seen(bad: BadClip, crops: Sequence[NDArray[np.uint8]], judges: Judges) -> list[Seen]:
    pairs = zip(bad.tracks, crops, strict=True)
    return [judge.look(track, rows, judges.embedders) for track, rows in pairs]


def _owners(
    references: NDArray[np.float32], clean: Sequence[Seen]
) -> tuple[dict[int, NDArray[np.float32]], int]:
    """Track -> the sum of the reference vectors that are most like it, and how many are like none.

    A reference stands for a track only where the mean cosine to the clean crops would do to recognise the
    person in a gallery that is not calibrated; a stranger's clip is not to be judged against somebody else.
    """
    owners: dict[int, NDArray[np.float32]] = {}
    nobody = 0
    for vector in references:
        likes = [_mean(cosines(seen.vectors[OWN], vector)) for seen in clean]
        place = int(np.argmax(likes))
        if likes[place] < THRESHOLD:
            nobody += 1
            continue
        owners[place] = owners.get(place, np.zeros_like(vector)) + vector
    return owners, nobody


def _mean(likes: NDArray[np.float64]) -> float:
    known = likes[np.isfinite(likes)]
    return float(known.mean()) if len(known) else -1.0
