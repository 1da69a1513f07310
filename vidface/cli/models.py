"""`vidface models`: which models there are, under which terms, and getting their weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

import click

from vidface.errors import ModelMismatchError, UsageError
from vidface.infer import weights
from vidface.infer.manifest import Input, Licence, LicenceClass, Manifest, Output, Task
from vidface.infer.terms import Terms, accepts, check_terms

_TERMS = click.Choice(get_args(Terms))
_CLASSES = click.Choice(get_args(LicenceClass))


@click.group()
def models() -> None:
    """List, fetch, verify and import model weights.

    Weights that the project trained itself come with it. All others are fetched only when you ask
    for them by name, into $VIDFACE_MODELS (or ~/.cache/vidface/models).
    """


@models.command("list")
@click.option("--task", type=click.Choice(get_args(Task)), help="Only models for this task.")
@click.option("--license", "terms", type=_TERMS, default="any", help="Only models that these terms cover.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table")
def list_models(task: str | None, terms: Terms, form: str) -> None:
    """Every known model: name, task, licence, size and whether its weights are here."""
    rows = [
        _row(known)
        for known in weights.entries()
        if task in (None, known.manifest.task) and accepts(terms, known.manifest.licence)
    ]
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = [("NAME", "TASK", "LICENCE", "SIZE", "STATE")]
    for row in rows:
        note = "" if row["verifiable"] else "  no digest"
        table.append(
            (row["name"], row["task"], row["licence_class"], _size(row["size"]), row["state"] + note)
        )
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[4]]))


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--license", "terms", type=_TERMS, default="permissive", show_default=True,
              help="Which terms you accept.")  # fmt: skip
@click.option("--allow-unverified", is_flag=True, help="Also fetch what has no published digest.")
@click.option("--force", is_flag=True, help="Fetch anew what is here already.")
def pull(names: tuple[str, ...], terms: Terms, allow_unverified: bool, force: bool) -> None:
    """Fetch weights by name, going on where an earlier download broke."""
    from vidface.infer.fetch import pull as fetch_model

    manifests = [weights.entry(name).manifest for name in names]
    for manifest in manifests:
        if force or weights.state(weights.entry(manifest.name)) not in ("shipped", "present", "unverified"):
            check_terms(manifest, terms, allow_unverified=allow_unverified)
    for manifest in manifests:
        click.echo(f"{manifest.name}: licence {_licence(manifest.licence)}", err=True)
        found = fetch_model(manifest.name, progress=_progress(), force=force)
        click.echo(f"{manifest.name}  {found.path}  {'sha256 ' + found.sha256}{_proof(found)}")
        if manifest.format not in ("onnx", "npz", "json"):
            click.echo(f"{manifest.name} comes as {manifest.format}; vidface itself runs ONNX.", err=True)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify(names: tuple[str, ...]) -> None:
    """Hash weights and compare with the manifest: those named, or all that are here."""
    wanted = names or tuple(k.manifest.name for k in weights.entries() if weights.state(k) != "absent")
    wrong = []
    for name in wanted:
        try:
            found = weights.verify(name, trust_stamp=False)
        except ModelMismatchError as error:
            wrong.append(name)
            click.echo(f"{name}  WRONG  {error}")
        else:
            click.echo(f"{name}  {'right' if found.verified else 'unchanged'}  {found.path}{_proof(found)}")
    if wrong:
        raise ModelMismatchError(f"{len(wrong)} of {len(wanted)} models do not match: {', '.join(wrong)}.")


@models.command()
@click.argument("name")
def card(name: str) -> None:
    """Print the model card: what it is, its terms, its contract."""
    known = weights.entry(name)
    path = known.folder / (known.manifest.card or "card.md")
    click.echo(path.read_text(encoding="utf-8") if path.is_file() else _short_card(known.manifest))


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "known", metavar="NAME", help="Use it as the weights of this known model.")
@click.option("--name", help="Name for a model of your own.")
@click.option("--family", help="Whose contract it follows, e.g. yunet, scrfd, arcface.")
@click.option("--license", "licence", help="Its licence, e.g. an SPDX identifier.")
@click.option("--license-class", "licence_class", type=_CLASSES, default="unknown", show_default=True)
@click.option("--task", help="What it is for; needed where the family is not known.")
@click.option("--allow-unverified", is_flag=True, help="With --as: also where no digest is published.")
def import_model(file: Path, known: str | None, allow_unverified: bool, **own: str | None) -> None:
    """Copy weights that you have into the model folder and check them."""
    from vidface.infer import adopt

    given = {key: value for key, value in own.items() if value and key != "licence_class"}
    if known:
        if given:
            raise UsageError(
                "--as takes the rest from the known model: leave out --name, --family, --license, --task."
            )
        lacking = adopt.adopt(file, known, allow_unverified=allow_unverified)
        rest = f"; still missing: {', '.join(lacking)}" if lacking else ""
        click.echo(f"{known}  {weights.home(known)}{rest}")
        return
    if not {"name", "family", "licence"} <= given.keys():
        raise UsageError(
            "give --as NAME for a known model, or --name, --family and --license for one of your own."
        )
    terms = Licence(id=given["licence"], class_=cast(LicenceClass, own["licence_class"]))
    found = adopt.introduce(
        file, name=given["name"], family=given["family"], licence=terms, task=given.get("task")
    )
    own_name, defaults = found.entry.manifest.name, found.entry.manifest.defaults
    click.echo(f"{own_name}  {found.path}  sha256 {found.sha256}")
    if defaults:
        said = ", ".join(f"{key} {value}" for key, value in defaults.items())
        click.echo(f"as all models of its family: {said}")


def _row(known: weights.Entry) -> dict[str, Any]:
    manifest = known.manifest
    return {
        "name": manifest.name,
        "title": manifest.title,
        "task": manifest.task,
        "family": manifest.family,
        "format": manifest.format,
        "licence": manifest.licence.id,
        "licence_class": manifest.licence.class_,
        "size": manifest.size,
        "verifiable": manifest.verifiable,
        "state": weights.state(known),
        "own": known.user,
    }


def _progress() -> Callable[[str, int, int | None], None] | None:
    """A line that renews itself, where somebody watches."""
    if not sys.stderr.isatty():
        return None

    def show(name: str, have: int, total: int | None) -> None:
        share = f" of {_size(total)}, {100 * have // total} %" if total else ""
        end = "\n" if have == total else ""
        click.echo(f"\r{name}  {_size(have)}{share}   {end}", nl=False, err=True)

    return show


def _short_card(manifest: Manifest) -> str:
    contract = manifest.contract
    lines = [f"# {manifest.name}", "", manifest.title, "", "| | |", "|---|---|"]
    facts = (
        ("Task", manifest.task),
        ("Family", manifest.family),
        ("Format", manifest.format),
        ("Licence", _licence(manifest.licence)),
        ("Terms", manifest.licence.url or "no address known"),
        ("Size", _size(manifest.size)),
        ("Files", ", ".join(file.name for file in manifest.files)),
        ("Digest", "stated" if manifest.verifiable else "the publisher states none"),
        ("Source", manifest.source),
    )
    lines += [f"| {name} | {value} |" for name, value in facts]
    lines += ["", "## Contract", "", *map(_input_line, contract.inputs), *map(_output_line, contract.outputs)]
    return "\n".join([*lines, *(["", contract.notes] if contract.notes else [])])


def _input_line(spec: Input) -> str:
    text = f"- in `{spec.name or '?'}`: {_shape(spec.shape)} {spec.dtype}"
    if spec.channels:
        scaled = f"pixel / {spec.divide:g}" if spec.divide != 1 else "pixel"
        text += f", {spec.channels.upper()}, ({scaled} - {_numbers(spec.mean)}) / {_numbers(spec.std)}"
    return ", ".join(part for part in (text, spec.template, spec.meaning) if part)


def _output_line(spec: Output) -> str:
    shape = f"{_shape(spec.shape)} {spec.dtype}" if spec.shape else spec.dtype
    return f"- out `{spec.name or '?'}`: {shape}: {spec.meaning}"


def _licence(licence: Licence) -> str:
    return f"{licence.id} ({licence.class_}){'. ' + licence.note if licence.note else ''}"


def _proof(found: weights.Weights) -> str:
    return "" if found.verified else "  unverified: the publisher states no digest"


def _shape(shape: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, shape))


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"({', '.join(f'{value:g}' for value in values)})"


def _size(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
