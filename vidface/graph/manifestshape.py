"""The shape of run.json: what its readers rely on, held against what a stranger's file has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_TOLD: Final = 3
"""Faults that are named one by one."""

_WORDS: Final = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}

_Digests = dict[str, str | None]


class _Part(BaseModel):
    """Known fields are of their kind; unknown ones are let through, for a newer vidface may write more."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Graph(_Part):
    file: str
    text: str
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
    path: str
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
    rate: float | None
    no_audio: bool
    table: str | None
    forensic: bool


class _File(_Part):
    path: str
    sha256: str | None


class _Consent(_Part):
    statement: str | None = None
    file: str | None = None
    given_in: str | None = None
    sha256: str | None = None


class _Model(_Part):
    name: str
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
    files: list[str] = []
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
    chains: dict[str, _Chain] = {}
    added: dict[str, _Digests] = {}
    run_sha256: str | None = None
    manifest_sha256: str | None = None


def misfits(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not as vidface writes it, as phrases such as "ledger.holes: wanted a list, found 5".

    Empty where every field that readers rely on is there and of its kind. Says nothing of whether it is true.
    """
    try:
        _Manifest.model_validate(dict(facts))
    except ValidationError as error:
        return tuple(_phrase(one) for one in error.errors(include_url=False))
    return ()


def misfit(facts: Mapping[str, Any]) -> str:
    """The first of `misfits` in one phrase; "" where all fits."""
    found = misfits(facts)
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more


def _phrase(fault: Mapping[str, Any]) -> str:
    place = ".".join(str(one) for one in fault["loc"])
    if fault["type"] == "missing":
        return f"{place} is not there"
    wanted = _WORDS.get(str(fault["type"]), str(fault["msg"]))
    found = json.dumps(fault["input"])
    return f"{place}: wanted {wanted}, found {found[:40]}{'...' if len(found) > 40 else ''}"
