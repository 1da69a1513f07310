"""anonymize.faces: faces are hidden so that nobody can be recognised, on every frame of their tracks."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.identity import Identities
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.errors import FrameError, NodeError, UsageError
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.anonymize._trails import Spot, Trail, ahead_of, grown, spots
from vidface.nodes.anonymize._who import Who, identities_of
from vidface.vision.facemask import outline_of_mesh
from vidface.vision.paint import Rgb
from vidface.vision.veil import Mode, Points, Shape, Veil, lay, outline_of_box

KINDS: Final[tuple[Measure, ...]] = (
    Measure("hidden", "ratio", "1 where the face was hidden, 0 where it was left visible on purpose."),
    Measure("unseen_s", "seconds", "Time to the nearest frame on which the face has a place of its own."),
)
"""The columns of the report, in order."""

_FORGETS_S: Final = 120.0
"""A track not seen for so long is forgotten; track numbers never come again."""


class AnonymizedFaces(NamedTuple):
    """What anonymize.faces gives: the picture, what was covered on it, and the report of each row.

    A row of `covers` is a face that is hidden, with the box of its cover, or one that was left visible, with
    its own box. Landmarks are left out: they would say more of a face than was meant to stay.
    """

    frame: Frame
    covers: Faces
    report: Measures


class AnonymizeFaces(Node):
    """Hide faces: everyone, everyone but the people in `keep`, or only those in `only`.

    What is laid over a face follows from a few means of its pixels (blur, pixelate) or from none (solid,
    mask), so it cannot be undone, whatever the face's size: see `vidface.vision.veil`. It is put into the
    frame's own planes; the rest of the picture stays bit-identical.

    A cover is the tracked box together with the one steadied over time, grown by `grow`. Where a track has
    no box it is covered all the same, from `look_ahead` frames before its first one, and for `hold_s` after
    its last one, at the place where its motion leads and the last known one, the larger the longer it was
    not seen. So no frame of a track goes without, also in its gaps, while `hold_s` is no shorter than the
    `max_gap_s` for which track.faces keeps a number. Nothing is carried over a scene cut. A
    face that the detector never finds cannot be hidden: let it look at every frame, with a low
    `min_score`, and let `anonymize.audit` look at what comes out.

    With `keep` or `only`, wire `identity`. In doubt a face is hidden: as long as it is undecided who it is,
    and when a frame within the look-ahead says otherwise. Whom `only` names once stays hidden while the
    track lasts. A face that `keep` leaves visible is covered where a hidden one overlaps it.
    """

    mode: Mode = Field(
        "blur",
        description="blur, pixelate, solid (one colour), or mask (one colour, with nobody's eyes and mouth).",
    )
    keep: tuple[str, ...] = Field((), description="Names of those who stay visible; everyone else is hidden.")
    only: tuple[str, ...] = Field((), description="Names of those who are hidden; nobody else is.")
    shape: Shape = Field("oval", description="What is covered: the oval within the grown box, or all of it.")
    grow: float = Field(1.4, ge=1, le=4, description="Sides of a cover over those of the face's box.")
    cells: int = Field(
        3,
        ge=1,
        le=6,
        description="Means across a cover, of blur and pixelate. With 3 a recogniser takes a person for a "
        "stranger; with 6 it finds one in four among two dozen.",
    )
    colour: Rgb = Field((104, 110, 118), description="R, G, B of 0..255, of solid and mask.")
    look_ahead: int = Field(
        12, ge=0, le=250, description="Frames for which a face is hidden before it was first found; 0 live."
    )
    hold_s: float = Field(
        1.5,
        ge=0,
        le=30,
        description="Seconds for which it is hidden after it was lost; at least max_gap_s of its tracker.",
    )
    steady_s: float = Field(0.06, ge=0, le=1, description="Width of the window that steadies boxes, seconds.")

    memory: ClassVar[int] = FOREVER
    hides_people: ClassVar[bool] = True
    keeps_rows: ClassVar[bool | None] = False

    _who: Who
    _trails: dict[int, Trail]
    _counts: dict[str, int]
    _kinds: dict[str, int]

    @model_validator(mode="after")
    def _one_rule(self) -> AnonymizeFaces:
        if self.keep and self.only:
            raise ValueError("keep and only exclude each other: give one of them")
        if min(self.colour) < 0 or max(self.colour) > 255:
            raise ValueError(f"colour must be three numbers of 0..255, but is {self.colour}")
        return self

    def reach(self) -> Span:
        """As far ahead as `look_ahead` says."""
        return Span(0, self.look_ahead)

    def open(self, device: Device) -> None:
        """Begin to count."""
        self._who = Who(self.keep, self.only)
        names = ("frames", "covered_frames", "tracks_hidden", "faces_left_visible", "shown_before_named")
        self._counts = dict.fromkeys(names, 0)
        self._kinds = dict.fromkeys(("seen", "filled", "between", "held", "early"), 0)

    def reset(self) -> None:
        """Forget where faces were: stream start, cut, gap."""
        self._trails = {}

    def facts(self) -> dict[str, Any]:
        """Frames, tracks and covers by how they came about; sentences under "notes"."""
        found = self._counts | {"mode": self.mode, "covers": dict(self._kinds)}
        return found | {"notes": [_told(self._counts, self._kinds), *self._warned()]}

    def process(
        self,
        frame: Window[Frame],
        faces: Window[Faces],
        mesh: Meshes | None = None,
        identity: Window[Identities] | None = None,
    ) -> AnonymizedFaces:
        """Hide the faces of a frame.

        Raises:
            UsageError: faces without tracks, names without `identity`, or rows that do not belong together.
            NodeError: a cover cannot be painted; the run must not go on and show the face.
        """
        here = frame.current
        self._check(faces, mesh, identity)
        now = float(here.time)
        ahead = ahead_of([float(one.time) for one in frame.ahead], faces.ahead)
        self._follow(now, faces.current)
        found = list(
            spots(now, faces.current, self._trails, ahead, hold_s=self.hold_s, steady_s=self.steady_s)
        )
        hidden = [self._hides(spot, faces, identity) for spot in found]
        self._count(found, hidden)
        self._forget(now)
        covered = [spot for spot, hide in zip(found, hidden, strict=True) if hide]
        picture = self._covered(here, covered, faces.current, mesh) if covered else here
        return AnonymizedFaces(picture, *self._table(found, hidden, faces))

    def _check(self, faces: Window[Faces], mesh: Meshes | None, identity: Window[Identities] | None) -> None:
        check_rows(faces.current, mesh=mesh)
        for rows, who in zip(faces, identity or (), strict=identity is not None):
            check_rows(rows, identity=who)
        if any((one.tracks == NOT_TRACKED).any() for one in faces):
            raise UsageError(
                "anonymize.faces wants tracks, since it hides faces where the detector misses them, but "
                "there are faces without: put a track.faces before it."
            )
        if self._who.asks and identity is None:
            raise UsageError(
                "anonymize.faces: keep and only are names, but nothing is wired to the port identity: wire "
                "recognize.identify to it."
            )

    def _follow(self, now: float, faces: Faces) -> None:
        for row, track in enumerate(faces.tracks.tolist()):
            trail = self._trails.setdefault(track, Trail())
            trail.add(now, faces.boxes[row].astype(np.float64))
            trail.score = float(faces.scores[row])

    def _hides(self, spot: Spot, faces: Window[Faces], identity: Window[Identities] | None) -> bool:
        """Whether a face is hidden; without a row, by what was last decided and by what comes."""
        trail = self._trails.get(spot.track)
        seen = [] if identity is None else identities_of(spot.track, faces, identity, now=len(faces.past))
        if trail is None:
            return self._who.hides(seen)
        if spot.row is None:
            return trail.hidden or trail.named or bool(seen and self._who.hides(seen))
        if not trail.named and seen and self._who.names(seen[0]):
            trail.named = True
            self._counts["shown_before_named"] += trail.shown
        trail.hidden = trail.named or self._who.hides(seen)
        trail.shown += not trail.hidden
        return trail.hidden

    def _count(self, found: list[Spot], hidden: list[bool]) -> None:
        self._counts["frames"] += 1
        self._counts["covered_frames"] += any(hidden)
        for spot, hide in zip(found, hidden, strict=True):
            if not hide:
                self._counts["faces_left_visible"] += spot.row is not None
                continue
            self._kinds[spot.kind] += 1
            trail = self._trails.get(spot.track)
            if trail is not None and not trail.counted:
                trail.counted = True
                self._counts["tracks_hidden"] += 1

    def _covered(self, here: Frame, covered: list[Spot], faces: Faces, mesh: Meshes | None) -> Frame:
        def paint(planes: Any) -> None:
            veil = Veil(self.mode, self.cells, self.colour)
            # Small covers last, as small faces lie before none; every pixel is under one of them anyway.
            for spot in sorted(covered, key=lambda one: -float(np.ptp(one.box[1::2]))):
                box = grown(spot.box, self.grow)
                rings = [outline_of_box(box, self.shape), *self._hull(spot, mesh)]
                lay(planes, veil, box, rings, None if spot.row is None else faces.landmarks[spot.row])

        try:
            return here.painted(paint)
        except FrameError as error:
            raise NodeError(
                f"anonymize.faces: frame {here.index} cannot be covered ({error}), so the run ends here "
                "rather than show it."
            ) from error

    def _hull(self, spot: Spot, mesh: Meshes | None) -> list[Points]:
        """The mesh's own outline, which in a turned head may lie outside of the oval."""
        if spot.row is None or mesh is None or not len(mesh) or not mesh.known[spot.row]:
            return []
        with suppress(ValueError):
            return [outline_of_mesh(mesh.points[spot.row], forehead=0.2, grow=0.05)]
        return []

    def _table(self, found: list[Spot], hidden: list[bool], faces: Window[Faces]) -> tuple[Faces, Measures]:
        if not found:
            looked = faces.current.looked
            return Faces.none(looked=looked), Measures.none(KINDS)
        boxes = [
            grown(spot.box, self.grow) if hide else faces.current.boxes[spot.row]
            for spot, hide in zip(found, hidden, strict=True)
            if hide or spot.row is not None
        ]
        rows = [(s, hide) for s, hide in zip(found, hidden, strict=True) if hide or s.row is not None]
        scores = [self._trails[s.track].score if s.track in self._trails else 0.0 for s, _ in rows]
        covers = Faces.of(
            boxes,
            scores=np.array(scores, np.float32),
            tracks=np.array([s.track for s, _ in rows], np.int64),
            interpolated=np.array([s.kind != "seen" for s, _ in rows], np.bool_),
            looked=faces.current.looked,
        )
        values = np.array([(float(hide), s.away_s) for s, hide in rows], np.float32).reshape(-1, len(KINDS))
        return covers, Measures(KINDS, values)

    def _forget(self, now: float) -> None:
        gone = [track for track, trail in self._trails.items() if now - trail.times[-1] > _FORGETS_S]
        for track in gone:
            del self._trails[track]

    def _warned(self) -> list[str]:
        late, names = self._counts["shown_before_named"], self._who.never_met()
        said = []
        if late:
            said.append(
                f"anonymize.faces: people named in `only` were visible on {late} frames before they were "
                "recognised; a longer look_ahead hides more of them, hiding everyone hides all."
            )
        if names:
            said.append(f"anonymize.faces: nobody was recognised as {', '.join(map(repr, names))}.")
        return said


def _told(counts: dict[str, int], kinds: dict[str, int]) -> str:
    unseen = kinds["held"] + kinds["early"] + kinds["between"]
    return (
        f"anonymize.faces: {counts['tracks_hidden']} tracks were hidden, on {counts['covered_frames']} of "
        f"{counts['frames']} frames; {unseen} covers lie where no face was found: {kinds['early']} before a "
        f"face's first frame, {kinds['between']} in gaps, {kinds['held']} after its last."
    )
