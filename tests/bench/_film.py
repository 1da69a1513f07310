"""A film made up by chance: who is in the picture when, who says what, and subtitles in several styles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

ABSENT: Final = ("Victor", "Grace")
"""People who are spoken of and never seen."""
SPELLINGS: Final = {"Katharine": ("Katherine", "Catharine"), "Zoë": ("Zoe",)}
STYLES: Final = ("labels", "brackets", "talk", "offscreen", "messy")
"""labels: "ANNA: ..." on every caption. brackets: "(ANNA) ..." likewise, with a BOM. talk: no labels, "- ..."
before what is said. offscreen: labels only where the speaker is not in the picture. messy: labels only where
another one speaks, spellings that change, tags, captions that overlap, songs, credits, Windows-1252, CRLF."""
_PLAIN: Final = (
    "I told you that before.",
    "We should have left an hour ago.",
    "Nobody opens the door at night.",
    "It does not matter any more.",
    "Then what happened?",
    "No. Not today.",
    "They closed the station in spring.",
    "And you believed that?",
    "Look at this, will you?",
    "There is a train at nine.",
    "I was never any good at that.",
    "Maybe. Who knows?",
)
_CALLED: Final = (
    "{0}! Come here.",
    "Come here, {0}.",
    "What do you think, {0}?",
    "Listen to me, {0}, please.",
    "You know, {0}, it is late.",
)
_ABOUT: Final = (
    "Did you see {0} yesterday?",
    "I think {0} knows more than that.",
    "{0} called again this morning.",
    "It was {0}'s idea.",
)


@dataclass(frozen=True, slots=True)
class Shot:
    """Seconds, and who is in the picture, from left to right; nobody, one or two."""

    start: float
    end: float
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody says something; `seen`: in the picture for most of it."""

    start: float
    end: float
    speaker: str
    text: str
    seen: bool


@dataclass(slots=True)
class Film:
    """Shots and lines by time."""

    shots: list[Shot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def spans(self, name: str) -> list[tuple[float, float]]:
        """When somebody is in the picture."""
        return [(shot.start, shot.end) for shot in self.shots if name in shot.people]


def made_film(people: tuple[str, ...], seconds: float, seed: int, extras: tuple[str, ...] = ()) -> Film:
    """Scenes of two or three people: shot, reverse shot, listeners, both at once, sound before the cut.

    Of the lines, 62 of 100 show their speaker alone, 23 only a listener, 15 both. Extras have shots of their
    own between scenes, and say nothing; a narrator, who is never seen, speaks over them.
    """
    rng = np.random.default_rng(seed)
    film, now = Film(), 1.0
    while now < seconds:
        count = int(rng.choice([2, 2, 3]))
        present = [str(name) for name in rng.choice(people, count, replace=False)]
        now = _scene(film, present, people, now, rng)
        if extras and rng.random() < 0.5:
            end = now + float(rng.uniform(1.5, 2.5))
            film.shots.append(Shot(now, end, (str(rng.choice(extras)),)))
            film.lines.append(Line(now + 0.2, end - 0.1, "NARRATOR", "So another day went by.", seen=False))
            now = end
    return film


def _scene(
    film: Film, present: list[str], people: tuple[str, ...], now: float, rng: np.random.Generator
) -> float:
    speaker = present[0]
    for _ in range(int(rng.integers(6, 13))):
        speaker = str(rng.choice([one for one in present if one != speaker] * 3 + [speaker]))
        other = str(rng.choice([one for one in present if one != speaker]))
        end = now + float(rng.uniform(1.4, 4.0))
        way = rng.random()
        shown = (speaker,) if way < 0.62 else (other,) if way < 0.85 else tuple(sorted((speaker, other)))
        film.shots.append(Shot(now, end, shown))
        # Sound may come before the picture changes, or go on after it.
        early = float(rng.choice([0.0, 0.0, 0.3, -0.3]))
        text = _text(other, present, people, rng)
        film.lines.append(Line(now - early, end - early - 0.1, speaker, text, speaker in shown))
        now = end
    return now


def _text(other: str, present: list[str], people: tuple[str, ...], rng: np.random.Generator) -> str:
    way = rng.random()
    if way < 0.2:
        return str(rng.choice(_CALLED)).format(other)
    if way < 0.35:
        away = [one for one in people if one not in present] + list(ABSENT)
        return str(rng.choice(_ABOUT)).format(str(rng.choice(away)))
    return str(rng.choice(_PLAIN))


def write_srt(film: Film, path: Path, style: str, *, seed: int = 0) -> None:
    """Subtitles of the film in one of `STYLES`."""
    rng = np.random.default_rng(seed)
    cues = [(line.start, line.end, text) for line, text in _cues(film, style, rng)]
    if style == "messy":
        cues = [(start, end + 0.6 * (i % 3 == 0), text) for i, (start, end, text) in enumerate(cues)]
        cues.insert(0, (0.0, 1.0, "Subtitles by SomeBody\nwww.some-subs.example"))
    blocks = [
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n"
        for number, (start, end, text) in enumerate(cues, 1)
    ]
    whole = "\n".join(blocks)
    if style == "messy":
        path.write_bytes(whole.replace("\n", "\r\n").encode("cp1252"))
    else:
        path.write_text(whole, encoding="utf-8-sig" if style == "brackets" else "utf-8")


def _cues(film: Film, style: str, rng: np.random.Generator) -> list[tuple[Line, str]]:
    before, cues = "", []
    for place, line in enumerate(film.lines):
        text = line.text
        if style == "labels":
            text = f"{line.speaker.upper()}: {text}"
        elif style == "brackets":
            text = f"({line.speaker.upper()}) {text}"
        elif style == "talk":
            text = f"- {text}"
        elif style == "offscreen":
            text = text if line.seen else f"[{line.speaker.upper()}] {text}"
        else:
            text = _messy(line, before, place, rng)
        before = line.speaker
        cues.append((line, text))
    return cues


def _messy(line: Line, before: str, place: int, rng: np.random.Generator) -> str:
    if place % 17 == 11:
        return "# <i>Over the hills and far away</i> #"
    text = line.text
    for name, others in SPELLINGS.items():
        text = text.replace(name, str(rng.choice([name, name, *others])))
    text = f"<i>{text}</i>" if not line.seen else text
    if line.speaker == before:
        return text
    said = str(rng.choice([line.speaker, line.speaker, *SPELLINGS.get(line.speaker, ())])).upper()
    said += "" if line.seen else str(rng.choice(["", " (O.S.)", " [V.O.]"]))
    return f'<font color="#ffff00">{said}:</font> {text}'


def _clock(seconds: float) -> str:
    thousandths = max(0, round(seconds * 1000))
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
