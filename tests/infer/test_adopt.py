"""Weights that the user brings: checked before anything is copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infer.places import put
from vidface.data import Device
from vidface.errors import ModelMismatchError, ModelMissingError, OutputError, UsageError
from vidface.infer import adopt, session, weights
from vidface.infer.manifest import Licence

MIT = Licence(id="MIT", class_="permissive")


def test_a_known_model_takes_the_right_file_only(shipped: Path, user: Path, tiny: Path) -> None:
    """The digest decides; a wrong file leaves no trace."""
    put(shipped, "m", data=(tiny / "double.onnx").read_bytes())
    with pytest.raises(ModelMismatchError, match=r"pair\.onnx is not m: as model\.onnx it should have"):
        adopt.adopt(tiny / "pair.onnx", "m")
    assert not user.exists()
    assert adopt.adopt(tiny / "double.onnx", "m") == ()
    assert weights.verify("m").path == user / "m" / "model.onnx"


def test_files_of_a_pair_find_their_own_names(shipped: Path, user: Path, tmp_path: Path) -> None:
    """Whatever they are called on disk, the digest tells which is which; what lacks is said."""
    import hashlib

    one, two = b"graph", b"numbers"
    files = [
        {"name": "model.xml", "sha256": hashlib.sha256(one).hexdigest()},
        {"name": "model.bin", "sha256": hashlib.sha256(two).hexdigest()},
    ]
    put(shipped, "m", files=files)
    (tmp_path / "b").write_bytes(two)
    (tmp_path / "a").write_bytes(one)
    assert adopt.adopt(tmp_path / "b", "m") == ("model.xml",)
    assert adopt.adopt(tmp_path / "a", "m") == ()
    assert (user / "m" / "model.bin").read_bytes() == two


def test_an_unverifiable_model_needs_consent(shipped: Path, user: Path, tiny: Path) -> None:
    """And from then on it may not change."""
    put(shipped, "m")
    with pytest.raises(UsageError, match="--allow-unverified"):
        adopt.adopt(tiny / "double.onnx", "m")
    adopt.adopt(tiny / "double.onnx", "m", allow_unverified=True)
    assert weights.state(weights.entry("m")) == "unverified"
    (user / "m" / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelMismatchError, match="when it was fetched"):
        weights.verify("m")


def test_a_model_of_ones_own_runs(shipped: Path, user: Path, tiny: Path) -> None:
    """The manifest carries the graph's names and shapes and the family's meaning of pixels."""
    put(shipped, "known")
    found = adopt.introduce(tiny / "double.onnx", name="mine", family="double", licence=MIT)
    spec = found.entry.manifest.contract.inputs[0]
    assert (spec.name, spec.channels, spec.shape[1]) == ("input", "rgb", 3)
    assert found.entry.manifest.contract.outputs[0].meaning == "twice the input"
    assert found.entry.manifest.task == "detect"
    model = session.load("mine", Device("cpu"))
    assert model.path == user / "mine" / "model.onnx"


@pytest.mark.parametrize(
    ("family", "agreed"),
    [
        ("scrfd", {"min_score": 0.5}),
        ("retinaface", {"min_score": 0.5}),
        ("sface", {"same_person": 0.363}),
        ("yunet", {}),
        ("minifasnet", {}),
        ("nobody", {}),
    ],
)
def test_what_a_shipped_family_agrees_on(family: str, agreed: dict[str, float]) -> None:
    """A value that one of them has otherwise is no value of the family."""
    assert adopt.defaults_of(family) == agreed


def test_a_model_of_ones_own_takes_what_its_family_agrees_on(shipped: Path, user: Path, tiny: Path) -> None:
    """Without it, the node's own value would hold; what differs and what others' formats say stays out."""
    put(shipped, "one", defaults={"min_score": 0.5, "min_network_px": 10})
    put(shipped, "two", defaults={"min_score": 0.5, "min_network_px": 12})
    put(shipped, "three", defaults={"min_score": 0.1}, format="openvino")
    adopt.introduce(tiny / "double.onnx", name="mine", family="double", licence=MIT)
    assert weights.entry("mine").manifest.defaults == {"min_score": 0.5}


def test_a_graph_that_does_not_fit_its_family_is_refused(shipped: Path, user: Path, tiny: Path) -> None:
    """Two inputs instead of one: nothing is copied."""
    put(shipped, "known")
    with pytest.raises(
        ModelMismatchError, match="does not fit the family 'double': the family takes 1 inputs"
    ):
        adopt.introduce(tiny / "pair.onnx", name="mine", family="double", licence=MIT)
    assert not user.exists()


def test_an_unknown_family_needs_a_task(shipped: Path, user: Path, tiny: Path) -> None:
    """With one, the contract is what the graph declares."""
    put(shipped, "known")
    with pytest.raises(UsageError, match=r"family 'doubel' is not known.*Did you mean double\?"):
        adopt.introduce(tiny / "pair.onnx", name="mine", family="doubel", licence=MIT)
    with pytest.raises(UsageError, match="there is no task 'x'; choose one of detect"):
        adopt.introduce(tiny / "pair.onnx", name="mine", family="pairs", licence=MIT, task="x")
    found = adopt.introduce(tiny / "pair.onnx", name="mine", family="pairs", licence=MIT, task="quality")
    contract = found.entry.manifest.contract
    assert [(spec.name, spec.dtype) for spec in contract.inputs] == [("left", "float32"), ("right", "int64")]
    assert [spec.name for spec in contract.outputs] == ["sum", "twice"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("known", "there is a model named 'known' already"), ("My Model", "lower-case"), ("../x", "lower-case")],
)
def test_names_that_cannot_be(shipped: Path, tiny: Path, name: str, message: str) -> None:
    """Taken, with spaces, or reaching out of the folder."""
    put(shipped, "known")
    with pytest.raises(UsageError, match=message):
        adopt.introduce(tiny / "double.onnx", name=name, family="double", licence=MIT)


def test_what_is_no_onnx_is_not_imported(shipped: Path, user: Path, tmp_path: Path) -> None:
    """Text under an .onnx name, and no file at all."""
    put(shipped, "known")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelMismatchError, match="cannot be opened as an ONNX model"):
        adopt.introduce(tmp_path / "text.onnx", name="mine", family="double", licence=MIT)
    with pytest.raises(ModelMissingError, match="is not a file"):
        adopt.introduce(tmp_path / "none.onnx", name="mine", family="double", licence=MIT)
    with pytest.raises(ModelMissingError, match="is not a file"):
        adopt.adopt(tmp_path / "none.onnx", "known")
    assert not user.exists()


def test_a_folder_that_cannot_be_written_is_said(
    shipped: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's folder is a file: one sentence, exit code 1."""
    put(shipped, "known")
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path / "taken"))
    with pytest.raises(OutputError, match=r"cannot be written .*VIDFACE_MODELS"):
        adopt.introduce(tiny / "double.onnx", name="mine", family="double", licence=MIT)
