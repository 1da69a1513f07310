"""The manifests that come with vidface: sound, unique, and right about licences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from vidface.infer import weights
from vidface.infer.manifest import Manifest

RESEARCH = ("scrfd", "arcface", "codeformer", "keep", "edgeface", "wav2lip", "gfpgan", "gpen", "adaface")
"""Families that users often take for free, and that are not for commercial use."""
PERMISSIVE = ("sface", "minifasnet", "mediapipe-mesh", "mediapipe-blendshapes", "omz-reid", "omz-ssd")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDFACE_MODELS", str(tmp_path_factory.mktemp("none")))
        return [known.manifest for known in weights.entries()]


def test_every_folder_with_a_manifest_is_listed(manifests: list[Manifest], repo: Path) -> None:
    """Each parses, is named like its folder, and there are enough of them to be of use."""
    folders = {path.parent.name for path in (repo / "models").glob("*/manifest.yaml")}
    assert {manifest.name for manifest in manifests} == folders
    assert len(folders) >= 40


@pytest.mark.parametrize("family", RESEARCH)
def test_families_that_are_not_for_commercial_use_say_so(manifests: list[Manifest], family: str) -> None:
    """`--license permissive` must refuse all of them."""
    classes = {m.licence.class_ for m in manifests if m.family == family}
    assert classes == {"research"}


@pytest.mark.parametrize("family", PERMISSIVE)
def test_families_that_are_free_say_so(manifests: list[Manifest], family: str) -> None:
    """`--license permissive` must accept all of them."""
    classes = {m.licence.class_ for m in manifests if m.family == family}
    assert classes == {"permissive"}


def test_quality_nets_differ_in_their_terms(manifests: list[Manifest]) -> None:
    """Only the tiny eDifFIQA states terms of its own."""
    assert {m.name: m.licence.class_ for m in manifests if m.family == "edifiqa"} == {
        "ediffiqa_t": "permissive",
        "ediffiqa_s": "unknown",
        "ediffiqa_m": "unknown",
        "ediffiqa_l": "unknown",
    }


def test_public_yunets_are_permissive(manifests: list[Manifest]) -> None:
    """MIT or Apache-2.0."""
    public = [m for m in manifests if m.family == "yunet" and m.name != "vidface-facedet"]
    assert {m.licence.class_ for m in public} == {"permissive"}


def test_no_digest_stands_under_two_names(manifests: list[Manifest]) -> None:
    """The same file twice would be a copying fault."""
    digests = Counter(f.sha256 or f.sha384 for m in manifests for f in m.files if f.verifiable)
    assert [digest for digest, count in digests.items() if count > 1] == []


def test_one_contract_a_family(manifests: list[Manifest]) -> None:
    """Pixels mean the same to every model of a family; only crops and fixed sizes may differ."""
    seen: dict[str, set[tuple[object, ...]]] = {}
    for m in manifests:
        pixels = tuple((i.layout, i.channels, i.divide, i.mean, i.std, i.dtype) for i in m.contract.inputs)
        seen.setdefault(m.family, set()).add(pixels)
    assert {family: len(ways) for family, ways in seen.items() if len(ways) > 1} == {}


@pytest.mark.parametrize(
    ("name", "channels", "divide", "mean", "std"),
    [
        ("yunet_n", "bgr", 1, (0,), (1,)),
        ("vidface-facedet", "bgr", 1, (0,), (1,)),
        ("scrfd_10g", "rgb", 1, (127.5,), (128,)),
        ("arcface_w600k_r50", "rgb", 127.5, (1,), (1,)),
        ("adaface_ir18", "bgr", 127.5, (1,), (1,)),
        ("ediffiqa_t", "rgb", 127.5, (1,), (1,)),
        ("gfpgan_1.4", "rgb", 127.5, (1,), (1,)),
        ("minifasnet_v2", "bgr", 1, (0,), (1,)),
        ("bisenet_resnet18", "rgb", 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("xseg", "bgr", 255, (0,), (1,)),
        ("mediapipe_face_mesh", "rgb", 255, (0,), (1,)),
    ],
)
def test_convention_pixels(
    manifests: list[Manifest], name: str, channels: str, divide: float, mean: tuple[float], std: tuple[float]
) -> None:
    """The conventions on input pixels, pinned for each family."""
    spec = next(m for m in manifests if m.name == name).contract.inputs[0]
    assert (spec.channels, spec.divide, spec.mean, spec.std) == (channels, divide, mean, std)


def test_every_manifest_says_where_its_facts_come_from(manifests: list[Manifest]) -> None:
    """No address was tried, and each manifest with one says so."""
    for m in manifests:
        if any(file.urls for file in m.files):
            assert "not tried" in m.source, m.name


def test_weights_that_come_with_vidface_are_the_ones_described(repo: Path) -> None:
    """Every weights file beside a manifest matches it, digest and all."""
    for path in (repo / "models").glob("*/manifest.yaml"):
        known = weights.entry(path.parent.name)
        if all((path.parent / file.name).is_file() for file in known.manifest.files):
            assert weights.verify(known.manifest.name).verified, known.manifest.name


def test_restorers_state_what_black_and_white_are(manifests: list[Manifest]) -> None:
    """Nothing about the pixels that come out is left to be guessed."""
    restorers = [m for m in manifests if m.task == "restore" and m.format == "onnx"]
    known = {"gfpgan", "codeformer", "restoreformer", "gpen"}
    assert known <= {m.family for m in restorers}
    for m in restorers:
        if m.family in known:
            assert list(m.contract.outputs[0].range or ()) == [-1, 1], m.name
            assert m.contract.inputs[0].template in ("ffhq512", "arcface128"), m.name
