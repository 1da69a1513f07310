"""images: the best shots of every track as pictures."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import filenames
from vidface.data.comments import with_comment
from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.measures import Measures
from vidface.errors import OutputError
from vidface.node import Sink, Target
from vidface.sinks._clock import SteadyClock
from vidface.sinks._files import LineFile, write_private, writing
from vidface.sinks._labels import ABOUT, Labels, LabelWish
from vidface.sinks._ranks import By, Ranks, ranks_of
from vidface.sinks._shots import Shot, Shots
from vidface.sinks.jsonl import compact
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.bestshot import SHARPNESS_PX, sharpness, square_crop

AWAY_S = 10
"""A track not seen for so many seconds gets its pictures written, so that they need no memory."""

GONE_S = 600
"""A camera's track not seen for so many seconds is done: its lines are written, and it is forgotten."""

SWEEP_S = 60

BOX_GROW = 1.4


class Images(Sink):
    """Write the best crops of each track into the folder `NAME/`, and what they are into `NAME/index.jsonl`.

    Best by the column `quality` of the measures wired into the port quality (as of recognize.quality);
    without them by a cheap proxy (`vidface.vision.bestshot`: size, detection score, frontal view, inside
    the frame, sharpness), for which a crop is cut only where the parts that need no pixels could still
    win. Never an interpolated row, nor one of quality 0 or without one. Files are `track_0003.jpg`, with
    `per_track` above 1 `track_0003_1.jpg` and so on; they can be read by the owner only. Rows without a
    track are left out and counted.

    index.jsonl, one line a picture, by track and falling quality: track, file, frame, time, quality,
    ranked_by ("quality" or "proxy"), the quality's parts, box, crop. It is written at the end; of a camera,
    which has no end, a track's lines come once it has been out of sight for ten minutes, and if its number
    comes again after that, its new pictures are `track_0003_again1.jpg` and so on.
    """

    per_track: int = Field(1, ge=1, le=100, description="Pictures of each track, at most.")
    spacing_s: float = Field(1.0, ge=0, description="Least seconds between two pictures of a track.")
    crop: Literal["box", "arcface112", "ffhq512"] = Field(
        "box", description="box: a square 1.4 times the box, unscaled; else aligned by the landmarks."
    )
    max_px: int = Field(512, ge=16, le=4096, description="Longest side of a box crop; larger ones shrink.")
    format: Literal["jpg", "png"] = Field("jpg", description="jpg at quality 95, or png.")
    label: LabelWish = Field("auto", description=ABOUT)

    _target: Target
    _folder: Path
    _tracks: dict[int, Shots]
    _active: dict[int, float]
    _seen: dict[int, float]
    _clock: SteadyClock
    _swept_s: float
    _index: LineFile | None = None
    _shown: int
    _untracked: int
    _labels: Labels
    _ranked_by: By
    _finished: bool = True

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}/",)

    def start(self, target: Target) -> None:
        self._target = target
        self._folder = target.folder / target.name
        self._tracks, self._active, self._seen = {}, {}, {}
        self._clock, self._swept_s, self._shown = SteadyClock(), 0.0, 0
        self._untracked = 0
        self._labels = Labels(self.label, target)
        self._ranked_by = "proxy"
        self._finished = False
        with writing(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)

    def process(self, frame: Frame, faces: Faces, quality: Measures | None = None) -> None:
        """Look for better shots on a frame.

        Raises:
            UsageError: `quality` has not a row for every face, or no column of that name.
            OutputError: a picture of a track that is out of sight cannot be written.
        """
        ranks = ranks_of(frame, faces, quality)
        self._ranked_by = ranks.by
        self._clock.set(frame)
        now = self._clock.now
        for row, track in enumerate(faces.tracks.tolist()):
            if track == NOT_TRACKED:
                self._untracked += 1
                continue
            if track not in self._tracks:
                self._tracks[track] = self._begin(track)
            self._active[track] = self._seen[track] = now
            self._consider(frame, faces, ranks, row=row)
        for track, seen in list(self._active.items()):
            if now - seen > AWAY_S:
                self._write(track, self._tracks[track])
                del self._active[track]
        if self._target.info.live and now - self._swept_s > SWEEP_S:
            self._swept_s = now
            self._let_go({track for track, seen in self._seen.items() if now - seen > GONE_S})

    def finish(self) -> dict[str, Any]:
        if self._finished:
            return {}
        self._finished = True
        try:
            self._let_go(set(self._tracks))
            index = self._opened()
        finally:
            if self._index is not None:
                self._index.close()
        with writing(index.path):
            lines = index.path.read_text(encoding="utf-8").splitlines()
        # Not what lies in the folder, where a run that was killed may have left its own.
        own = sorted(json.loads(line)["file"] for line in lines)
        files = [f"{self._target.name}/{name}" for name in ("index.jsonl", *own)]
        return {
            "files": files,
            "rows": index.lines,
            "tracks": self._shown,
            "untracked": self._untracked,
            "ranked_by": self._ranked_by,
        } | self._labels.facts()

    def close(self) -> None:
        self._finished = True
        self._tracks, self._active, self._seen = {}, {}, {}
        if self._index is not None:
            self._index.close()

    def _begin(self, track: int) -> Shots:
        """Room for a track's shots; of a camera its number may have been here before."""
        shots = Shots(self.per_track, Fraction(self.spacing_s))
        while self._target.info.live and (self._folder / self._name(track, shots, 0)).exists():
            shots.again += 1
        return shots

    def _opened(self) -> LineFile:
        self._index = self._index or LineFile(self._folder / "index.jsonl")
        return self._index

    def _let_go(self, tracks: set[int]) -> None:
        """Write the pictures of these tracks and what they are, and forget them."""
        index = self._opened()
        for track in sorted(tracks):
            shots = self._tracks.pop(track)
            self._active.pop(track, None)
            self._seen.pop(track, None)
            self._write(track, shots)
            self._shown += bool(shots.kept)
            for shot in sorted(shots.kept, key=lambda shot: -shot.quality):
                name = self._name(track, shots, shot.slot)
                index.write(compact(shot.row(track, name, ranked_by=self._ranked_by) | {"crop": self.crop}))

    def _consider(self, frame: Frame, faces: Faces, ranks: Ranks, *, row: int) -> None:
        """Cut out the face of a row if it may be, and then if it is, better than what is kept."""
        shots, box, now = self._tracks[int(faces.tracks[row])], faces.boxes[row], frame.time
        quality, parts = float(ranks.values[row]), ranks.parts(row)
        cut = self._cut(box, faces.landmarks[row])
        if quality <= 0 or cut is None or shots.losers(quality, now) is None:
            return
        if ranks.by == "proxy":
            sharp = sharpness(frame.crop(square_crop(box, SHARPNESS_PX), (SHARPNESS_PX, SHARPNESS_PX)))
            quality, parts = quality * sharp, {**parts, "sharp": sharp}
            if shots.losers(quality, now) is None:
                return
        shot = Shot(
            frame=frame.index,
            time=now,
            quality=quality,
            parts=parts,
            box=tuple(box.tolist()),
            # A copy: a view would hold the whole frame in memory.
            image=frame.crop(*cut).copy(),
        )
        for slot in shots.keep(shot):
            path = self._folder / self._name(int(faces.tracks[row]), shots, slot)
            with writing(path):
                path.unlink(missing_ok=True)

    def _cut(
        self, box: NDArray[np.float32], landmarks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], tuple[int, int]] | None:
        """Matrix and size of the crop; None where the landmarks do not say how to align it."""
        if self.crop == "box":
            side = float(max(box[2] - box[0], box[3] - box[1])) * BOX_GROW
            px = max(1, min(round(side), self.max_px))
            return square_crop(box, px, grow=BOX_GROW), (px, px)
        size = TEMPLATES[self.crop].size
        try:
            return to_template(landmarks, self.crop), (size, size)
        except ValueError:
            return None

    def _name(self, track: int, shots: Shots, slot: int) -> str:
        number = 0 if self.per_track == 1 else slot + 1
        return filenames.shot(track, again=shots.again, number=number, suffix=self.format)

    def _write(self, track: int, shots: Shots) -> None:
        for shot in shots.kept:
            if shot.image is None:
                continue
            path = self._folder / self._name(track, shots, shot.slot)
            self._labels.onto(shot.image)
            bgr = cv2.cvtColor(shot.image, cv2.COLOR_RGB2BGR)
            options = [cv2.IMWRITE_JPEG_QUALITY, 95] if self.format == "jpg" else []
            done, data = cv2.imencode(f".{self.format}", bgr, options)
            if not done:
                raise OutputError(f"{path}: OpenCV could not encode a picture of {bgr.shape[1]} pixels")
            write_private(path, with_comment(data.tobytes(), self._target.comment))
            shot.image = None
