"""jsonl: one line of JSON a frame, and one a track."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, Final

from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identities
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.data.times import time_text
from vidface.data.verdict import Verdicts
from vidface.node import Sink, Target
from vidface.sinks._clock import SteadyClock, clock_facts
from vidface.sinks._extra import Extra
from vidface.sinks._files import LineFile
from vidface.sinks._points import points_texts
from vidface.sinks._tracks import TrackSummary, follow

_AWAY_S: Final = 600.0
_SWEEP_S: Final = 60.0


class Jsonl(Sink):
    """Write `NAME.jsonl`, one line a frame, and at the end `tracks.jsonl`, one line a track.

    A frame's line: frame (index), time (seconds, text with 6 decimals, rounded from the exact
    fraction), pts, faces. Only where they say something: time_base (seconds per unit of pts, where
    it is not the one in run.json), epoch (number of gaps before, where there were any), and
    `"looked": false` (no detector looked at the frame). A face: track (null before tracking), box
    x1 y1 x2 y2 and landmarks (null where not known) in pixels, score, interpolated; where they are wired
    in, also pose (yaw, pitch, roll in degrees, x, y, scale, residual), measures (name: value), quality (name:
    value), of the mesh its presence, its blendshapes (name: value) and, if `points`, its 478 points (x y z in
    pixels, with 2 decimals), identity (state, name, score,
    margin, nearest, looks), and verdict so far (opinion, probability, low, high, used, claim); null where not
    measured.

    A track's line: epoch at its first frame (where there were gaps before), first and last frame and time,
    frames, how many of them detected and interpolated, longest_gap_s (longest time between two detections),
    mean_score of the detected rows, mean_height_px of all, its best frame (by the column `quality` of the
    wired quality, and then also mean_quality; without it by `vidface.vision.bestshot`, without sharpness);
    where meshes are wired in, on how many frames it was measured; with identities the last decision and the
    frames that support it; with verdicts the last one, with reasons, tests left out, and the probability over
    time. An output of another name than "faces" writes `NAME.tracks.jsonl`. Lines are in the order of track
    numbers. Without a tracker there is no such file; where one found nobody, it is empty.
    Of a camera, which has no end, a track's line is written once it has been out of sight for ten minutes;
    if its number comes again after that (`recognize.relink`), it gets another line.

    Files can be read by the owner only. Every line is whole at any moment, so a run that is cut off
    leaves a readable `NAME.jsonl`; tracks are written by `finish`.
    """

    blendshapes: bool = Field(True, description="Write the blendshapes of the mesh that is wired in.")
    points: bool = Field(False, description="Write the points of the mesh that is wired in.")

    _file: LineFile | None = None
    _target: Target
    _tracks: dict[int, TrackSummary]
    _done: LineFile | None = None
    _clock: SteadyClock
    _swept_s: float
    _time_base: Fraction | None = None
    _faces: int

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.jsonl", "tracks.jsonl" if name == "faces" else f"{name}.tracks.jsonl")

    def start(self, target: Target) -> None:
        self._target = target
        self._tracks = {}
        self._clock, self._swept_s = SteadyClock(), 0.0
        self._faces = 0
        self._time_base = target.info.time_base
        self._file = LineFile(target.folder / f"{target.name}.jsonl")

    def process(
        self,
        frame: Frame,
        faces: Faces,
        pose: Poses | None = None,
        measures: Measures | None = None,
        mesh: Meshes | None = None,
        quality: Measures | None = None,
        identity: Identities | None = None,
        verdict: Verdicts | None = None,
    ) -> None:
        """Write a frame's line.

        Raises:
            UsageError: a wired value has not a row for every face, or quality no column of that name.
            OutputError: the line cannot be written.
        """
        extra = Extra(
            faces,
            pose=pose,
            measures=measures,
            mesh=mesh,
            quality=quality,
            identity=identity,
            verdict=verdict,
        )
        follow(self._tracks, frame, faces, mesh=mesh, quality=quality)
        _remember(self._tracks, faces, identity, verdict)
        self._faces += len(faces)
        if self._file is not None:
            self._file.write(self._line(frame, extra))
        if self._target.info.live:
            self._sweep(frame)

    def finish(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        frames = self._file
        facts = {"files": [frames.path.name], "rows": frames.lines, "faces": self._faces}
        frames.close()
        if self._tracks or self._target.tracked:  # of nobody who was followed there are no lines, but a file
            self._write_tracks(self._tracks)
        self._tracks = {}
        lines = self._done
        if lines is not None:
            lines.close()
            facts["files"] = [frames.path.name, lines.path.name]
        return {**facts, "tracks": 0 if lines is None else lines.lines}

    def close(self) -> None:
        for file in (self._file, self._done):
            if file is not None:
                file.close()
        self._file = self._done = None

    def _sweep(self, frame: Frame) -> None:
        """Write, and forget, the tracks that are long out of sight; looked for once a minute."""
        self._clock.set(frame)
        now = self._clock.now
        for summary in self._tracks.values():
            if summary.last_frame == frame.index:
                summary.here_s = now
        if now - self._swept_s < _SWEEP_S:
            return
        self._swept_s = now
        away = {n: one for n, one in self._tracks.items() if now - one.here_s > _AWAY_S}
        if away:
            self._write_tracks(away)
        self._tracks = {n: one for n, one in self._tracks.items() if n not in away}

    def _write_tracks(self, tracks: dict[int, TrackSummary]) -> None:
        if self._done is None:
            _, name = self.files(self._target.name)
            self._done = LineFile(self._target.folder / name)
        for track in sorted(tracks):
            self._done.write(compact(tracks[track].row()))

    def _line(self, frame: Frame, extra: Extra) -> str:
        line: dict[str, Any] = {"frame": frame.index, "time": time_text(frame.time), "pts": frame.pts}
        if frame.time_base != self._time_base:
            line["time_base"] = str(frame.time_base)
        if frame.epoch > 0:
            line["epoch"] = frame.epoch
        if frame.utc_s is not None:
            line |= clock_facts(frame)
        if not extra.faces.looked:
            line["looked"] = False
        more = extra.nested(blendshapes=self.blendshapes)
        faces = [compact(face | item) for face, item in zip(extra.faces.rows(), more, strict=True)]
        if self.points and extra.mesh is not None:
            texts = points_texts(extra.mesh, len(faces))
            faces = [f'{face[:-1]},"points":{text}}}' for face, text in zip(faces, texts, strict=True)]
        return f'{compact(line)[:-1]},"faces":[{",".join(faces)}]}}'


def _remember(
    tracks: dict[int, TrackSummary], faces: Faces, identity: Identities | None, verdict: Verdicts | None
) -> None:
    """Of each track the last thing that was decided."""
    for number, one in zip(faces.tracks.tolist(), identity.rows if identity else (), strict=False):
        if number in tracks:
            tracks[number].identity = one
    for number, opinion in zip(faces.tracks.tolist(), verdict.rows if verdict else (), strict=False):
        if number in tracks:
            tracks[number].verdict = opinion


def compact(row: dict[str, Any]) -> str:
    """One line of JSON without spaces; NaN and infinity are refused (ValueError)."""
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
