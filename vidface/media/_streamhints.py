"""What the facts of a stream can mean, in plain sentences: each with what is innocent about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from vidface.media._streamgop import KeyFrames
from vidface.media._streamhistory import History, maker_of
from vidface.media._streamread import Reading
from vidface.media._streamtimes import Times
from vidface.media._streamtwice import FALSE_ALARMS, FOUND, STRONG, Twice
from vidface.media.declared import Declared

_APART_S: Final = 0.3
"""Picture and sound of honest files end so far apart."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about the file that a reviewer should know.

    Attributes:
        kind: "streams", "history", "coding", "twice", "times", "edit_list", "sound", "damage" or
            "credentials".
        says: what was found, one sentence.
        means: what it can mean, and what is innocent about it.
    """

    kind: str
    says: str
    means: str

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        return {"kind": self.kind, "says": self.says, "means": self.means}


def stream_hints(reading: Reading) -> Iterator[Hint]:
    """Other pictures in the file than those that were read."""
    if reading.others:
        yield Hint(
            "streams",
            f"The file has other pictures beside stream {reading.index}, which alone was read: "
            f"{', '.join(reading.others)}.",
            "Players can show another stream than the one that was examined. Covers, second cameras, small "
            "previews and versions for slow lines are common.",
        )


def history_hints(history: History) -> Iterator[Hint]:
    """Programs that changed the footage, and makers that disagree."""
    for text in history.editors:
        yield Hint(
            "history",
            f"The file names {text!r}, which cuts, changes or converts footage.",
            "It is not as a camera wrote it; nothing says what was changed.",
        )
    makers = sorted({maker for one in history.handlers if (maker := maker_of(one))})
    own = [text for text in history.libraries if "lav" in text.lower()]
    if makers and own:
        yield Hint(
            "history",
            f"Its tracks are named by programs of {' and '.join(makers)}, but {own[0]} wrote the container.",
            "Footage of a device was converted with FFmpeg's libraries, as messengers, sites and many "
            "programs do.",
        )
    if history.parts > 1:
        yield Hint(
            "history",
            f"The video was coded by {history.parts} coders or settings: {'; '.join(history.coders)}.",
            "Parts of different recordings or of different coding were joined.",
        )
    dates = [*history.created, *history.modified]
    if dates and (max(dates) - min(dates)).total_seconds() > 60:
        yield Hint(
            "history",
            f"Its dates of creation and change reach from {min(dates):%Y-%m-%d %H:%M} to "
            f"{max(dates):%Y-%m-%d %H:%M} UTC.",
            "It was written again later; long recordings are dated at start and end.",
        )
    yield from map(_edit_list, history.edits)


def _edit_list(edits: tuple[dict[str, Any], ...]) -> Hint:
    first, count = edits[0], _count(len(edits), "entry", "entries")
    if "before" in first:
        return Hint(
            "edit_list",
            f"A track ({first['track']}) holds {float(first['before']):.2f} s before and "
            f"{float(first['after']):.2f} s after what it shows, hidden by its edit list.",
            "It was cut without coding anew, as phones and quick cutters do. What is hidden is still in the "
            "file.",
        )
    return Hint(
        "edit_list",
        f"A track ({first['track']}) has an edit list of {count}.",
        "A part of what is stored is not shown, or is shown late: cut without coding anew, or a device "
        "that lined up sound and picture. The hidden part may still be in the file.",
    )


def coding_hints(reading: Reading, keys: KeyFrames, twice: Twice | None) -> Iterator[Hint]:
    """Key frames out of step, and traces of an earlier coding."""
    if reading.broken:
        yield Hint(
            "damage",
            f"{_count(reading.broken, 'packet is', 'packets are')} damaged or could not be decoded.",
            "A bad transfer or a cut without care; frames may be missing.",
        )
    if keys.count > 2 and not keys.regular and keys.early:
        yield Hint(
            "coding",
            f"{keys.early} of {keys.count - 1} distances between key frames are shorter than the usual "
            f"{keys.usual} pictures.",
            "Coders put key frames at scene cuts; they also stand where pieces were joined.",
        )
    if twice is not None and twice.strength >= STRONG:
        yield Hint(
            "twice",
            f"Every {twice.period} pictures one takes more bytes than its like "
            f"({twice.times} times, strength {twice.strength:.1f}).",
            "So a stream looks that was coded before with key frames so far apart, or whose frame rate was "
            f"changed by repeating pictures. {FALSE_ALARMS} test clips coded once by x264 were taken for it, "
            f"{FOUND} coded twice were found; other coders may leave periods of their own, and uploads to a "
            "site are coded twice, too.",
        )


def time_hints(times: Times | None) -> Iterator[Hint]:
    """Steps, doubles and holes in the times."""
    if times is None:
        return
    if times.doubles or times.back:
        yield Hint(
            "times",
            f"{_count(times.doubles, 'picture has', 'pictures have')} the time of another one; "
            f"{_count(times.back, 'packet falls', 'packets fall')} back in time.",
            "Streams were joined, or a program wrote wrong times.",
        )
    for jump in times.jumps[:3]:
        yield Hint(
            "times",
            f"After {float(jump.at):.2f} s (picture {jump.after}) {float(jump.seconds):.2f} s pass without a "
            "picture.",
            "A part is missing, the camera dropped pictures, or nothing moved and the coder left them out.",
        )
    if times.missing and not times.jumps and not times.uneven:
        yield Hint(
            "times",
            f"{_count(times.missing, 'picture is', 'pictures are')} missing in an otherwise even rate.",
            "Cameras drop pictures when they are busy; a cut leaves such holes, too.",
        )
    elif times.uneven or not (times.constant or times.jumps):
        yield Hint(
            "times",
            f"The rate varies: {100 * times.even:.0f} % of the steps are {_ms(times.step)}, the others "
            f"{_ms(times.least)} to {_ms(times.most)}.",
            "Phones and screen recorders do that; what editing programs write is mostly even.",
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _ms(seconds: Fraction) -> str:
    return f"{1000 * float(seconds):.0f} ms"


def sound_hints(reading: Reading, times: Times | None) -> Iterator[Hint]:
    """Picture and sound that do not begin or end together."""
    if times is None or reading.sound is None:
        return
    begin, end = (float(a - b) for a, b in zip(reading.sound, (times.start, times.end), strict=True))
    if abs(begin) > _APART_S:
        yield Hint(
            "sound",
            f"The sound begins {abs(begin):.2f} s {'after' if begin > 0 else 'before'} the picture.",
            "One of them was cut or replaced, or the recorder began with one of them.",
        )
    if abs(end) > _APART_S:
        yield Hint(
            "sound",
            f"The sound ends {abs(end):.2f} s {'after' if end > 0 else 'before'} the picture.",
            "One of them was cut or replaced, or the recording was cut off.",
        )


def credential_hints(declared: Declared | None) -> Iterator[Hint]:
    """What content credentials are there, and whether they hold."""
    if declared is None or declared.manifest is None:
        return
    manifest = declared.manifest
    signer = manifest.signer.get("name") or manifest.signer.get("issuer") or "nobody named"
    states = {
        "trusted": ("hold, signed by a trusted", "The file is as it was when that was signed."),
        "untrusted": ("hold, signed by", "Unchanged since, but the signer is not known here."),
        "tampered": ("do not fit the file any more; signed by", "It was changed after it was signed."),
        "invalid": ("break the rules; signed by", "They prove nothing."),
        "unreadable": ("are damaged; signed by", "They prove nothing."),
        "elsewhere": ("lie elsewhere; signed by", "Nothing was fetched."),
    }
    says, means = states[manifest.state]
    by = f"{says} {signer}"
    made = f" They name {manifest.generator}." if manifest.generator else ""
    yield Hint("credentials", f"Content credentials {by}.{made}", means)
