"""Fakes to try the checks on, and the real clips beside them.

python -m tests.bench.fakes OUT --person NAME=CLIP...

Each person's clip is cut in two: the first half is tested, the second is reference (a second clip of the
person, NAME=CLIP,CLIP, is all reference instead). Of the people in the order given

- `recoded`: a span of the tested half, only coded anew: real,
- `swap-poisson`, `swap-feather`: that span with the inner face of the next person warped onto it by the mesh,
  colours matched, the seam hidden by Poisson blending or by a feathered mask: by turns, one for each person,
- `reenact`, of every second person: the first picture of the span, moved by the next person's face without
  a network.

- what `--also` names: spans of other clips as they are, `recoded` where they are real; under the claim
  `body` where a person's name is said, else under none.

Everything is made once without loss and then coded by libx264 at every --crf, with its sound. Two protocols
say who is claimed: `body`, the person whose clip it is, and `face`, the person whose face was put in. A real
span stands in both. OUT/manifest.json lists files, labels, claims, references (`vidface eval deepfake`).
The files are fakes of real people without a visible mark: keep them to yourself and delete them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench import _fakework as work
from tests.bench._fakework import Span
from vidface.media.probe import probe

_MOST_REFERENCE_S: Final = 8.0
_LOSSLESS: Final = 0
_REFERENCE_CRF: Final = 20


class Person(NamedTuple):
    """Somebody with something to test and something to hold it against."""

    name: str
    tested: tuple[Span, ...]
    reference: Span


class Made(NamedTuple):
    """A clip made without loss, and what it is."""

    master: Path
    method: str
    body: str
    face: str

    @property
    def real(self) -> bool:
        """Nothing was done to it but coding."""
        return self.method == "recoded"


def read_person(text: str, *, seconds: float, spans: int) -> Person:
    """NAME=CLIP[,CLIP] -> who and what."""
    name, _, files = text.partition("=")
    clips = [Path(one) for one in files.split(",") if one]
    if not clips or not all(clip.is_file() for clip in clips):
        raise SystemExit(f"--person wants NAME=CLIP[,CLIP], but got {text}")
    length = _length(clips[0])
    half = length if len(clips) > 1 else length / 2
    count = max(1, min(spans, int(half // seconds)))
    tested = tuple(Span(clips[0], i * seconds, min(half, (i + 1) * seconds)) for i in range(count))
    other, start = (clips[1], 0.0) if len(clips) > 1 else (clips[0], half)
    return Person(name, tested, Span(other, start, min(_length(other), start + _MOST_REFERENCE_S)))


def make(person: Person, other: Person, out: Path, *, place: int) -> Iterator[Made]:
    """All of one person; the other gives the face and drives."""
    parts = out / "parts"
    for number, span in enumerate(person.tested):
        path = parts / f"{person.name}-{number}-recoded.mkv"
        if not path.is_file():
            work.code(span, path.with_suffix(".mp4"), crf=_LOSSLESS)
            path.with_suffix(".mp4").rename(path)
        yield Made(path, "recoded", person.name, person.name)
    blend = ("poisson", "feather")[place % 2]
    path = parts / f"{person.name}-with-{other.name}-{blend}.mkv"
    if not path.is_file():
        looks, draft = _looks(other, parts), path.with_suffix(".mp4")
        work.swap(person.tested[0], draft, crf=_LOSSLESS, looks=looks, blend=blend)
        draft.rename(path)
    yield Made(path, f"swap-{blend}", person.name, other.name)
    if place % 2:
        return
    path = parts / f"{person.name}-by-{other.name}-reenact.mkv"
    if not path.is_file():
        still = parts / f"{person.name}.png"
        work.still_of(person.tested[0], still)
        work.animate(other.tested[0], path.with_suffix(".mp4"), crf=_LOSSLESS, still=still)
        path.with_suffix(".mp4").rename(path)
    yield Made(path, "reenact", person.name, person.name)


def also(text: str, out: Path, *, seconds: float) -> Made:
    """METHOD=CLIP@START[,NAME] -> a span as it is; NAME is whose body it shows."""
    method, _, place = text.partition("=")
    place, _, name = place.partition(",")
    file, _, start = place.rpartition("@")
    if not Path(file).is_file():
        raise SystemExit(f"--also wants METHOD=CLIP@START[,NAME], but got {text}")
    path = out / "parts" / f"{Path(file).stem}-at{start}-{method}.mkv"
    if not path.is_file():
        draft = path.with_suffix(".mp4")
        work.code(Span(Path(file), float(start), float(start) + seconds), draft, crf=_LOSSLESS)
        draft.rename(path)
    return Made(path, method, name, name)


def rows_of(made: Made, crf: int, out: Path) -> Iterator[dict[str, Any]]:
    """The manifest's rows of a clip: one for each claim."""
    name = f"{made.master.stem}-crf{crf}.mp4"
    file = out / name
    if not file.is_file():
        work.code(Span(made.master, 0.0, 1e4), file, crf=crf)
    row = {"file": name, "label": "real" if made.real else "fake", "method": made.method, "crf": crf}
    if not made.body:
        yield row | {"body": made.master.stem.partition("-at")[0]}
        return
    claims = {"body": made.body, "face": made.face}
    if made.method == "reenact":
        del claims["body"]
    if made.method == "swap-network":
        del claims["face"]  # nothing is known of whom it shows
    for protocol, person in claims.items():
        yield {
            **row,
            "protocol": protocol,
            "claim": person,
            "references": f"references/{person}.mp4",
            "body": made.body,
            "face": made.face,
        }


def _looks(person: Person, parts: Path) -> Path:
    path = parts / f"{person.name}.npz"
    if not path.is_file():
        work.look_at(person.tested[0], path)
    return path


def _length(clip: Path) -> float:
    """Seconds, to the end of the last frame."""
    info = probe(clip)
    return float(info.duration or 0)


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--person", action="append", required=True, metavar="NAME=CLIP[,CLIP]")
    parser.add_argument(
        "--also", action="append", default=[], metavar="METHOD=CLIP@START[,NAME]", help="A span as it is."
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of each clip")
    parser.add_argument("--spans", type=int, default=1, help="real clips of each person, at most")
    parser.add_argument("--crf", type=int, action="append", help="[23 and 40]")
    args = parser.parse_args()
    people = [read_person(text, seconds=args.seconds, spans=args.spans) for text in args.person]
    if len(people) < 2:
        raise SystemExit("two people or more are wanted: each gets the face of the next")
    for folder in (args.out / "parts", args.out / "references"):
        folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for place, person in enumerate(people):
        reference = args.out / "references" / f"{person.name}.mp4"
        if not reference.is_file():
            work.code(person.reference, reference, crf=_REFERENCE_CRF)
        other = people[(place + 1) % len(people)]
        for made in make(person, other, args.out, place=place):
            rows += [row for crf in args.crf or (23, 40) for row in rows_of(made, crf, args.out)]
    for text in args.also:
        made = also(text, args.out, seconds=args.seconds)
        rows += [row for crf in args.crf or (23, 40) for row in rows_of(made, crf, args.out)]
    manifest = json.dumps({"seconds": args.seconds, "rows": rows}, indent=1)
    (args.out / "manifest.json").write_text(manifest, encoding="utf-8")


if __name__ == "__main__":
    main()
