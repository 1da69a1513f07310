"""A model name becomes a callable: weights found and verified, one ONNX Runtime session opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, Protocol

import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail, RuntimeException

from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer import weights
from vidface.infer.cardsession import CardSession, stream_option
from vidface.infer.contract import Port
from vidface.infer.cudalibs import preloaded
from vidface.infer.faults import RUNTIME_FAULTS, first_line
from vidface.infer.manifest import Manifest
from vidface.infer.pool import Lease

_PROVIDER = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
_OF_THE_CARD = (EPFail, RuntimeException, RuntimeError, ValueError)
"""Of what opening a model on a card raises, what the card or its libraries are to blame for."""


class Session(Protocol):
    """What `Model` needs of an ONNX Runtime session, or of a share in one."""

    def run(self, names: list[str], feed: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Outputs of these names."""

    def get_inputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""

    def get_outputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""

    def get_providers(self) -> Sequence[str]:
        """As ONNX Runtime."""


class Model:
    """An open model. Call it with arrays, in the graph's order or by name; it gives its outputs by name.

    Where the device has a card, inputs may be tensors that lie there; outputs are arrays of the host.

    `model(blob)` and `model(input=blob)` are the same where the graph's only input is named "input".
    The result is a dict in the graph's own order of outputs. Arrays must have the declared dtype and
    shape; nothing is converted.

    Attributes:
        name: the model.
        path: the weights file.
        manifest: what is known of it; None where it was opened by path.
        sha256: of the file, where it was verified.
        providers: execution providers that the session really uses, best first.
        inputs, outputs: what the graph declares.
    """

    __slots__ = (
        "_names", "_session", "_wanted",
        "inputs", "manifest", "name", "outputs", "path", "providers", "sha256",
    )  # fmt: skip

    def __init__(
        self, session: Session, *, path: Path, manifest: Manifest | None = None, sha256: str = ""
    ) -> None:
        self._session: Session | None = session
        self.name = manifest.name if manifest else path.name
        self.path = path
        self.manifest = manifest
        self.sha256 = sha256
        self.providers: tuple[str, ...] = tuple(session.get_providers())
        self.inputs = tuple(_port(node) for node in session.get_inputs())
        self.outputs = tuple(_port(node) for node in session.get_outputs())
        self._wanted = {port.name: port for port in self.inputs}
        self._names = [port.name for port in self.outputs]

    def __call__(self, *arrays: NDArray[Any], **named: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run once.

        Raises:
            ModelError: an input is missing, unknown, or of another shape or dtype; the runtime
                failed (memory, kernels); the model is closed.
        """
        feed = dict(zip(self._wanted, arrays, strict=False))
        feed.update(named)
        if len(arrays) + len(named) != len(self._wanted) or feed.keys() != self._wanted.keys():
            self._refuse(feed, len(arrays) + len(named))
        for name, port in self._wanted.items():
            fault = port.fault(feed[name])
            if fault:
                raise ModelError(f"{self.name}: input {name!r} {fault}.")
        if self._session is None:
            raise ModelError(f"{self.name}: the model is closed; load it again.")
        try:
            return dict(zip(self._names, self._session.run(self._names, feed), strict=True))
        except RUNTIME_FAULTS as error:
            raise ModelError(f"{self.name}: ONNX Runtime failed: {first_line(error)}.") from error

    def close(self) -> None:
        """Give back the session's memory, or this model's share in it; safe to call twice."""
        session, self._session = self._session, None
        if isinstance(session, Lease):
            session.close()

    def _refuse(self, feed: dict[str, NDArray[Any]], given: int) -> NoReturn:
        wanted = ", ".join(f"{port.name!r} ({port})" for port in self.inputs)
        unknown = sorted(feed.keys() - self._wanted.keys())
        found = f"also {', '.join(map(repr, unknown))}" if unknown else f"{given} arrays"
        raise ModelError(f"{self.name}: wants the inputs {wanted} once each, but got {found}.")


def load(name: str, device: Device, *, threads: int = 1) -> Model:
    """Find, verify and open a model.

    Raises:
        ModelMissingError: no such model, or its weights are not here.
        ModelMismatchError: the weights are not those of the manifest, or cannot be opened.
        ModelError: the device does not serve, or the model is not ONNX.
    """
    found = weights.verify(name)
    manifest = found.entry.manifest
    if manifest.format != "onnx":
        raise ModelError(
            f"{name} comes as {manifest.format}, and vidface runs ONNX: convert it, then run "
            f"`vidface models import FILE.onnx --name {name}-onnx --family {manifest.family} "
            f"--license {manifest.licence.id!r}`."
        )
    session = _share(found.path, device, threads=threads, digest=found.sha256)
    return Model(session, path=found.path, manifest=manifest, sha256=found.sha256)


def open_file(path: Path, device: Device, *, threads: int = 1) -> Model:
    """Open an ONNX file that no manifest describes yet.

    Raises:
        ModelMissingError: no such file.
        ModelMismatchError: it cannot be opened as ONNX.
        ModelError: the device does not serve.
    """
    if not path.is_file():
        raise ModelMissingError(f"{path} is not a file.")
    return Model(_share(path, replace(device, pool=None), threads=threads, digest=""), path=path)


def _share(path: Path, device: Device, *, threads: int, digest: str) -> Session:
    """A share in the pool's session of these very weights, or a session of its own.

    A run whose pictures lie on a card has its own: the session works on that run's stream.
    """
    pool = device.pool if device.card is None else None
    key = (str(path), digest[:12], str(device), device.engine, threads)

    def make() -> Any:
        opened = _open(path, device, threads=threads)
        return opened if device.card is None else CardSession(opened, device.card)

    session: Session = make() if pool is None else pool.lease(key, device, make, threads=threads)
    return session


def _open(path: Path, device: Device, *, threads: int) -> ort.InferenceSession:
    if _provider(device) not in ort.get_available_providers():
        raise ModelError(
            f"{path.name} was to run on {device}, but this ONNX Runtime is built without CUDA: "
            '`pip install "vidface[gpu]"` instead of "vidface[cpu]" has it; `--device cpu` runs without.'
        )
    try:
        session = start(str(path), device, threads=threads)
    except _OF_THE_CARD as error:
        if device.kind == "cpu":
            raise _unreadable(path, error) from error
        raise ModelError(
            f"{path.name} was to run on {device}, but could not be opened there: {first_line(error)}. "
            "`vidface doctor` says more; `--device cpu` runs without."
        ) from error
    except RUNTIME_FAULTS as error:
        raise _unreadable(path, error) from error
    moved = fell_back(session, device)
    if moved:
        raise ModelError(
            f"{path.name} was to run on {device}, but {moved}. "
            "`vidface doctor` says more; `--device cpu` runs without."
        )
    return session


def start(model: str | bytes, device: Device, *, threads: int = 1) -> ort.InferenceSession:
    """A session of a file or of a model's bytes; where it runs is told by `fell_back`.

    Raises:
        RUNTIME_FAULTS: as ONNX Runtime.
    """
    if device.kind == "cuda":
        preloaded()
    # Without this a card that fails in the middle of a run would be left for the CPU with a word on stdout.
    return ort.InferenceSession(
        model, sess_options=_options(threads), providers=_providers(device), enable_fallback=0
    )


def fell_back(session: Session, device: Device) -> str | None:
    """What a session that was to run on this device does instead, a phrase; None where it runs there."""
    found = session.get_providers()[0]
    if found == _provider(device):
        return None
    lacking = "TensorRT" if device.engine == "tensorrt" else "CUDA or cuDNN"
    said = f" ({preloaded()})" if device.kind == "cuda" and preloaded() else ""
    return f"ONNX Runtime fell back to {found}: {lacking} of the version that it wants is missing{said}"


def _provider(device: Device) -> str:
    return _PROVIDER["tensorrt" if device.engine == "tensorrt" else device.kind]


def _unreadable(path: Path, error: Exception) -> ModelMismatchError:
    return ModelMismatchError(
        f"{path} cannot be opened as an ONNX model: {first_line(error)}. Fetch or import it anew."
    )


def _options(threads: int) -> ort.SessionOptions:
    """One thread does best for small nets, and spinning steals cores from decoding; both were measured."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _providers(device: Device) -> Sequence[str | tuple[str, dict[str, Any]]]:
    if device.kind == "cpu":
        return ["CPUExecutionProvider"]
    # Newer ONNX Runtimes print a warning about plugins for a device that is named; the first is meant anyway.
    options = ({"device_id": device.index} if device.index else {}) | stream_option(device.card)
    # TF32 rounds inputs to ten bits, so that the card would find other faces than the CPU.
    cuda: list[str | tuple[str, dict[str, Any]]] = [
        ("CUDAExecutionProvider", options | {"use_tf32": "0"}),
        "CPUExecutionProvider",
    ]
    # TensorRT builds its engines when a model is opened; what it cannot run goes to the next provider.
    # It has no such switch: it may compute in TF32, which NVIDIA_TF32_OVERRIDE=0 alone forbids.
    return [("TensorrtExecutionProvider", options), *cuda] if device.engine == "tensorrt" else cuda


def _port(node: Any) -> Port:
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in node.shape)
    return Port(node.name, shape, _DTYPES.get(node.type, node.type))
