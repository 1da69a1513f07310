"""Apart: what a run reads is neither removed nor written over by it, and nothing else is unasked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vidface.errors import OutputError, OutputExistsError, UsageError
from vidface.graph.consent import Consent
from vidface.graph.lineage import files_of
from vidface.graph.load_node import names_file
from vidface.graph.plan import Plan
from vidface.graph.settings import Settings


def files_read(plan: Plan, clip: Path, settings: Settings, consent: Consent | None) -> Iterator[Path]:
    """Files and folders that a run reads: input, sound, graph, what nodes name, consent, keys."""
    yield clip
    yield from (
        Path(path) for path in (settings.audio, settings.sign_cert, settings.sign_key) if path is not None
    )
    yield from (item.path for item in files_of(plan.steps))
    folder = plan.file.folder or Path()
    if plan.file.folder is not None:
        yield Path(plan.file.name)
    uses = [*(step.use for step in plan.steps), *(outlet.use for outlet in plan.outlets)]
    yield from (folder / use for use in uses if names_file(use))
    if consent is not None and consent.path is not None:
        yield consent.path


def check_apart(
    read: Iterable[Path], written: Iterable[Path], *, out: Path | None, earlier: Iterable[Path] = ()
) -> None:
    """Check that nothing is read that would be removed or written over.

    Args:
        written: files, and folders that files are written into.
        out: the run's folder, which may lie in a folder that is read.
        earlier: files that are written over as well: many, and resolved.

    Raises:
        UsageError: something is.
    """
    sources = {path.resolve(): path for path in read if path.exists()}
    above = {folder: path for place, path in sources.items() for folder in (place, *place.parents)}
    same = {_file(path): path for path in sources.values()}
    home = None if out is None else out.resolve()
    # The run's folder may be the input's, or lie in it: what is written there is none of its pictures.
    folders = {
        place: path
        for place, path in sources.items()
        if path.is_dir() and not (home is not None and home.is_relative_to(place))
    }
    there = [(path, path.resolve()) for path in written if path.exists()]
    for path, place in (*there, *((path, path) for path in earlier)):
        source = above.get(place) or same.get(_file(place))
        if source is None and folders:
            source = next((folders[parent] for parent in place.parents if parent in folders), None)
        if source is not None:
            raise UsageError(
                f"{path} would be removed or written over, but this run reads it"
                f"{'' if path == source else f' ({source})'}; choose another output"
            )


def check_new(files: Iterable[Path], *, overwrite: bool) -> None:
    """Check that files can be begun that go where the user says, and not only into the run's folder.

    Raises:
        OutputExistsError: one is there already, and `overwrite` was not given.
        OutputError: its folder is not there.
    """
    for path in files:
        if path.exists() and not overwrite:
            raise OutputExistsError(f"{path} is there already; give another name, or --overwrite")
        if not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: there is no folder {path.parent}")


def check_own(beside: Iterable[Path], own: Iterable[Path]) -> None:
    """Check that a trace and saved motions are files of their own: not those of outputs, nor each other's.

    Args:
        own: files that the run writes into its folder, and folders that it fills.

    Raises:
        UsageError: two would be one file.
    """
    taken = {path.resolve(): path for path in own}
    for path in beside:
        place = path.resolve()
        other = next((taken[one] for one in (place, *place.parents) if one in taken), None)
        if other is not None:
            raise UsageError(
                f"{path} would be written over: this run writes {other} itself; choose another file"
            )
        taken[place] = path


def _file(path: Path) -> tuple[int, int]:
    """What two names of one file have in common."""
    facts = path.stat()
    return facts.st_dev, facts.st_ino
