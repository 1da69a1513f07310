"""`vidface gallery names --subtitles FILE RUN`: names in captions, linked to groups of faces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vidface.cli._gallery_common import Place, evidence_option, gallery_option, json_option, show_json, table
from vidface.cli._numbers import FiniteRange
from vidface.cli._unknowns import Work, gallery_for
from vidface.cli._unknowns_show import assigned_lines, clock, group_row
from vidface.errors import UsageError

if TYPE_CHECKING:
    from vidface.gallery import Gallery
    from vidface.gallery.captionnames import Mention
    from vidface.gallery.naming import Link
    from vidface.gallery.runs import Track
    from vidface.gallery.subtitles import Subtitles
    from vidface.gallery.unknowns import Group, Unknowns

_LATE_S: Final = 60.0
"""Captions may go on for so long after the last face."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--subtitles", metavar="FILE.srt", required=True, type=click.Path(path_type=Path, readable=False)
)
@click.option(
    "--people",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Look for these only: one a line, the name, then after commas what else they are called.",
)
@click.option(
    "--shift",
    "shift_s",
    type=float,
    default=0.0,
    show_default=True,
    help="Seconds to add to the times of the subtitles.",
)
@click.option("--encoding", help="Of the subtitles, such as iso8859-2; else it is found out.")
@click.option(
    "--threshold",
    type=FiniteRange(-1, 1),
    default=None,
    help="Of groups of faces, as of vidface gallery unknowns.",
)
@evidence_option
@click.option("--assign", is_flag=True, help="Enrol the groups whose names are sure.")
@gallery_option
@json_option
@click.pass_obj
def names(
    place: Place, /, run: Path, subtitles: Path, people: Path | None, folder: str | None, as_json: bool,
    **said: Any,
) -> None:  # fmt: skip
    """Link the names in the captions of a film to the faces in RUN, and say how sure that is.

    A name is linked to the group of faces that is seen when it is said more often than can be by chance.
    Where half of the captions or more begin with their speaker ("ANN:", "[ANN]"), that is when the face is
    looked for. Else a name only says that somebody is about in the scene, which takes a long film to be sure.
    Groups are those of vidface gallery unknowns; beside them stand people that the run recognised, or that
    were enrolled from it since. SURE is a chance under a simple model, not a measured one.
    """
    from vidface.gallery.runs import read_runs
    from vidface.gallery.subtitles import read_srt

    if not math.isfinite(said["shift_s"]):
        raise UsageError(f"--shift wants a number of seconds, not {said['shift_s']}")
    runs, texts = read_runs([run]), read_srt(subtitles, encoding=said["encoding"])
    found = _mentions(texts, people)
    with ExitStack() as stack:
        gallery = gallery_for(stack, place, folder, runs, write=said["assign"])
        work = Work(runs, gallery, said["threshold"], said["min_evidence"])
        work.look()
        faces = _faces(work.found, runs[0].tracks)
        links = _links(texts, found, faces, said["shift_s"])
        fit = [(link.name, face) for link, face in links if face is not None and _fit(link, face)]
        others = _others(fit, gallery)
        wanted = [(name, face) for name, face in fit if said["assign"] and name not in others]
        done = [work.assign(face.tracks, name) for name, face in wanted]
        if gallery is not None:
            gallery.log("names", {"run": str(runs[0].folder), "names": len(links), "enrolled": len(done)})
    notes = (*texts.notes, *_outside(texts, runs[0].tracks, said["shift_s"]), *_enrolled(work.found))
    for note in (*notes, *others.values()):
        click.echo(note, err=True)
    if as_json:
        _show(links, work.found.groups, done, texts)
    else:
        _tell(links, done, texts, asked=said["assign"])


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One person in the film: an unknown group, or somebody whom the run recognised."""

    tracks: Sequence[Track]
    group: Group | None
    known: str | None

    @property
    def label(self) -> str:
        """As it stands in the table."""
        return f"known as {self.known}" if self.group is None else f"group {self.group.number}"


def _mentions(texts: Subtitles, people: Path | None) -> tuple[Mention, ...]:
    from vidface.gallery.captionnames import mentions, read_people

    return mentions(texts.captions, None if people is None else read_people(people))


def _faces(found: Unknowns, tracks: Sequence[Track]) -> list[Face]:
    """Who can be called by a name: also whoever has one already, else the name goes to the next best."""
    known = {name: list(rows) for name, rows in found.theirs.items()}
    for track in tracks:
        if track.state == "known":
            known.setdefault(track.name, []).append(track)
    unknown = [Face(group.tracks, group, None) for group in found.groups]
    return unknown + [Face(rows, None, name) for name, rows in sorted(known.items())]


def _links(
    texts: Subtitles, found: Sequence[Mention], faces: Sequence[Face], shift_s: float
) -> list[tuple[Link, Face | None]]:
    from vidface.gallery.naming import link_names

    spans = [[span for track in face.tracks for span in track.spans] for face in faces]
    links = link_names(texts.captions, found, spans, shift_s=shift_s)
    return [(link, None if link.group is None else faces[link.group]) for link in links]


def _fit(link: Link, face: Face) -> bool:
    """To be enrolled: the name is sure, and the group is not in doubt itself."""
    if not link.sure or face.group is None:
        return False
    return face.group.proposed or len(face.tracks) == 1


def _others(fit: Sequence[tuple[str, Face]], gallery: Gallery | None) -> dict[str, str]:
    """Names that are enrolled with another face than the one that they fit, with a sentence."""
    if gallery is None:
        return {}
    own, found = gallery.reference(), dict[str, str]()
    for name, face in fit:
        if name not in own.names or face.group is None:
            continue
        near = face.group.nearest
        if near is None or near.name != name or near.score < own.threshold:
            found[name] = (
                f"{name!r} is enrolled, and {face.label} is not like that person, so it was not added; "
                f"to do it all the same: vidface gallery unknowns --assign {face.group.number} NAME"
            )
    return found


def _enrolled(found: Unknowns) -> Iterator[str]:
    if found.theirs:
        yield f"enrolled by now: {', '.join(sorted(found.theirs))} ({found.enrolled} tracks)"


def _outside(texts: Subtitles, tracks: Sequence[Track], shift_s: float) -> Iterator[str]:
    """A sentence where most captions are of a time at which the run shows nobody any more."""
    last = max((track.last_time for track in tracks), default=0.0)
    late = sum(not -_LATE_S <= one.start + shift_s <= last + _LATE_S for one in texts.captions)
    if tracks and 2 * late > len(texts.captions):
        yield (
            f"{late} of {len(texts.captions)} captions are not of the time in which the run shows faces "
            f"(until {clock(last)}): of another film or cut? --shift moves them"
        )


def _show(
    links: Sequence[tuple[Link, Face | None]],
    groups: Sequence[Group],
    done: list[dict[str, Any]],
    texts: Subtitles,
) -> None:
    rows = [
        {
            **asdict(link),
            "group": None if face is None or face.group is None else face.group.number,
            "known": None if face is None else face.known,
            # Where both were never seen together there is none.
            "pmi": link.pmi if link.together else None,
        }
        for link, face in links
    ]
    show_json(
        {
            "captions": len(texts.captions),
            "names": rows,
            "groups": [group_row(group) for group in groups],
            "assigned": done,
        }
    )


def _tell(
    links: Sequence[tuple[Link, Face | None]], done: list[dict[str, Any]], texts: Subtitles, *, asked: bool
) -> None:
    for one in done:
        for line in assigned_lines(one):
            click.echo(line)
    if not links:
        click.echo(f"no names were found in {len(texts.captions)} captions; --people gives a list", err=True)
        return
    head = ("NAME", "FACE", "SURE", "", "FROM", "SAID", "SEEN", "TOGETHER", "CHANCE")
    table(head, _rows(links))
    for line in (*_doubts(links, asked=asked), *_alike([link for link, _ in links])):
        click.echo(line, err=True)


def _rows(links: Sequence[tuple[Link, Face | None]]) -> Iterator[tuple[Any, ...]]:
    for link, face in links:
        if face is None:
            yield (link.name, "nobody", "-", "", _kind(link), link.said, "", "", "")
            continue
        sure = "sure" if link.sure else "not sure"
        counts = (link.said, link.seen, link.together, f"{link.p:.2g}")
        yield (link.name, face.label, f"{link.sureness:.2f}", sure, _kind(link), *counts)


def _kind(link: Link) -> str:
    return "labels" if link.labels else "mentions"


def _alike(links: Sequence[Link]) -> Iterator[str]:
    """Names without a sure face that are nearly written as one that has a face."""
    from vidface.gallery.captionnames import nearly

    for link in links:
        surer = [one for one in links if one.group is not None and one.sureness > link.sureness]
        near = [one.name for one in surer if nearly(one.name, link.name)]
        if not link.sure and near:
            yield (
                f"{link.name!r} may be {near[0]!r} written otherwise: a line {near[0]}, {link.name} "
                "in a list for --people makes them one"
            )


def _doubts(links: Sequence[tuple[Link, Face | None]], *, asked: bool) -> Iterator[str]:
    for link, face in links:
        if not link.sure or face is None:
            continue
        if face.group is None and face.known != link.name:
            yield f"{link.name!r} in the captions is whom the run knows as {face.known!r}"
        elif asked and not _fit(link, face) and face.group is not None:
            yield (
                f"{link.name!r} was not enrolled: {face.label} may be several people, see vidface gallery "
                "unknowns"
            )
