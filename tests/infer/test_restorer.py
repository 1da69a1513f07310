"""An image restorer is opened by its manifest, and what does not fit gets a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.infer.places import put, restorer
from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer import adopt, weights
from vidface.infer.manifest import Licence
from vidface.infer.restorer import Restorer

CPU = Device("cpu")


def crops(count: int, size: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (count, size, size, 3), np.uint8)


def opened(shipped: Path, tiny: Path, model: str, **changes: Any) -> Restorer:
    restorer(shipped, "made", (tiny / f"{model}.onnx").read_bytes(), **changes)
    return Restorer("made", CPU)


def test_a_net_that_changes_nothing_gives_the_crops_back(shipped: Path, tiny: Path) -> None:
    """Scaling in and out cancel; size and template are the manifest's where the graph leaves them free."""
    net = opened(shipped, tiny, "same")
    assert (net.size, net.template, net.weighted) == (512, "ffhq512", False)
    given = crops(6)
    restored = net(given)
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, given, atol=1e-3)
    assert net(given[:0]).shape == (0, 512, 512, 3)


def test_more_crops_than_a_fixed_batch_go_one_by_one(shipped: Path, tiny: Path) -> None:
    """The graph takes 1; each of 3 comes back in its place, at the size of the graph."""
    net = opened(shipped, tiny, "weighted")
    given = crops(3)
    assert net.size == 64
    np.testing.assert_allclose(net(given, 1.0), given, atol=1e-3)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_fidelity_reaches_the_net(shipped: Path, tiny: Path, weight: float) -> None:
    """Found by its shape whatever its name, and given in the graph's own type (float64 here)."""
    net = opened(shipped, tiny, "weighted")
    given = crops(1)
    assert net.weighted
    wanted = weight * given + (1 - weight) * (255.0 - given)
    np.testing.assert_allclose(net(given, weight), wanted, atol=1e-2)


def test_a_net_in_half_precision_is_fed_half_precision(shipped: Path, tiny: Path) -> None:
    net = opened(shipped, tiny, "same16")
    np.testing.assert_allclose(net(crops(2)), crops(2), atol=0.1)


def test_a_crop_on_which_the_net_fails_is_nan_and_the_others_are_not(shipped: Path, tiny: Path) -> None:
    """The net gives NaN for bright crops only."""
    given = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (20, 240, 90)])
    restored = opened(shipped, tiny, "broken")(given)
    assert np.isnan(restored).all((1, 2, 3)).tolist() == [False, True, False]


def test_another_size_out_than_in_is_refused(shipped: Path, tiny: Path) -> None:
    with pytest.raises(ModelMismatchError, match="1 x 64 x 64 x 3 like those given, but are 1 x 32 x 32 x 3"):
        opened(shipped, tiny, "half")(crops(1))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("pair", "should take 1 picture, but takes 0"),
        ("embed", "none of its outputs has 4 dimensions"),
    ],
)
def test_graphs_of_another_kind_are_refused(shipped: Path, tiny: Path, model: str, message: str) -> None:
    with pytest.raises(ModelMismatchError, match=message):
        opened(shipped, tiny, model)


def test_a_picture_in_another_layout_is_refused(shipped: Path, tiny: Path) -> None:
    """The manifest says channels last, the graph has them first."""
    made = restorer(shipped, "first", (tiny / "weighted.onnx").read_bytes())
    contract = made.contract.model_dump(mode="json")
    contract["inputs"][0] |= {"layout": "NHWC", "shape": ["N", "H", "W", 3]}
    with pytest.raises(ModelMismatchError, match="square with 3 channels in NHWC"):
        opened(shipped, tiny, "weighted", contract=contract)


def test_another_task_is_refused(shipped: Path, tiny: Path) -> None:
    with pytest.raises(ModelError, match="task embed, but an image restorer is wanted"):
        opened(shipped, tiny, "same", task="embed")


def test_a_manifest_without_a_range_is_refused(shipped: Path, tiny: Path) -> None:
    """Guessing between [0, 1] and [-1, 1] would run and be wrong."""
    made = restorer(shipped, "first", (tiny / "same.onnx").read_bytes())
    contract = made.contract.model_dump(mode="json")
    contract["outputs"][0]["range"] = None
    with pytest.raises(ModelError, match="range of its output"):
        opened(shipped, tiny, "same", contract=contract)


def test_weights_that_are_not_here_are_named(shipped: Path) -> None:
    put(shipped, "made", task="restore")
    with pytest.raises(ModelMissingError, match=r"The weights of made \(model.onnx\)"):
        Restorer("made", CPU)


def test_altered_weights_are_refused(shipped: Path, tiny: Path) -> None:
    restorer(shipped, "made", (tiny / "same.onnx").read_bytes())
    (shipped / "made" / "model.onnx").write_bytes((tiny / "half.onnx").read_bytes())
    with pytest.raises(ModelMismatchError, match="is not the made that its manifest describes"):
        Restorer("made", CPU)


def test_a_users_own_file_of_a_known_family_keeps_the_range(shipped: Path, tiny: Path) -> None:
    """`vidface models import FILE --family made`: the contract comes from the family, and it can be run."""
    restorer(shipped, "made", (tiny / "same.onnx").read_bytes())
    licence = Licence.model_validate({"id": "MIT", "class": "permissive"})
    adopt.introduce(tiny / "nervous.onnx", name="mine", family="made", licence=licence)
    assert weights.entry("mine").manifest.contract.outputs[0].range == (-1, 1)
    assert Restorer("mine", CPU).size == 128
