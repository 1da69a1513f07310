"""The graph file: YAML text becomes a checked GraphSpec, every fault with its line and column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from yaml.representer import RepresenterError

from vidface.errors import GraphError, UsageError
from vidface.graph import marks
from vidface.graph.ladder import LadderSpec, RungSpec
from vidface.graph.marks import Document
from vidface.graph.overrides import apply
from vidface.graph.words import did_you_mean
from vidface.infer import devices
from vidface.infer.shipped import shipped

SOURCE = "source"
SOUND = "source.sound"
"""The edge that carries what is heard around each frame."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,199}\Z")
"""The name of an output is that of its files, of which file systems take 255 letters, with what ends them."""


def _as_wires(value: Any) -> Any:
    """`in: detect` is short for the one port that there is; its name is not known yet."""
    return {"": value} if isinstance(value, str) else value


def _as_params(value: Any) -> Any:
    """`with:` with nothing behind it, as when its last line is taken out."""
    return {} if value is None else value


OnError = Literal["stop", "skip", "hold"]
ON_ERROR: Final = get_args(OnError)
Params = Annotated[dict[str, Any], BeforeValidator(_as_params)]


Wires = Annotated[dict[str, str], BeforeValidator(_as_wires)]


def _device(text: str) -> str:
    if not devices.NAME.fullmatch(text.strip().lower()):
        raise ValueError("wanted auto, cpu, cuda, cuda:N (N counts from 0), tensorrt or tensorrt:N")
    return text


DeviceName = Annotated[str, AfterValidator(_device)]
"""Whether there is such a card is asked when the graph is run."""


class NodeSpec(BaseModel):
    """One node of the graph."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    use: str = Field(description="What runs: detect.face, or a Python file (./my/blur.py).")
    wires: Wires = Field(default={}, alias="in", description="Input port -> source, a node, or node.field.")
    params: Params = Field(default={}, alias="with", description="Parameters of the node.")
    on_error: OnError = Field(
        default="stop",
        description="What a frame that cannot be served does: stop the run, empty value, last value.",
    )
    device: DeviceName | None = Field(
        default=None, description="auto, cpu, cuda or cuda:1; the graph's where absent."
    )


class OutputSpec(BaseModel):
    """One output: which values, written by which sink."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    use: str | None = Field(
        default=None, description="The sink; chosen by the type of the value where absent."
    )
    wires: Wires = Field(
        alias="in", description="What is written: a node, node.field, or port -> one of these."
    )
    params: Params = Field(default={}, alias="with", description="Parameters of the sink.")


def _as_number(value: Any) -> Any:
    if isinstance(value, bool):  # which Python takes for 1
        raise ValueError("wanted a number")
    return value


def _as_output(value: Any) -> Any:
    return {"in": value} if isinstance(value, str) else value


class GraphSpec(BaseModel):
    """A whole graph file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[Literal[1], BeforeValidator(_as_number)] = Field(
        description="Version of the file format."
    )
    device: DeviceName = Field(default="auto", description="auto, cpu, cuda, cuda:1 or tensorrt.")
    consent: str | None = Field(
        default=None,
        description="Who agreed to what: a sentence, or the path of a file that says it.",
    )
    scene_cuts: bool = Field(default=True, description="Reset nodes with memory at hard scene cuts.")
    ladder: list[LadderSpec] | None = Field(
        default=None,
        description="What a run over a camera gives up, step by step, where it falls behind; [] for nothing.",
    )
    nodes: dict[str, NodeSpec] = Field(description="The nodes by name.")
    outputs: dict[str, Annotated[OutputSpec, BeforeValidator(_as_output)]] = Field(
        description="Output name -> what is written; the name is the stem of the file."
    )


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A graph file as read: the checked spec, the places in the text, and what makes it citable.

    Attributes:
        folder: where `./file.py` nodes are looked for; None for a graph that came from a dict.
        text: the file's text, before overrides.
        overrides: the `--set` texts that were applied, in order.
    """

    spec: GraphSpec
    document: Document
    text: str
    folder: Path | None = None
    overrides: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """What errors call the file."""
        return self.document.file


def read(graph: str | Path | Mapping[str, Any], *, overrides: Iterable[str] = ()) -> GraphFile:
    """Read a graph from a file or a plain mapping, and apply `node.param=value` overrides.

    Raises:
        GraphError: the file cannot be read, is not YAML, or does not have the form of a graph.
        UsageError: an override is malformed or names nothing in the graph.
    """
    if isinstance(graph, Mapping):
        return read_text(_dumped(graph), "graph", overrides=overrides)
    if not isinstance(graph, str | Path):
        raise UsageError(f"a graph is the path of a file, or the same as a mapping, but found {graph!r}")
    path = find(graph)
    name = str(path if path.exists() else graph)
    return read_text(_text(path), name, folder=path.parent, overrides=overrides)


def read_text(
    text: str, name: str, *, folder: Path | None = None, overrides: Iterable[str] = ()
) -> GraphFile:
    """As `read`, from the text of a file.

    Args:
        name: what errors call it.
        folder: where `./file.py` nodes are looked for.

    Raises:
        GraphError, UsageError: as `read`.
    """
    sets = tuple(overrides)
    document = marks.parse(text, name)
    if not isinstance(document.data, dict):
        raise document.error("a graph is a mapping with the keys version, nodes and outputs", ())
    for override in sets:
        apply(override, document)
    spec = _validate(document)
    _check_names(spec, document)
    return GraphFile(spec, document, text, folder, sets)


def find(graph: str | Path) -> Path:
    """A path as it is; a bare word (`track`) is the shipped graph of that name, if no file is called so.

    Raises:
        GraphError: a bare word that is neither.
    """
    path = Path(graph)
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path
    folder = shipped("graphs")
    own = folder / f"{graph}.yaml"
    if own.is_file():
        return own
    known = [item.stem for item in folder.glob("*.yaml")]
    raise GraphError(
        f"there is no such file, and no graph of that name{did_you_mean(str(graph), known)}", file=str(graph)
    )


def said(fault: ErrorDetails | Mapping[str, Any]) -> str:
    """What pydantic says, as a part of a sentence."""
    text = str(fault["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def first_fault(error: ValidationError) -> ErrorDetails:
    """The fault to tell: an unknown key is most often the misspelt form of the one that is missing."""
    return min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")


def _dumped(graph: Mapping[str, Any]) -> str:
    try:
        return yaml.safe_dump(dict(graph), sort_keys=False)
    except RepresenterError as error:
        value = error.args[-1]
        raise GraphError(
            "a graph is made of text, numbers, true and false, lists and dicts, but holds "
            f"{value!r} ({type(value).__name__}): give it as one of these, a path as text"
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GraphError("there is no such file", file=str(path)) from None
    except IsADirectoryError:
        raise GraphError("this is a folder; name the YAML file in it", file=str(path)) from None
    except UnicodeDecodeError:
        raise GraphError("this is not text; a graph is a YAML file", file=str(path)) from None
    except OSError as error:
        raise GraphError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _validate(document: Document) -> GraphSpec:
    try:
        return GraphSpec.model_validate(document.data)
    except ValidationError as error:
        first = first_fault(error)
        raise _sentence(document, first["loc"], first["type"], first) from None


def _sentence(
    document: Document, loc: tuple[str | int, ...], kind: str, error: Mapping[str, Any]
) -> GraphError:
    place = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        known = _keys_at(loc)
        return document.error(f"unknown key {place!r}{did_you_mean(str(loc[-1]), known)}", loc, at_key=True)
    if kind == "missing":
        return document.error(f"{'.'.join(map(str, loc[:-1])) or 'the graph'} needs the key {loc[-1]!r}", loc)
    if loc == ("version",):
        return document.error(f"version must be 1, but is {error.get('input')!r}", loc)
    return document.error(f"{place}: {said(error)}, but found {error.get('input')!r}", loc)


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = GraphSpec
    if loc[0] == "ladder":
        model = RungSpec
    elif len(loc) == 3:
        model = NodeSpec if loc[0] == "nodes" else OutputSpec
    return [info.alias or name for name, info in model.model_fields.items()]


def _check_names(spec: GraphSpec, document: Document) -> None:
    for section, names in (("nodes", spec.nodes), ("outputs", spec.outputs)):
        if not names:
            raise document.error(f"{section} is empty; a graph needs at least one", (section,))
        for name in names:
            if not _NAME.match(name) or (section == "nodes" and name == SOURCE):
                free = "use a-z, 0-9 and _, a letter first, 200 at most"
                why = "it is the name of the input" if name == SOURCE else free
                text = f"{name!r} cannot be a name in {section}: {why}"
                raise document.error(text, (section, name), at_key=True)


__all__ = [
    "SOUND",
    "SOURCE",
    "GraphFile",
    "GraphSpec",
    "NodeSpec",
    "OutputSpec",
    "did_you_mean",
    "read",
    "read_text",
]
