"""forensics.verdict: what all tests on a face's track come to."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.finding import Findings
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Verdict, Verdicts
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._fusion import DEFAULT_MODEL, open_fusion
from vidface.vision.claim import Rival, Seen, rivals, standing_of
from vidface.vision.kindfusion import Fusion
from vidface.vision.ownword import OUT, doubted, kept_out, on_its_word
from vidface.vision.trackevidence import TrackEvidence
from vidface.vision.verdictwords import declared_reasons, verdict_of

Declared = Literal["restored", "stabilised", "anonymised", "generated"]

_PORTS: Final = {
    "blend": ("blend",),
    "identity": ("appearance", "inner_outer", "geometry", "motion"),
    "drift": ("drift",),
    "texture": ("texture_spectrum", "texture_noise"),
    "pulse": ("pulse",),
    "lipsync": ("lipsync",),
}
"""Port -> the tests that come in by it."""
_FORGETS_S: Final = 120.0
"""A track not seen for so long is forgotten; track numbers never come again."""
_NO_REFERENCES: Final = "No references of a claimed person were given."
_NOT_MADE: Final = "The test was not made in this run."


class ForensicsVerdict(Node):
    """Say of every track whether its face was manipulated: authentic, manipulated or inconclusive.

    The findings of all tests that apply become one probability of a manipulation, calibrated on clips of
    known origin (the model's card says which), at even odds before any test. Its 95 % interval is over the
    windows of the track. There is an opinion only beyond the model's two thresholds, where the interval
    does not cross 0.5, and with enough tests and windows; else it is inconclusive and says why. The
    reasons name the tests, the strongest first, with numbers and seconds; the last verdict of a track is
    that of all of it.

    Tests against references are weighed only for a face that resembles them, as a whole or by its inside or
    outside alone (`claim` "match"), and of several such faces seen together for the nearest, or for the
    `faces` that a reviewer names. For others they are shown, and the first reason says why not weighed:
    a bystander ("other"), nobody like the references ("mismatch": another person, or a manipulation that
    hides the person), or not clear. This is asked anew at every finding, by medians over all windows so far,
    so a face may change sides while a clip runs; what was known when a face was last seen holds for it.

    A test that does not apply adds nothing. Where a file says that it was restored, stabilised or anonymised
    (`declared`), tests that this would trigger are left out, and the reasons say so. Anybody can write that
    into a file: while it keeps a weighed test out no face is authentic, and if all tests together would call
    it manipulated, a reason says so with the number.
    """

    model: str = Field(DEFAULT_MODEL, description="A fusion of tests.")
    declared: tuple[Declared, ...] = Field(
        (), description="What the file says was done to it; `vidface review` fills this in."
    )
    faces: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), max_length=1000, description="Tracks that are claimed to be the person; none: the nearest."
    )
    seed: int = Field(0, ge=0, description="Of the draws behind the interval.")

    memory = FOREVER

    _fusion: Fusion
    _tracks: dict[int, _Track]
    _count: dict[str, int]
    _absent: dict[str, str]
    _claims: dict[str, int]
    _gone: list[Seen]
    _missing: set[int]
    _doubted: frozenset[str]

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Read the weights; tracks outlive cuts, so they are not born in `reset`.

        Raises:
            ModelError: the weights are missing, altered or no fusion.
        """
        self._fusion = open_fusion(self.model, node="forensics.verdict")
        self._tracks = {}
        self._count = {"authentic": 0, "manipulated": 0, "inconclusive": 0}
        self._claims = {"match": 0, "mismatch": 0, "unclear": 0, "other": 0}
        self._gone = []
        self._missing = set(self.faces)
        self._doubted = doubted(self.declared)

    def reset(self) -> None:
        """Nothing ends here: see `open`."""

    def facts(self) -> dict[str, Any]:
        """Tracks by opinion and claim, with notes on the file and on faces that were named in vain."""
        self._drop(list(self._tracks))
        claims = {"claims": dict(self._claims)} if any(self._claims.values()) else {}
        return {
            "tracks": dict(self._count),
            **claims,
            "authentic_at": self._fusion.authentic_at,
            "manipulated_at": self._fusion.manipulated_at,
            "notes": declared_reasons(self.declared)
            + [
                f"forensics.verdict: face {one}, named as the claimed person's, is not in the clip."
                for one in sorted(self._missing)
            ],
        }

    def process(
        self,
        frame: Frame,
        faces: Faces,
        blend: Findings | None = None,
        identity: Findings | None = None,
        drift: Findings | None = None,
        texture: Findings | None = None,
        pulse: Findings | None = None,
        lipsync: Findings | None = None,
    ) -> Verdicts:
        """One verdict a face, of all that was found of its track so far."""
        now = float(frame.time)
        ports = {
            "blend": blend,
            "identity": identity,
            "drift": drift,
            "texture": texture,
            "pulse": pulse,
            "lipsync": lipsync,
        }
        self._absent = _absent(ports)
        touched = self._take(ports, now)
        rows = [self._seen(number, now) for number in faces.tracks.tolist()]
        self._weigh(touched)
        self._forget(now)
        nobody = Verdict(reasons=("Inconclusive: the face has no track.",))
        return Verdicts(tuple(nobody if one is None else one.verdict for one in rows))

    def _seen(self, number: int, now: float) -> _Track | None:
        if number == NOT_TRACKED:
            return None
        known = self._tracks.get(number)
        if known is None:
            known = self._tracks[number] = _Track(number, self._fusion, now)
            self._judge(known)
        known.seen_s = now
        self._missing.discard(number)
        return known

    def _weigh(self, touched: list[_Track]) -> None:
        """Judge those with new findings, and those whose place was taken, or is free again, by that."""
        if not touched:
            return
        found = rivals([*self._gone, *(one.place() for one in self._tracks.values())], self.faces)
        for track in self._tracks.values():
            if track in touched or track.rival != found.get(track.number):
                track.rival = found.get(track.number)
                self._judge(track)

    def _take(self, ports: dict[str, Findings | None], now: float) -> list[_Track]:
        """Sort the findings to their tracks; returns those that got one."""
        touched: dict[int, _Track] = {}
        for findings in ports.values():
            for finding in findings or ():
                if finding.track is None or finding.track == NOT_TRACKED or finding.kind not in KINDS:
                    continue
                track = self._tracks.get(finding.track)
                if track is None:
                    track = _Track(finding.track, self._fusion, now)
                    self._tracks[finding.track] = track
                if finding.kind not in self._doubted:
                    track.evidence.add(finding)
                if self._doubted:
                    track.whole.add(finding)
                touched[finding.track] = track
        return list(touched.values())

    def _judge(self, track: _Track) -> None:
        named = track.number in self.faces
        standing = standing_of(track.evidence.resemblance, track.rival, named=named)
        judge = partial(
            verdict_of,
            track=track.number,
            declared=self.declared,
            absent=self._absent | dict.fromkeys(self._doubted, OUT),
            seed=self.seed,
            standing=standing,
        )
        track.verdict = judge(track.evidence)
        kept = kept_out(track.whole, self._doubted)
        if kept:
            track.verdict = on_its_word(track.verdict, judge(track.whole), kept)

    def _forget(self, now: float) -> None:
        gone = [number for number, track in self._tracks.items() if now - track.seen_s > _FORGETS_S]
        if not gone:
            return
        places = [*self._gone, *(self._tracks[number].place() for number in gone)]
        self._drop(gone)
        # What they resembled is kept as long as a face is there that was seen with them.
        oldest = min((track.first_s for track in self._tracks.values()), default=now)
        self._gone = [one for one in places if one.claim == "match" and one.last > oldest]

    def _drop(self, numbers: list[int]) -> None:
        for number in numbers:
            verdict = self._tracks.pop(number).verdict
            self._count[verdict.opinion] += 1
            if verdict.claim:
                self._claims[verdict.claim] += 1


class _Track:
    """The evidence on a track, who stands for the claim in its place, and what was last thought of it.

    `whole` is the evidence with the tests that the file's own word keeps out; empty where it keeps out none.
    """

    __slots__ = ("evidence", "first_s", "number", "rival", "seen_s", "verdict", "whole")

    def __init__(self, number: int, fusion: Fusion, seen_s: float) -> None:
        self.number = number
        self.evidence, self.whole = TrackEvidence(fusion), TrackEvidence(fusion)
        self.first_s = self.seen_s = seen_s
        self.rival: Rival | None = None
        self.verdict = Verdict()

    def place(self) -> Seen:
        """It among others."""
        like = self.evidence.resemblance
        return Seen(self.number, self.first_s, self.seen_s, like.whole.median, like.claim)


def _absent(ports: dict[str, Findings | None]) -> dict[str, str]:
    """Tests that were not made, and why."""
    return {
        kind: _NO_REFERENCES if KINDS[kind].references else _NOT_MADE
        for port, findings in ports.items()
        if findings is None
        for kind in _PORTS[port]
    }
