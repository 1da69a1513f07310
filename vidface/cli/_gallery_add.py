"""The command `vidface gallery enroll`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._gallery_common import Place, folder_of, gallery_option, looking, opened_or_new, say
from vidface.cli._numbers import FiniteRange
from vidface.errors import InputError, UsageError

if TYPE_CHECKING:
    from vidface.cli._gallery_faces import Sampler
    from vidface.cli._gallery_tracks import TrackPlaces
    from vidface.gallery import Gallery


@click.command()
@click.argument("words", metavar="[NAME PATH...]", nargs=-1)
@click.option(
    "--folders", metavar="DIR", type=click.Path(), help="Each folder in DIR is a person of its name."
)
@click.option("--track", "tracks", type=int, multiple=True,
              help="PATH is the folder of a run: enrol this track of it.")  # fmt: skip
@click.option("--model", help="The embedder of a new gallery; vidface-embed where not said.")
@click.option("--min-face-px", type=FiniteRange(0), default=24, show_default=True)
@click.option("--min-recognisability", type=FiniteRange(0, 1), default=0.3, show_default=True)
@click.option("--min-quality", type=FiniteRange(0, 1), default=0.2, show_default=True)
@click.option("--largest", is_flag=True, help="Where a picture shows several faces, take the tallest.")
@click.option("--every", "every_s", type=FiniteRange(0), default=0.5, show_default=True,
              help="Seconds between the frames of a clip that are looked at.")  # fmt: skip
@click.option("--max-looks", type=click.IntRange(1), default=10, show_default=True, help="Of one clip.")
@click.option("--no-pictures", is_flag=True, help="Keep no crops; then re-embed is not possible.")
@gallery_option
@click.pass_obj
def enroll(
    place: Place, /, words: tuple[str, ...], folders: str | None, tracks: tuple[int, ...], model: str | None,
    folder: str | None, **options: Any,
) -> None:  # fmt: skip
    """Enrol NAME from pictures, clips, folders of them, or tracks of a run.

    A picture must show one face. Files that were enrolled for that name before are passed over, so that
    an enrolment that was interrupted goes on where it was.
    """
    from vidface.cli._gallery_enroll import Enrolment, Gate

    gate = Gate(pictures=not options.pop("no_pictures"), **options)
    places = _tracks(words, tracks, gate.every_s) if tracks and folders is None else []
    people = {} if places else _people(words, folders)
    with ExitStack() as stack:
        gallery, sampler = _for_enrolment(stack, place, folder_of(place, folder), model)
        work = Enrolment(gallery, sampler, gate, len(places) + sum(map(len, people.values())))
        try:
            for name, paths in people.items():
                work.person(name, paths)
            for one in places:
                work.track(words[0], one)
        except KeyboardInterrupt:
            click.echo(f"\n{work.tally.sentence()}; the same command goes on from here", err=True)
            raise
    if not work.tally.people and not work.tally.known:
        raise InputError(f"nothing was enrolled: {work.tally.sentence()}, for the reasons above")
    click.echo(work.tally.sentence())


def _tracks(words: tuple[str, ...], tracks: tuple[int, ...], every_s: float) -> list[TrackPlaces]:
    from vidface.cli._gallery_tracks import places_of
    from vidface.gallery import clean_name

    if len(words) != 2:
        raise UsageError("--track takes one run: vidface gallery enroll NAME RUN --track N")
    clean_name(words[0])
    return [places_of(Path(words[1]), number, every_s) for number in tracks]


def _people(words: tuple[str, ...], folders: str | None) -> dict[str, list[Path]]:
    """Name -> files; odd names are refused before anything is done."""
    from vidface.cli._gallery_enroll import files_of
    from vidface.gallery import clean_name

    if folders is None:
        if len(words) < 2:
            raise UsageError("say who and from what: vidface gallery enroll NAME PATH..., or --folders DIR")
        return {clean_name(words[0]): files_of([Path(word) for word in words[1:]])}
    root = Path(folders)
    if words or not root.is_dir():
        raise UsageError(f"--folders takes the names from the folders in it; {root} must be a folder, "
                         "and NAME PATH... must be left out")  # fmt: skip
    inside = sorted(item for item in root.iterdir() if item.is_dir() and not item.name.startswith("."))
    places: dict[str, list[Path]] = {}
    for item in inside:
        places.setdefault(clean_name(item.name), []).append(item)
    found = {name: files_of(items) for name, items in places.items()}
    if not any(found.values()):
        raise UsageError(f"{root} has no folders with pictures or clips in them")
    for name, items in places.items():
        if len(items) > 1:  # such as `Ann` and `Ann `, or two forms of Unicode
            say(f"{name!r} is enrolled from {len(items)} folders: {', '.join(map(ascii, map(str, items)))}")
    return found


def _for_enrolment(
    stack: ExitStack, place: Place, folder: Path, model: str | None
) -> tuple[Gallery, Sampler]:
    """The gallery open for writing (a new one where there is none yet) and its embedder."""
    own: list[Sampler] = []

    def belongs() -> tuple[str, int]:
        own.append(stack.enter_context(looking(place, model, None)))
        return own[0].fingerprint, own[0].dimension

    gallery = stack.enter_context(opened_or_new(place, folder, belongs))
    if own and own[0].fingerprint == gallery.fingerprint:
        return gallery, own[0]
    return gallery, stack.enter_context(looking(place, model, gallery))
