"""What a review runs: references, overrides of the graph, checks before anything is decoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vidface.errors import InputError, OutputExistsError, UsageError

if TYPE_CHECKING:
    from vidface.graph.run import Run

PERSON: Final = ".npz"
_EMBEDDER: Final = "vidface-embed"
_LEAST_PX: Final = 32.0
"""As in `vidface references`: faces of references less tall than this are passed over."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line; see the options of `vidface review`.

    Attributes:
        say: told a sentence while references are read.
    """

    clip: str
    folder: Path
    command: tuple[str, ...]
    say: Callable[[str], None]
    overwrite: bool = False
    claims: str | None = None
    gallery: Path | None = None
    references: tuple[Path, ...] = ()
    faces: tuple[int, ...] = ()
    start: float | None = None
    stop: float | None = None
    rotate: int = 0
    square: bool = False
    overrides: tuple[str, ...] = ()
    graph: str | None = None
    sign_key: Path | None = None
    sign_cert: Path | None = None

    def __post_init__(self) -> None:
        if self.gallery is not None and self.claims is None:
            raise UsageError(
                "--gallery needs --claims NAME: whom of the gallery does the clip claim to show?"
            )
        if self.claims is not None and self.gallery is None and not self.references:
            raise UsageError(
                "--claims needs references of the person: --references PATH, or --gallery FOLDER"
            )
        if self.faces and self.gallery is None and not self.references:
            raise UsageError(
                "--face says which face the claim is about: give --references PATH, or --gallery"
            )
        if self.gallery is not None and self.references:
            raise UsageError("--gallery and --references both name references; give one of them")
        if not self.overwrite and self.folder.is_dir() and any(self.folder.iterdir()):
            raise OutputExistsError(
                f"the output folder {self.folder} is not empty; give another one, or --overwrite"
            )
        notes = self.folder / "notes.jsonl"
        if self.overwrite and notes.exists():
            raise OutputExistsError(f"{notes}: a review with notes is not replaced; choose another folder")


def made(request: Request) -> Run:
    """The run, ready to go.

    Raises:
        UsageError, InputError, ModelError: before anything of the clip is decoded.
    """
    from vidface.graph.plan import load
    from vidface.graph.run import run
    from vidface.infer.shipped import shipped
    from vidface.review.made import check_tests

    graph = request.graph or str(shipped("graphs") / "review.yaml")
    overrides = (*_of_file(request), *_of_person(request), *request.overrides)
    plan = load(graph, overrides=overrides)
    check_tests(plan.file, plan.file.name)
    return run(
        plan,
        request.clip,
        request.folder,
        start=request.start,
        stop=request.stop,
        rotate=request.rotate,
        square=request.square,
        overwrite=request.overwrite,
        forensic=True,
        sign_key=request.sign_key,
        sign_cert=request.sign_cert,
        command=request.command,
    )


def _of_file(request: Request) -> Iterator[str]:
    """What the file says was done to it, for the verdict."""
    from vidface.media.declared import declared
    from vidface.review.source import done_to

    path = Path(request.clip)
    if request.graph is not None or not path.is_file():
        return
    try:
        found = declared(path)
    except (InputError, UsageError):
        return  # the run tells in its own words what is wrong with the input
    manifest = None if found.manifest is None else asdict(found.manifest)
    done = done_to({"mark": found.mark, "metadata": found.metadata, "manifest": manifest})
    if done:
        yield f"verdict.declared={json.dumps(done)}"


def _of_person(request: Request) -> Iterator[str]:
    """Whom to compare with."""
    values: dict[str, Any] = {}
    if request.gallery is not None:
        values = {"gallery": str(request.gallery), "person": request.claims}
    elif request.references:
        values = {"references": str(_person_file(request))}
    yield from (f"identity.{name}={json.dumps(value)}" for name, value in values.items())
    if request.faces:
        yield f"verdict.faces={json.dumps(sorted(set(request.faces)))}"


def _person_file(request: Request) -> Path:
    """The person file that was named, or one made of the pictures and clips, beside the review's folder.

    Not in it: a run wants its folder empty, and whoever passes a review on need not pass on the references.
    """
    first, *more = request.references
    if first.suffix.lower() == PERSON and not more:
        return _checked(first, request.claims)
    from vidface.cli import _references_make as make
    from vidface.cli._gallery_enroll import files_of
    from vidface.gallery.values import clean_name

    files = files_of(list(request.references))
    if not files:
        named = ", ".join(map(str, request.references))
        raise UsageError(f"--references: there is no picture and no clip in {named}")
    target = request.folder.with_name(f"{request.folder.name}.person{PERSON}")
    if target.exists() and not request.overwrite:
        raise OutputExistsError(
            f"{target} is there already; name it with --references, choose another -o, or say --overwrite"
        )
    name = clean_name(request.claims) if request.claims else ""
    report = make.make(files, make.Wanted(name, _EMBEDDER, None, _LEAST_PX, False), request.say)
    for entry in report.entries:
        if not entry.used:
            request.say(f"left out: {entry.path.name}: {entry.why}")
    target.parent.mkdir(parents=True, exist_ok=True)
    make.write(report, target)
    request.say(f"references: {len(report.person.sources)} of {len(files)} files, kept in {target}")
    return target


def _checked(path: Path, claims: str | None) -> Path:
    """A person file, and that it is of whom the clip claims to show."""
    from vidface.vision.personfile import read_person

    person = read_person(path.expanduser())
    if claims and person.name and person.name.casefold() != claims.casefold():
        raise UsageError(f"--claims {claims}: the references in {path} are of {person.name}")
    return path
