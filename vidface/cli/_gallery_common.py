"""What the commands of `vidface gallery` share: which gallery, which embedder, how tables look."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from vidface.cli._numbers import FiniteRange
from vidface.errors import UsageError

if TYPE_CHECKING:
    from vidface.cli._gallery_faces import Sampler
    from vidface.gallery import Gallery

VARIABLE: Final = "VIDFACE_GALLERY"
DEFAULT_MODEL: Final = "vidface-embed"
Open = Callable[[str], "Sampler"]
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """Handed from the group to its commands: the folder said there, and what opens an embedder."""

    folder: str | None
    open: Open


def gallery_option(command: _F) -> _F:
    """--gallery, for one command."""
    option = click.option(
        "--gallery",
        "folder",
        metavar="DIR",
        help=f"The gallery's folder; else ${VARIABLE}.",
        type=click.Path(),
    )
    return option(command)


def evidence_option(command: _F) -> _F:
    """--min-evidence, for one command."""
    option = click.option(
        "--min-evidence",
        type=FiniteRange(0),
        default=0.3,
        show_default=True,
        help="Leave out tracks with less; one perfect look is 1.",
    )
    return option(command)


def json_option(command: _F) -> _F:
    """--json, for one command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def folder_of(place: Place, folder: str | None) -> Path:
    """The gallery's folder.

    Raises:
        UsageError: none was said.
    """
    said = folder or place.folder or os.environ.get(VARIABLE)
    if not said:
        raise UsageError(f"which gallery? say --gallery DIR, or set ${VARIABLE} to a folder")
    return Path(said).expanduser()


@contextmanager
def opened(place: Place, folder: str | None, *, write: bool = False) -> Iterator[Gallery]:
    """The gallery, closed at the end; what was put right after a kill is told."""
    from vidface.gallery import Gallery

    with Gallery.open(folder_of(place, folder), write=write) as gallery:
        for line in gallery.recovered:
            click.echo(f"put right: {line}", err=True)
        yield gallery


def is_gallery(folder: Path) -> bool:
    """Whether there is one already."""
    return (folder / "gallery.sqlite").is_file()


@contextmanager
def opened_or_new(place: Place, folder: Path, belongs: Callable[[], tuple[str, int]]) -> Iterator[Gallery]:
    """The gallery open for writing, a new one where there is none yet; closed at the end.

    Args:
        belongs: asked for a new one only: fingerprint and dimension of its embedder.

    Raises:
        UsageError: the folder holds something else.
    """
    from vidface.gallery import Gallery

    if not is_gallery(folder):
        fingerprint, dimension = belongs()
        try:
            new = Gallery.create(
                folder, fingerprint=fingerprint, dimension=dimension, threshold=threshold_of(fingerprint)
            )
        except UsageError:
            if not is_gallery(folder):  # else another process has just made it
                raise
        else:
            with new:
                yield new
            return
    with opened(place, str(folder), write=True) as gallery:
        yield gallery


def threshold_of(fingerprint: str) -> float:
    """From which score on the makers of an embedder call two looks one person's; else the gallery's own."""
    from vidface.gallery.gallery import THRESHOLD
    from vidface.infer.weights import same_person

    said = same_person(fingerprint)
    return THRESHOLD if said is None else said


@contextmanager
def looking(place: Place, model: str | None, gallery: Gallery | None) -> Iterator[Sampler]:
    """The embedder that the gallery belongs to, unless another one is named.

    Raises:
        UsageError: the gallery belongs to another one. ModelError: there is no such embedder.
    """
    own = gallery.fingerprint.rpartition("@")[0] if gallery is not None else DEFAULT_MODEL
    with closing(place.open(model or own or DEFAULT_MODEL)) as sampler:
        if gallery is not None and sampler.fingerprint != gallery.fingerprint:
            raise UsageError(
                f"{gallery.folder} belongs to the embedder {gallery.fingerprint}, but here is "
                f"{sampler.fingerprint}: bring the gallery over with vidface gallery re-embed"
            )
        yield sampler


def show_json(value: Any) -> None:
    """As JSON; NaN becomes null."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns, the last one as wide as it is."""
    lines = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def say(line: str, *, start: str = "") -> None:
    """A line on stderr, behind what moves the cursor."""
    click.echo(start + harmless(line), err=True)


def harmless(text: str) -> str:
    """What somebody wrote into the name of a file must not steer the terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 look", "2 looks", "2 people"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}"
    return harmless(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
