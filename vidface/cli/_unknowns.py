"""`vidface gallery unknowns RUN...`: unknown people over runs; shown, asked about, named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._gallery_common import (
    VARIABLE,
    Place,
    evidence_option,
    folder_of,
    gallery_option,
    is_gallery,
    json_option,
    opened,
    opened_or_new,
    say,
)
from vidface.cli._numbers import FiniteRange
from vidface.cli._unknowns_show import enrolled, show_groups, tell_groups
from vidface.errors import UsageError

if TYPE_CHECKING:
    from vidface.gallery import Gallery, Reference
    from vidface.gallery.runs import Run, Track
    from vidface.gallery.unknowns import Unknowns

Pairs = tuple[tuple[str, str], ...]


@click.command()
@click.argument("places", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=FiniteRange(-1, 1),
    default=None,
    help="Mean cosine from which on tracks are one person; else that of a calibrated gallery, or 0.5.",
)
@evidence_option
@click.option(
    "--questions", "most", type=click.IntRange(0), default=10, show_default=True, help="Show so many."
)
@click.option(
    "--same",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="An answer: A and B are one person. With the same group twice: it is one person.",
)
@click.option("--different", nargs=2, multiple=True, metavar="A B", help="An answer: they are not.")
@click.option("--assign", nargs=2, multiple=True, metavar="A NAME", help="Enrol A as NAME.")
@gallery_option
@json_option
@click.pass_obj
def unknowns(
    place: Place, /, places: tuple[Path, ...], folder: str | None, as_json: bool, most: int, **said: Any
) -> None:  # fmt: skip
    """Group the tracks of RUN... that nobody is enrolled for.

    RUN is the folder of a run whose graph has the output `embeddings`. Groups that are sure are proposed;
    doubtful pairs are asked, the most useful question first.

    A and B are a group by number, which stands for all of its tracks, or one track as RUN#TRACK. Numbers
    are those of the same command without answers. Answers are remembered in the gallery's folder.
    """
    from vidface.gallery.runs import read_runs

    runs = read_runs(places)
    with ExitStack() as stack:
        writes = any(said[key] for key in ("same", "different", "assign"))
        gallery = gallery_for(stack, place, folder, runs, write=writes)
        work = Work(runs, gallery, said["threshold"], said["min_evidence"])
        work.look()
        done: dict[str, Any] = {}
        if writes:
            done["answers"] = work.answer(said["same"], said["different"], said["assign"])
            done["assigned"] = [work.assign(which, name) for which, name in work.named]
            work.look()
        work.log()
    (show_groups if as_json else tell_groups)(work.found, most, done)


def gallery_for(
    stack: ExitStack, place: Place, folder: str | None, runs: Sequence[Run], *, write: bool
) -> Gallery | None:
    """The gallery, if one was said; for writing a new one where there is none yet.

    Raises:
        UsageError: to write, none was said, or no run has tracks and so says what embedder it is for.
    """
    if not write and not (folder or place.folder or os.environ.get(VARIABLE)):
        return None
    path = folder_of(place, folder)
    if write:
        return stack.enter_context(opened_or_new(place, path, lambda: _belongs(runs)))
    if is_gallery(path):
        return stack.enter_context(opened(place, str(path)))
    say(f"there is no gallery in {path} yet")
    return None


def _belongs(runs: Sequence[Run]) -> tuple[str, int]:
    """Fingerprint and dimension of the embedder that the runs were made with."""
    for run in runs:
        for track in run.tracks:
            return run.model, len(track.vector)
    raise UsageError("nothing can be enrolled: there are no tracks in these runs")


@dataclass(slots=True)
class Work:
    """Runs, the gallery they are held against, and what was found.

    Attributes:
        named: tracks and the name they are to get, as `answer` found them.
    """

    runs: tuple[Run, ...]
    gallery: Gallery | None
    threshold: float | None
    min_evidence: float
    named: list[tuple[Sequence[Track], str]] = field(default_factory=list)
    found: Unknowns = field(init=False)

    def look(self) -> None:
        """Group the tracks with all answers so far."""
        from vidface.gallery.answers import Answers, read_answers
        from vidface.gallery.unknowns import THRESHOLD, group_unknowns

        own: Reference | None = None
        answers, threshold = Answers(), THRESHOLD
        if self.gallery is not None:
            own, answers = self.gallery.reference(), read_answers(self.gallery.folder)
            threshold = own.threshold if self.gallery.calibration is not None else THRESHOLD
        self.found = group_unknowns(
            self.runs,
            threshold=threshold if self.threshold is None else self.threshold,
            answers=answers,
            reference=own,
            min_evidence=self.min_evidence,
        )

    def answer(self, same: Pairs, different: Pairs, assign: Pairs) -> int:
        """Remember answers; returns how many. All words are of the groups as they were before."""
        from vidface.gallery import clean_name
        from vidface.gallery.answers import read_answers, write_answers
        from vidface.gallery.unknowns import star

        assert self.gallery is not None
        one = [(tracks_of(self.found, a), tracks_of(self.found, b)) for a, b in same]
        two = [_unlike(tracks_of(self.found, a), tracks_of(self.found, b), a) for a, b in different]
        self.named = [(tracks_of(self.found, which), clean_name(name)) for which, name in assign]
        answers = read_answers(self.gallery.folder)
        for left, right in one:
            answers = answers.add(star([*left, *right]), same=True)
        answers = answers.add(two, same=False)
        if one or two:
            write_answers(self.gallery.folder, answers)
            self.gallery.log("answer", {"same": len(one), "different": len(two)})
        return len(one) + len(two)

    def assign(self, tracks: Sequence[Track], name: str) -> dict[str, Any]:
        """Enrol tracks, and let go of the answers about them; says what was done."""
        from vidface.gallery.answers import read_answers, write_answers
        from vidface.gallery.unknowns import looks_of

        assert self.gallery is not None
        looks = looks_of(tracks)
        report = self.gallery.add(name, looks)
        answers = read_answers(self.gallery.folder)
        left = answers.without(track.key for track in tracks)
        if left != answers:
            write_answers(self.gallery.folder, left)
        return enrolled(name, tracks, looks, report)

    def log(self) -> None:
        """A search of the gallery goes into its log."""
        if self.gallery is None:
            return
        known = [group.nearest for group in self.found.groups if group.nearest is not None]
        own = self.gallery.reference().threshold
        facts = {"runs": [str(run.folder) for run in self.runs], "groups": len(self.found.groups)}
        names = sorted({match.name for match in known if match.score >= own})
        self.gallery.log("unknowns", {**facts, "threshold": own}, names)


def tracks_of(found: Unknowns, word: str) -> tuple[Track, ...]:
    """What a word of the command line means: a group by number, or RUN#TRACK.

    Raises:
        UsageError: nothing, or several things.
    """
    if word.isdecimal():
        return found.group(int(word)).tracks
    run, mark, number = word.rpartition("#")
    if not mark or not number.isdecimal():
        raise UsageError(f"{word!r} is no group and no track: wanted a number, or RUN#TRACK such as out#3")
    there = [track for group in found.groups for track in group.tracks if track.number == int(number)]
    match = [track for track in there if track.run == Path(run).resolve()]
    match = match or [track for track in there if track.run.name == run]
    if len(match) != 1:
        what = "several unknown tracks; give the whole path" if match else "none of the unknown tracks"
        raise UsageError(f"{word!r} is {what}")
    return (match[0],)


def _unlike(left: Sequence[Track], right: Sequence[Track], word: str) -> tuple[str, str]:
    if left[0].key == right[0].key:
        raise UsageError(f"{word!r} cannot differ from itself: name two of its tracks, as RUN#TRACK")
    return left[0].key, right[0].key
