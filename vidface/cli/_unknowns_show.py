"""Unknown people as text and as JSON: groups, questions, and what was enrolled."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from vidface.cli._gallery_common import harmless, say, show_json, table

if TYPE_CHECKING:
    from vidface.gallery import AddReport, Look
    from vidface.gallery.runs import Track
    from vidface.gallery.unknowns import Ask, Group, Unknowns

_NEAR: Final = 0.15
"""The table names the nearest enrolled person from so far below the threshold on."""


def enrolled(name: str, tracks: Sequence[Track], looks: Sequence[Look], report: AddReport) -> dict[str, Any]:
    """What became of tracks that were enrolled as these looks, ready for JSON."""
    other = report.nearest_other
    kept = [place for place in range(len(tracks)) if place not in report.duplicates]
    return {
        "name": name,
        "looks": report.added,
        "pictures": sum(looks[place].picture is not None for place in kept),
        "tracks": [tracks[place].source for place in kept],
        "duplicates": [tracks[place].source for place in report.duplicates],
        "outliers": [tracks[place].source for place in report.outliers],
        "alike": None if other is None else {"name": other[0], "score": other[1]},
    }


def assigned_lines(done: dict[str, Any]) -> Iterator[str]:
    """The same as sentences."""
    source = f", from {', '.join(done['tracks'])}" if done["tracks"] else ""
    pictures = f"{done['pictures']} with a picture"
    yield f"{done['name']!r}: {_count(done['looks'], 'look')} enrolled ({pictures}){source}"
    if done["duplicates"]:
        yield f"  left out, since they are enrolled already: {', '.join(done['duplicates'])}"
    if done["outliers"]:
        yield f"  unlike the others, perhaps somebody else: {', '.join(done['outliers'])}"
    if done["alike"] is not None:
        yield f"  perhaps the same person as {done['alike']['name']!r} (cosine {done['alike']['score']:.3f})"


def run_names(groups: Sequence[Group]) -> Callable[[Track], str]:
    """How runs are called in tables: by the folder's name where that is clear, else by its path."""
    runs = {track.run for group in groups for track in group.tracks}
    often = Counter(run.name for run in runs)
    return lambda track: track.run.name if often[track.run.name] == 1 else str(track.run)


def group_row(group: Group) -> dict[str, Any]:
    """A group, ready for JSON."""
    near = group.nearest
    return {
        "group": group.number,
        "state": _state(group),
        "confidence": group.confidence,
        "cohesion": group.cohesion,
        "nearest": None if near is None else {"name": near.name, "score": near.score},
        "tracks": [_track_row(track) for track in group.tracks],
    }


def clock(seconds: float) -> str:
    """`1:02:03.4`."""
    tenths = round(max(seconds, 0.0) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"


def _alike(group: Group) -> str:
    return "" if math.isnan(group.cohesion) else f"{group.cohesion:.2f}"


def _state(group: Group) -> str:
    if len(group.tracks) == 1:
        return "single"
    return "proposed" if group.proposed else "doubtful"


def _track_row(track: Track) -> dict[str, Any]:
    return {
        "run": str(track.run),
        "track": track.number,
        "from": track.first_time,
        "to": track.last_time,
        "looks": track.looks,
        "evidence": track.evidence,
        "state": track.state or None,
        "shot": None if track.shot is None else str(track.shot.path),
    }


def _ask_row(ask: Ask) -> dict[str, Any]:
    return {
        "groups": [ask.left, ask.right],
        "tracks": [ask.left_track.source, ask.right_track.source],
        "shots": [None if t.shot is None else str(t.shot.path) for t in (ask.left_track, ask.right_track)],
        "similarity": ask.similarity,
        "gain": ask.gain,
    }


def show_groups(found: Unknowns, most: int, done: dict[str, Any]) -> None:
    """As JSON, together with what was done."""
    show_json(
        {
            "threshold": found.threshold,
            "model": found.model,
            "groups": [group_row(group) for group in found.groups],
            "questions": [_ask_row(ask) for ask in found.asks[:most]],
            "more_questions": max(0, len(found.asks) - most),
            "left_out": {"known": found.known, "poor": found.poor, "enrolled": found.enrolled},
            "dropped_answers": found.dropped,
            **done,
        }
    )


def tell_groups(found: Unknowns, most: int, done: dict[str, Any]) -> None:
    """As a table and sentences, together with what was done."""
    for one in done.get("assigned", ()):
        for line in assigned_lines(one):
            click.echo(harmless(line))
    name = run_names(found.groups)
    if found.groups:
        head = ("GROUP", "STATE", "ALIKE", "LIKE", "RUN", "TRACK", "FROM", "TO", "LOOKS", "SHOT")
        bar = found.threshold - _NEAR
        table(head, (row for group in found.groups for row in _table_rows(group, name, bar)))
    else:
        click.echo("nobody unknown was found", err=True)
    for number, ask in enumerate(found.asks[:most], 1):
        for line in _question(ask, name):
            click.echo(harmless(f"{number:>2}. {line}" if line[0] != " " else line))
    for line in _notes(found, most):
        say(line)


def _table_rows(group: Group, name: Callable[[Track], str], bar: float) -> Iterator[tuple[Any, ...]]:
    """A line a track; what concerns the group stands in its first."""
    near = ""
    if group.nearest is not None and group.nearest.score >= bar:
        near = f"{group.nearest.name} {group.nearest.score:.2f}"
    facts: tuple[str, ...] = (str(group.number), _state(group), _alike(group), near)
    for track in group.tracks:
        times = (clock(track.first_time), clock(track.last_time))
        shot = "" if track.shot is None else str(track.shot.path.relative_to(track.run))
        yield (*facts, name(track), track.number, *times, track.looks, shot)
        facts = ("",) * len(facts)


def _question(ask: Ask, name: Callable[[Track], str]) -> Iterator[str]:
    one, two = (f"{name(track)}#{track.number}" for track in (ask.left_track, ask.right_track))
    if ask.left == ask.right:
        what, same = f"Is group {ask.left} one person?", f"--same {ask.left} {ask.left}"
        other = f"--different {one} {two}"
    else:
        what = f"Are groups {ask.left} and {ask.right} one person?"
        same, other = f"--same {ask.left} {ask.right}", f"--different {ask.left} {ask.right}"
    yield f"{what} Compare {one} and {two} (mean cosine {ask.similarity:.2f})."
    yield f"    yes: {same}   no: {other}"


def _notes(found: Unknowns, most: int) -> Iterator[str]:
    left = {
        "recognised in their run": found.known,
        "with too little evidence": found.poor,
        "enrolled by now": found.enrolled,
    }
    told = [f"{count} {what}" for what, count in left.items() if count]
    if told:
        yield f"tracks left out: {', '.join(told)}"
    if len(found.asks) > most:
        yield f"{_count(len(found.asks) - most, 'more question')}; --questions shows more"
    if found.dropped:
        yield f"{_count(found.dropped, 'answer')} not followed, since later ones say otherwise"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
