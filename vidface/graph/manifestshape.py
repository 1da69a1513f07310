"""The shape of run.json: what its readers rely on, held against what a stranger's file has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

_TOLD: Final = 3
"""Faults that are named one by one."""

_LONGEST: Final = 40
"""Characters of what was found, and of a name, that are shown."""

_WORDS: Final = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "a text in UTF-8") from None
    return value


def _place(value: str) -> str:
    """Names that no system call takes; how long they may be, each system says by itself."""
    try:
        if b"\0" in os.fsencode(value):
            raise PydanticCustomError("place", "the name of a file")
    except UnicodeEncodeError:
        raise PydanticCustomError("place", "the name of a file") from None
    return value


_Text = Annotated[str, AfterValidator(_text)]
_Place = Annotated[str, AfterValidator(_place)]
_Digests = dict[_Place, str | None]


class _Part(BaseModel):
    """Known fields are of their kind; unknown ones are let through, for a newer vidface may write more."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Graph(_Part):
    file: _Place
    text: _Text
    sha256: str
    overrides: list[str] = []
    node_files: _Digests = {}


class _Blocks(_Part):
    bytes: int
    sha256: list[str]


class _Segment(_Part):
    segment: int
    sha256: str


class _Input(_Part):
    path: _Place
    sha256: str | None = None
    bytes: int | None = None
    blocks: _Blocks | None = None
    files: _Digests | None = None
    segments: list[_Segment] = []
    width: int | None = None
    height: int | None = None
    rotation: int = 0
    audio: list[dict[str, Any]] = []
    extra: dict[str, Any] = {}


class _Settings(_Part):
    outputs: list[str] | None
    device: str | None
    colorspace: str | None
    rotate: int = 0
    square: bool = False
    rate: float | None
    no_audio: bool
    table: str | None
    forensic: bool


class _File(_Part):
    path: _Place
    sha256: str | None


class _Consent(_Part):
    statement: str = ""
    file: _Place = ""
    given_in: str = ""
    sha256: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "file" in self.model_fields_set and not self.model_fields_set >= {"given_in", "sha256"}:
            raise PydanticCustomError("consent", "a file's given_in and sha256")
        return self


class _Model(_Part):
    name: _Place
    sha256: str | None
    files: _Digests = {}


class _Ledger(_Part):
    decoded: int = 0
    processed: int = 0
    dropped: dict[str, int] = {}
    passed_through: dict[str, int] = {}
    written: dict[str, int] = {}
    scene_cuts: list[Any] = []
    gaps: list[Any] = []
    holes: list[dict[str, Any]] = []


class _Said(_Part):
    notes: list[str] = []


class _Output(_Part):
    files: list[_Place] = []
    notes: list[str] = []
    first_time: Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")] | None = None
    unsigned_sha256: _Digests = {}


class _Chain(_Part):
    rows: int
    head: str


class _Signer(_Part):
    name: str | None = None
    key_sha256: str


class _Manifest(_Part):
    version: str | None = None
    status: str | None = None
    started: str | None = None
    ended: str | None = None
    command: list[str] = []
    graph: _Graph | None = None
    input: _Input | None = None
    settings: _Settings | None = None
    start: float | None = Field(None, alias="from")
    stop: float | None = Field(None, alias="to")
    decoder: str | None = None
    models: list[_Model] = []
    packages: dict[str, Any] = {}
    machine: dict[str, Any] = {}
    audio: _File | None = None
    consent: _Consent | None = None
    sources: list[_File] = []
    manifest_signed_by: _Signer | None = None
    ledger: _Ledger | None = None
    nodes: list[dict[str, Any]] = []
    node_facts: dict[str, _Said] = {}
    outputs: dict[str, _Output] = {}
    files_sha256: _Digests = {}
    chains: dict[_Place, _Chain] = {}
    added: dict[str, _Digests] = {}
    run_sha256: str | None = None
    manifest_sha256: str | None = None


class _GraphAgain(_Graph):
    overrides: list[str]


class _Again(_Manifest):
    """One that says how it was run: with settings there is everything that a re-run takes from it."""

    graph: _GraphAgain | None = None
    start: float | None = Field(alias="from")
    stop: float | None = Field(alias="to")
    decoder: str
    audio: _File | None


def misfits(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not as vidface writes it, as phrases such as "ledger.holes: wanted a list, found 5".

    Empty where every field that readers rely on is there and of its kind. Says nothing of whether it is true.
    """
    try:
        (_Again if facts.get("settings") else _Manifest).model_validate(dict(facts))
    except ValidationError as error:
        return tuple(_phrase(one) for one in error.errors(include_url=False))
    return ()


def misfit(facts: Mapping[str, Any]) -> str:
    """The first of `misfits` in one phrase; "" where all fits."""
    found = misfits(facts)
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more


def _phrase(fault: Mapping[str, Any]) -> str:
    place = ".".join(_shown(str(one)) for one in fault["loc"] if one != "[key]")
    if fault["type"] == "missing":
        return f"{place} is not there"
    wanted = _WORDS.get(str(fault["type"]), str(fault["msg"]))
    return f"{place}: wanted {wanted}, found {_shown(json.dumps(fault['input']))}"


def _shown(text: str) -> str:
    """A stranger's word, neither long nor steering the terminal."""
    plain = "".join(one if one.isprintable() else "?" for one in text[:_LONGEST])
    return plain + ("..." if len(text) > _LONGEST else "")
