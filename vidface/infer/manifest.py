"""Manifest: what is known of a model before it is loaded - licence, files, hashes and its contract.

One YAML file a model, `models/NAME/manifest.yaml`. The contract says what the numbers mean that go
in and out; the graph's own names and shapes are read from the ONNX file and checked against it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vidface.errors import ModelError

Task = Literal[
    "detect", "landmarks", "mesh", "blendshapes", "pose", "gaze", "attributes", "embed", "quality",
    "antispoof", "parse", "mask", "restore", "lipsync", "reenact", "stabilize", "forensics",
]  # fmt: skip
LicenceClass = Literal["permissive", "copyleft", "research", "unknown"]
Format = Literal["onnx", "npz", "json", "torch", "tflite", "openvino", "bundle"]
Dimension = int | str
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Sha384 = Annotated[str, Field(pattern=r"^[0-9a-f]{96}$")]
# One directory level and no drive: a manifest from elsewhere must not reach out of its model's folder.
_FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
_Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


class Licence(_Frozen):
    """Under which terms the weights may be used.

    Attributes:
        id: SPDX identifier where there is one, else the licence's usual name.
        class_: "permissive" (commercial use allowed), "copyleft" (allowed, with the duty to pass
            the terms on), "research" (not for commercial use) or "unknown" (nothing stated).
        note: what a user should know: training data, third-party parts, contradictions.
        url: where the terms are.
    """

    id: str = Field(min_length=1)
    class_: LicenceClass = Field(alias="class")
    note: str | None = None
    url: str | None = None


class WeightFile(_Frozen):
    """One file of a model.

    Attributes:
        name: file name inside the model's folder.
        size: bytes, None where the publisher states none.
        sha256, sha384: lower-case hex digests; at least one makes the file verifiable.
        urls: addresses, tried in order; empty where none is known.
    """

    name: _FileName
    size: int | None = Field(None, ge=1)
    sha256: _Sha256 | None = None
    sha384: _Sha384 | None = None
    urls: tuple[_Url, ...] = ()

    @property
    def verifiable(self) -> bool:
        """A digest is stated."""
        return self.sha256 is not None or self.sha384 is not None


class Input(_Frozen):
    """One input tensor and how pixels become its numbers: value = (pixel / divide - mean) / std.

    Attributes:
        name: as in the graph; None where it has not been read.
        shape: whole numbers, or symbols such as N, H, W for free dimensions.
        dtype: NumPy name.
        layout: "NCHW", "NHWC", or None where it holds no picture.
        channels: order of the channels; None where it holds no picture.
        divide, mean, std: see above; pixels count 0..255; mean and std hold one number or one a channel.
        template: name of the alignment template or crop, e.g. "arcface112", "letterbox", "box x 2.7".
        multiple: height and width must be multiples of this.
    """

    name: str | None = None
    shape: tuple[Dimension, ...]
    dtype: str = "float32"
    layout: Literal["NCHW", "NHWC"] | None = None
    channels: Literal["rgb", "bgr", "rgb+rgb", "bgr+bgr"] | None = None
    divide: float = Field(1.0, gt=0)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    template: str | None = None
    multiple: int = Field(1, ge=1)
    meaning: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Input:
        if self.layout and len(self.shape) != 4:
            raise ValueError(f"layout {self.layout} needs 4 dimensions, but shape has {len(self.shape)}")
        for field, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, 3):
                raise ValueError(f"{field} must hold 1 or 3 numbers, but holds {len(values)}")
        if any(value <= 0 for value in self.std):
            raise ValueError("std must be above 0")
        return self


class Output(_Frozen):
    """One output tensor.

    Attributes:
        name: as in the graph; None where it has not been read.
        shape: whole numbers or symbols; None where it has not been read.
        dtype: NumPy name.
        meaning: for people.
        range: the values of black and white, e.g. (-1, 1); None where it holds no picture. A picture
            has the layout and the order of channels of the first input.
    """

    name: str | None = None
    shape: tuple[Dimension, ...] | None = None
    dtype: str = "float32"
    meaning: str = Field(min_length=1)
    range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _sound(self) -> Output:
        if self.range is not None and not -math.inf < self.range[0] < self.range[1] < math.inf:
            raise ValueError(f"range must be two finite numbers, the smaller first, but is {self.range}")
        return self


class Contract(_Frozen):
    """What goes in, what comes out, and anything a caller must know besides.

    Of a model that is a set of arrays (format npz) or of named numbers (json), outputs are these and
    nothing goes in.
    """

    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = Field(min_length=1)
    notes: str | None = None


class Manifest(_Frozen):
    """All that is known of one model.

    Attributes:
        name: how graphs and commands call it; equals the folder's name.
        title: one line for people.
        task: what it is for.
        family: which contract it follows, e.g. "yunet", "scrfd", "arcface".
        format: vidface itself runs "onnx" and reads "npz" and "json"; others can be fetched and verified.
        files: the first one is the model, others belong to it.
        card: file name of the model card beside the manifest.
        defaults: parameter values that suit these weights, e.g. min_score.
        source: where the facts come from and how far they were checked.
    """

    name: str = Field(pattern=NAME_PATTERN)
    title: str = Field(min_length=1)
    task: Task
    family: str = Field(pattern=NAME_PATTERN)
    format: Format = "onnx"
    licence: Licence
    files: tuple[WeightFile, ...] = Field(min_length=1)
    contract: Contract
    card: _FileName | None = None
    defaults: dict[str, float | int | bool | str] = Field(default_factory=dict)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _takes_something(self) -> Manifest:
        if self.format not in ("npz", "json") and not self.contract.inputs:
            raise ValueError("contract.inputs: at least 1 is wanted, but there are none")
        return self

    @property
    def size(self) -> int | None:
        """Bytes of all files together, None where one of them is not stated."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def verifiable(self) -> bool:
        """Every file has a stated digest."""
        return all(file.verifiable for file in self.files)


def read_manifest(path: Path) -> Manifest:
    """Read and check one manifest file.

    Raises:
        ModelError: the file cannot be read, is not YAML, or a field is wrong; names file and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the manifest cannot be read ({error}).") from error
    return parse_manifest(text, origin=str(path))


def parse_manifest(text: str, *, origin: str) -> Manifest:
    """Check the text of a manifest; `origin` stands in messages.

    Raises:
        ModelError: see `read_manifest`.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        raw = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ModelError(f"{origin}{place}: not valid YAML ({getattr(error, 'problem', error)}).") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{origin}: a manifest is a mapping of fields, but this is {_kind(raw)}.")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise ModelError(f"{origin}: {_faults(error)}.") from error


class _Dumper(yaml.SafeDumper):
    """Lists of plain values in one line, indented lists of mappings."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def compact_list(self, data: list[Any]) -> yaml.SequenceNode:
        plain = not any(isinstance(value, dict | list) for value in data)
        node: yaml.SequenceNode = self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain)
        return node


_Dumper.add_representer(list, _Dumper.compact_list)


def dump_manifest(manifest: Manifest) -> str:
    """The manifest as YAML text, fields in their usual order, what equals the default left out."""
    plain = manifest.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text: str = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _kind(value: Any) -> str:
    return "an empty file" if value is None else f"a {type(value).__name__}"


def _faults(error: ValidationError) -> str:
    """Every fault as `field: what is wrong (found ...)`, in one line."""
    parts = []
    for fault in error.errors(include_url=False, include_context=False):
        field = ".".join(str(part) for part in fault["loc"]) or "manifest"
        found = "" if fault["type"] == "missing" else f", found {_short(fault['input'])}"
        parts.append(f"{field}: {fault['msg']}{found}")
    return "; ".join(parts)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
