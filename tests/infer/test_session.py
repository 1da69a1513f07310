"""A model name becomes a callable, and wrong calls get a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from tests.infer.places import put
from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer import session
from vidface.infer.faults import RUNTIME_FAULTS
from vidface.infer.trial import CONVOLUTION

CPU = Device("cpu")
PICTURE = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)


def test_a_loaded_model_is_called_by_place_and_by_name(shipped: Path, tiny: Path) -> None:
    """Found, verified, opened; both ways of calling give the same."""
    data = (tiny / "double.onnx").read_bytes()
    put(shipped, "m", data=data)
    (shipped / "m" / "model.onnx").write_bytes(data)
    model = session.load("m", CPU)
    np.testing.assert_array_equal(model(PICTURE)["output"], PICTURE * 2)
    np.testing.assert_array_equal(model(input=PICTURE)["output"], PICTURE * 2)
    assert model.name == "m"
    assert model.manifest is not None
    assert len(model.sha256) == 64
    assert model.providers == ("CPUExecutionProvider",)


def test_several_inputs_and_outputs(tiny: Path) -> None:
    """Graph order counts, names can be mixed in, and the outputs keep their order."""
    model = session.open_file(tiny / "pair.onnx", CPU)
    left, right = np.ones((1, 4), np.float32), np.arange(4).reshape(1, 4)
    for answer in (model(left, right), model(left, right=right), model(right=right, left=left)):
        assert list(answer) == ["sum", "twice"]
        np.testing.assert_array_equal(answer["sum"], left + right)
        np.testing.assert_array_equal(answer["twice"], right * 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((PICTURE[0],), "input 'input' wants any x 3 x any x any float32, but got 3 x 2 x 4 float32"),
        ((PICTURE[:, :2],), "but got 1 x 2 x 2 x 4 float32"),
        ((PICTURE.astype(np.float64),), "but got 1 x 3 x 2 x 4 float64"),
        ((np.float32(3),), "but got a scalar"),
        ((), r"wants the inputs 'input' \(any x 3 x any x any float32\) once each, but got 0 arrays"),
        ((PICTURE, PICTURE), "but got 2 arrays"),
    ],
)
def test_wrong_arrays_get_a_sentence(tiny: Path, arrays: tuple[np.ndarray, ...], message: str) -> None:
    """What the graph wants and what it got; nothing is converted in silence."""
    model = session.open_file(tiny / "double.onnx", CPU)
    with pytest.raises(ModelError, match=message):
        model(*arrays)


def test_wrong_names_get_a_sentence(tiny: Path) -> None:
    """An unknown name, and one that is given twice."""
    model = session.open_file(tiny / "double.onnx", CPU)
    with pytest.raises(ModelError, match="but got also 'picture'"):
        model(picture=PICTURE)
    with pytest.raises(ModelError, match="but got 2 arrays"):
        model(PICTURE, input=PICTURE)


def test_a_closed_model_says_so(tiny: Path) -> None:
    """Closing twice is fine, calling is not."""
    model = session.open_file(tiny / "double.onnx", CPU)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="is closed"):
        model(PICTURE)


@pytest.mark.parametrize("data", [b"", b"not a graph at all", b"\x08\x08" * 40])
def test_what_is_no_onnx_is_said(tmp_path: Path, data: bytes) -> None:
    """Exit code 4 and the path, not the runtime's own exception."""
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelMismatchError, match=r"model\.onnx cannot be opened as an ONNX model"):
        session.open_file(path, CPU)


def test_half_a_file_is_no_onnx(tmp_path: Path, tiny: Path) -> None:
    """A file that was cut off cannot be opened."""
    path = tmp_path / "model.onnx"
    path.write_bytes((tiny / "embed.onnx").read_bytes()[:120])
    with pytest.raises(ModelMismatchError):
        session.open_file(path, CPU)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """No such path."""
    with pytest.raises(ModelMissingError, match=r"none\.onnx is not a file"):
        session.open_file(tmp_path / "none.onnx", CPU)


def test_a_changed_file_is_never_opened(shipped: Path, tiny: Path) -> None:
    """The digest is checked before the runtime sees the bytes."""
    put(shipped, "m", data=b"the right bytes")
    (shipped / "m" / "model.onnx").write_bytes((tiny / "double.onnx").read_bytes())
    with pytest.raises(ModelMismatchError, match="should have 15 bytes"):
        session.load("m", CPU)


def test_other_formats_are_refused_with_the_way_out(shipped: Path) -> None:
    """A PyTorch file is verified but not run."""
    put(shipped, "m", data=b"pickle", format="torch")
    (shipped / "m" / "model.onnx").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="comes as torch, and vidface runs ONNX: convert it"):
        session.load("m", CPU)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_cuda_is_never_replaced_in_silence(tiny: Path) -> None:
    """Asked for CUDA where the runtime has none: an error, not a slow run on the CPU."""
    with pytest.raises(
        ModelError, match=r"was to run on cuda:0, but this ONNX Runtime is built without CUDA"
    ):
        session.open_file(tiny / "double.onnx", Device("cuda", 0))


def test_a_card_that_fails_in_the_middle_is_an_error(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime would go on on the CPU, print so, and run.json would still say cuda."""
    model = session.open_file(tiny / "double.onnx", CPU)
    inner: Any = model._session

    class Failing:
        def is_webgpu_graph_capture_enabled(self) -> bool:
            return False

        def run(self, *_given: Any) -> Any:
            raise EPFail("CUDA failure 700: an illegal memory access was encountered")

    inner._sess = Failing()
    with pytest.raises(ModelError, match="ONNX Runtime failed: CUDA failure 700"):
        model(PICTURE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fault", [EPFail, RuntimeError])
def test_a_card_that_cannot_be_opened_is_not_the_files_fault(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """Nobody is sent to fetch a sound file anew."""

    def start(*_given: Any, **_options: Any) -> Any:
        raise fault("/src/state.cc:729 void f(A&, const B&) Please install TensorRT libraries.")

    monkeypatch.setattr(session, "start", start)
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    with pytest.raises(ModelError, match=r"not be opened there: Please install TensorRT libraries\. `vid"):
        session.open_file(tiny / "double.onnx", Device("cuda"))


@pytest.mark.gpu
def test_tensorrt_gives_nearly_the_same(tiny: Path) -> None:
    """It is an extra of NVIDIA's, which no card promises: skipped where it does not open."""
    device = Device("cuda", 0, engine="tensorrt")
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no TensorRT")
    try:
        lack = session.fell_back(session.start(CONVOLUTION, device), device)
    except RUNTIME_FAULTS as error:
        lack = str(error)
    if lack:
        pytest.skip(f"TensorRT does not open: {lack}")
    picture = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    there = session.open_file(tiny / "conv.onnx", device)
    assert there.providers[0] == "TensorrtExecutionProvider"
    here = session.open_file(tiny / "conv.onnx", CPU)
    np.testing.assert_allclose(there(picture)["output"], here(picture)["output"], rtol=1e-2)


def test_threads_do_not_change_the_answer(tiny: Path) -> None:
    """Bit-identical with one thread and with two."""
    picture = np.random.default_rng(1).random((2, 3, 112, 112), np.float32)
    one = session.open_file(tiny / "embed.onnx", CPU, threads=1)(picture)["vector"]
    two = session.open_file(tiny / "embed.onnx", CPU, threads=2)(picture)["vector"]
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one[:, 0], picture.mean(axis=(2, 3)).sum(axis=1), rtol=1e-5)
