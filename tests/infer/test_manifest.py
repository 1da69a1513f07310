"""Manifests: what they may say, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infer.places import facts
from vidface.errors import ModelError
from vidface.infer.manifest import dump_manifest, parse_manifest, read_manifest


def parse(**changes: Any) -> Any:
    return parse_manifest(yaml.safe_dump(facts("m", **changes)), origin="m/manifest.yaml")


def test_what_is_written_is_read_back_the_same() -> None:
    """Dump and parse are inverse, defaults left out."""
    manifest = parse(defaults={"min_score": 0.6}, files=[{"name": "a.onnx", "size": 3, "sha256": "0" * 64}])
    text = dump_manifest(manifest)
    assert parse_manifest(text, origin="x") == manifest
    assert "std" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "detekt"}, "m/manifest.yaml: task: .*found 'detekt'"),
        ({"licence": {"id": "MIT", "class": "free"}}, "licence.class: .*found 'free'"),
        ({"licence": {"class": "unknown"}}, "licence.id: Field required"),
        ({"files": []}, "files: "),
        ({"files": [{"name": "a.onnx", "sha256": "ABC"}]}, "files.0.sha256: "),
        ({"files": [{"name": "../a.onnx"}]}, "files.0.name: "),
        ({"files": [{"name": "a.onnx", "urls": ["file:///etc/passwd"]}]}, "files.0.urls.0: "),
        ({"files": [{"name": "a.onnx", "urls": ["https://user:word@x.org/a"]}]}, "files.0.urls.0: "),
        ({"files": [{"name": "a.onnx", "size": 0}]}, "files.0.size: "),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"name": "My Model"}, "name: "),
        ({"contract": {"inputs": [], "outputs": [{"meaning": "x"}]}}, "contract.inputs: "),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    """File, field and what was found stand in the message."""
    with pytest.raises(ModelError, match=message):
        parse(**changes)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"shape": ["N", 3], "layout": "NCHW"}, "needs 4 dimensions"),
        ({"shape": [1], "mean": [1, 2]}, "mean must hold 1 or 3 numbers"),
        ({"shape": [1], "std": [0]}, "std must be above 0"),
        ({"shape": [1], "channels": "yuv"}, "contract.inputs.0.channels"),
    ],
)
def test_a_contract_must_make_sense(spec: dict[str, Any], message: str) -> None:
    """Shapes, channels and constants that cannot be are refused."""
    with pytest.raises(ModelError, match=message):
        parse(contract={"inputs": [spec], "outputs": [{"meaning": "x"}]})


def test_arrays_take_nothing_in() -> None:
    """A set of arrays (npz) states outputs alone; whatever is run must say what it takes."""
    outputs = {"outputs": [{"name": "mean", "shape": [478, 3], "meaning": "a face"}]}
    manifest = parse(format="npz", contract=outputs)
    assert manifest.contract.inputs == ()
    assert parse_manifest(dump_manifest(manifest), origin="x") == manifest
    with pytest.raises(ModelError, match=r"contract\.inputs: at least 1 is wanted"):
        parse(contract=outputs)


def test_several_faults_are_all_named() -> None:
    """One round of mending is enough."""
    with pytest.raises(ModelError, match=r"task: .*; colour: "):
        parse(task="x", colour="red")


@pytest.mark.parametrize(
    ("text", "message"), [("", "an empty file"), ("- a", "a list"), ("a: [", r"x:\d+:\d+: not valid YAML")]
)
def test_what_is_no_mapping_is_said(text: str, message: str) -> None:
    """Empty files, lists and broken YAML get their own words."""
    with pytest.raises(ModelError, match=message):
        parse_manifest(text, origin="x")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, and not text."""
    with pytest.raises(ModelError, match=r"none\.yaml: the manifest cannot be read"):
        read_manifest(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match=r"bytes\.yaml: the manifest cannot be read"):
        read_manifest(tmp_path / "bytes.yaml")


def test_size_is_known_only_where_every_file_states_one() -> None:
    """Two files, one without a size: no sum is made up."""
    assert parse(files=[{"name": "a", "size": 2}, {"name": "b", "size": 3}]).size == 5
    assert parse(files=[{"name": "a", "size": 2}, {"name": "b"}]).size is None
