"""What a reader must know before relying on a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from vidface.graph.custody import RUN_DIGEST
from vidface.review.claimed import judged
from vidface.review.part import part_of
from vidface.review.reading import Material
from vidface.review.source import tools_in
from vidface.review.turned import turn_of

SHORT_S: Final = 3.0
_NAMED: Final = 12
"""Altered files that are named."""
_VERDICT: Final = "forensics.verdict: "
_REPACK: Final = {"FFmpeg"}
"""Tools that often only repack a file."""


def caveats(run: Material) -> list[str]:
    """Sentences, the weightiest first."""
    declared = run.source.get("declared") or {}
    return [
        *_of_altered(run),
        *_of_part(run),
        *_of_clock(run),
        *_of_pictures(run),
        *_of_file(declared),
        *_of_run(run),
        *_of_input(run),
    ]


def _of_altered(run: Material) -> Iterator[str]:
    if run.altered:
        more = len(run.altered) - _NAMED
        names = [*run.altered[:_NAMED], *([f"{more} more"] if more > 0 else [])]
        yield (
            f"The folder is not what the run left: {_list(names)}. This report tells what stands in "
            "the altered files, which need not be what was found."
        )


def _of_part(run: Material) -> Iterator[str]:
    part = part_of(run.manifest)
    if part is not None:
        yield f"Only a part was reviewed: {part}. Nothing is said of the rest of the clip."


def _of_clock(run: Material) -> Iterator[str]:
    """One time may stand for several pictures."""
    back = ((run.manifest.get("input") or {}).get("extra") or {}).get("times_set_back")
    if back:
        yield (
            f"The file's times are not unique: {back}. Strips and tables of this report lay the pieces "
            "over one another, and the preview runs on where they begin anew. Split the file there, and "
            "review each piece."
        )


def _of_pictures(run: Material) -> Iterator[str]:
    """Which of the file's pictures were looked at, and how they were turned."""
    facts = run.manifest.get("input") or {}
    others = (facts.get("extra") or {}).get("other_video_streams")
    if isinstance(others, int) and others > 0:
        hints = (run.source.get("stream") or {}).get("hints") or ()
        said = next((f" {one.get('says')}" for one in hints if one.get("kind") == "streams"), "")
        examined = f"{facts.get('codec')}, {facts.get('width')} × {facts.get('height')} px"
        yield (
            f"The file has {others + 1} video streams (a cover counts as one), and one was examined "
            f"({examined}).{said} Players can show another: nothing is said of the others."
        )
    ratio = (facts.get("extra") or {}).get("sample_aspect_ratio")
    if ratio:
        yield (
            f"The file's pixels are not square ({ratio}, wide to high), and faces were measured as they are "
            "stored, stretched: likeness, shape, pose and manner of moving are off. Review it with --square."
        )
    turn = turn_of(run.manifest)
    if turn.by_user:
        yield (
            f"The picture was turned by {turn.by_user} degrees clockwise for this review (--rotate), beyond "
            f"what the file says ({turn.by_file} degrees): that is the choice of whoever made the review, "
            "not the file's."
        )


def _of_file(declared: dict[str, Any]) -> Iterator[str]:
    tools = tools_in(declared)
    if declared.get("mark"):
        yield (
            "The file says of itself that vidface generated pictures in it. What is tested here is then no "
            "recording any more, whatever the verdict."
        )
    if tools:
        only = (
            " It may only have been repacked: FFmpeg is inside many programs."
            if set(tools) <= _REPACK
            else ""
        )
        yield (
            f"The file's own data name {_list(tools)}: it was processed after it was recorded.{only} "
            "Processing alone (restoring, stabilising, scaling, filters, coding anew) can trigger the tests "
            "of blending, fine detail and noise although nobody changed a face."
        )
    state = (declared.get("manifest") or {}).get("state")
    if state in ("tampered", "invalid"):
        yield "The file carries content credentials that do not hold: it was changed after it was signed."


def _of_run(run: Material) -> Iterator[str]:
    status = run.manifest.get("status")
    if status != "done":
        error = run.manifest.get("error")
        yield f"The run did not end well ({status}{f': {error}' if error else ''}): the report covers a part."
    if run.changed:
        yield "run.json was changed after the run; `vidface verify` says which files are as they were."
    if RUN_DIGEST not in run.manifest and status != "running":
        yield "run.json has no digest of itself: whether the files are what the run left cannot be told."
    if run.notes_faults:
        yield f"The reviewers' notes were changed: {'; '.join(run.notes_faults)}."
    if run.torn:
        yield f"{_list(list(run.torn))} ended within a line; what stands before it is in this report."
    holes = (run.manifest.get("ledger") or {}).get("holes") or []
    if holes:
        yield f"Frames are missing or damaged in {_count(len(holes), 'place')}; see the ledger of frames."
    said = (run.manifest.get("node_facts") or {}).get("identity") or {}
    if not said.get("references"):
        yield (
            "No references of the claimed person were given: whether the face is that person's was not "
            "tested, only whether the picture was worked on."
        )
    elif len(run.tracks) > 1:
        yield _several([{"verdict": row.get("verdict") or {}} for row in run.tracks])
    for note in ((run.manifest.get("node_facts") or {}).get("verdict") or {}).get("notes") or ():
        if str(note).startswith(_VERDICT):
            text = str(note).removeprefix(_VERDICT)
            yield text[:1].upper() + text[1:]


def _several(rows: list[dict[str, Any]]) -> str:
    if judged(rows):
        return (
            "References say something of one person only, so the tests against them are weighed for the face "
            "that resembles them most, and shown for others. Where that is the wrong face, name the right "
            "one: `vidface review --face N`."
        )
    return (
        "References say something of one person only. Another person's face differs from them without "
        "any manipulation: for the faces that are not claimed to be that person's, leave the tests "
        "against references out of account."
    )


def _of_input(run: Material) -> Iterator[str]:
    facts = run.manifest.get("input") or {}
    lasts = run.last - run.first
    if run.frames and lasts < SHORT_S:
        what = "clip" if part_of(run.manifest) is None else "part that was reviewed"
        yield f"The {what} is {lasts:.1f} s long; tests of movement and of the pulse need more."
    if not facts.get("audio"):
        yield "The clip has no sound: lips could not be held against a voice."
    heights = [float(row.get("mean_height_px") or 0) for row in run.tracks]
    if heights and max(heights) < 48:
        yield f"The largest face is {max(heights):.0f} px tall; little can be seen of a face so small."


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
