"""Weights that the user already has: under a manifest that vidface knows, or under one written for them."""

from __future__ import annotations

import difflib
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import get_args

from vidface.data import Device
from vidface.errors import ModelMismatchError, ModelMissingError, OutputError, UsageError
from vidface.infer import session, weights
from vidface.infer.contract import Port, misfits
from vidface.infer.digest import Digest, difference, measure, write_stamp
from vidface.infer.manifest import (
    NAME_PATTERN,
    Contract,
    Input,
    Licence,
    Manifest,
    Output,
    Task,
    WeightFile,
    dump_manifest,
)


def adopt(path: Path, name: str, *, allow_unverified: bool = False) -> tuple[str, ...]:
    """Copy a file into the user's model folder as the weights of a known model.

    Returns the names of files that the model still lacks; empty where it is complete.

    Raises:
        ModelMissingError: no such model, or no such file.
        ModelMismatchError: the file is not the one that the manifest describes.
        UsageError: the manifest states no digest and `allow_unverified` is False.
        OutputError: the folder cannot be written.
    """
    known = weights.entry(name)
    files = known.manifest.files
    file, digest = _match(path, known.manifest)
    if not file.verifiable and not allow_unverified:
        raise UsageError(
            f"{name} cannot be verified: its publisher states no digest. "
            f"`--allow-unverified` takes {path} as it is and remembers its digest from then on."
        )
    _copy(path, weights.home(name) / file.name)
    with suppress(OSError):
        write_stamp(weights.stamp_path(name, file), digest)
    return tuple(other.name for other in files if not _present(name, other))


def introduce(
    path: Path, *, name: str, family: str, licence: Licence, task: str | None = None
) -> weights.Weights:
    """Copy an ONNX file into the user's model folder under a manifest of its own, and check it.

    Where the family is known, the graph must be able to follow its contract; where it is not, the
    contract is what the graph declares, and `task` must be given. Parameter values on which all models
    of the family agree are taken over.

    Raises:
        UsageError: the name is taken or not a name; the family is unknown and no task is given.
        ModelMismatchError: the file cannot be opened, or does not fit the family.
        OutputError: the folder cannot be written.
    """
    if not re.fullmatch(NAME_PATTERN, name) or not re.fullmatch(NAME_PATTERN, family):
        raise UsageError(
            "names of models and families are lower-case letters, digits, '.', '_' and '-', "
            f"but found {name!r} and {family!r}."
        )
    if name in weights.names():
        raise UsageError(
            f"there is a model named {name!r} already; choose another name, or use `--as {name}`."
        )
    contract, wanted_task = _contract(path, family, task)
    digest = measure(path, WeightFile(name="model.onnx"))
    manifest = Manifest(
        name=name,
        title=f"{path.stem}, imported",
        task=wanted_task,
        family=family,
        licence=licence,
        files=(WeightFile(name="model.onnx", size=digest.size, sha256=digest.sha256),),
        contract=contract,
        defaults=defaults_of(family),
        source=f"Imported by the user from {path.name}; licence as given by the user.",
    )
    folder = weights.home(name)
    _copy(path, folder / "model.onnx")
    _write(folder / weights.MANIFEST, dump_manifest(manifest))
    return weights.verify(name)


def defaults_of(family: str) -> dict[str, float | int | bool | str]:
    """Parameter values that all models of a family agree on which came with vidface and which it runs."""
    known = [each.manifest for each in weights.entries() if not each.user]
    said = [each.defaults for each in known if each.family == family and each.format == "onnx"]
    first = said[0] if said else {}
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in said)}


def _match(path: Path, manifest: Manifest) -> tuple[WeightFile, Digest]:
    """Which of the model's files this one is, by its digest."""
    if not path.is_file():
        raise ModelMissingError(f"{path} is not a file.")
    faults = []
    for file in manifest.files:
        digest = measure(path, file)
        fault = difference(file, digest)
        if fault is None:
            return file, digest
        faults.append(f"as {file.name} {fault}")
    raise ModelMismatchError(f"{path} is not {manifest.name}: {'; '.join(faults)}. Nothing was imported.")


def _present(name: str, file: WeightFile) -> bool:
    folders = (weights.entry(name).folder, weights.home(name))
    return any((folder / file.name).is_file() for folder in folders)


def _contract(path: Path, family: str, task: str | None) -> tuple[Contract, Task]:
    model = session.open_file(path, Device("cpu"))
    try:
        inputs, outputs = model.inputs, model.outputs
    finally:
        model.close()
    known = weights.families().get(family)
    if known is None:
        return _plain_contract(inputs, outputs), _task(family, task)
    faults = misfits(known.manifest.contract, inputs, outputs)
    if faults:
        raise ModelMismatchError(f"{path} does not fit the family {family!r}: {'; '.join(faults)}.")
    return _filled(known.manifest.contract, inputs, outputs), known.manifest.task


def _task(family: str, task: str | None) -> Task:
    tasks: tuple[Task, ...] = get_args(Task)
    for each in tasks:
        if each == task:
            return each
    if task is not None:
        raise UsageError(f"there is no task {task!r}; choose one of {', '.join(tasks)}.")
    known = sorted(weights.families())
    near = difflib.get_close_matches(family, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(known)}."
    raise UsageError(f"the family {family!r} is not known, so its task must be given with `--task`.{hint}")


def _filled(contract: Contract, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Contract:
    """The family's contract with the names and shapes of this graph."""
    new_inputs = tuple(
        spec.model_copy(update={"name": port.name, "shape": _shape(port)})
        for spec, port in zip(contract.inputs, inputs, strict=True)
    )
    known = [*contract.outputs, *[Output(meaning="not stated")] * len(outputs)]
    new_outputs = tuple(
        spec.model_copy(update={"name": port.name, "shape": _shape(port), "dtype": port.dtype})
        for port, spec in zip(outputs, known, strict=False)
    )
    return Contract(inputs=new_inputs, outputs=new_outputs, notes=contract.notes)


def _plain_contract(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Contract:
    return Contract(
        inputs=tuple(Input(name=port.name, shape=_shape(port), dtype=port.dtype) for port in inputs),
        outputs=tuple(
            Output(name=port.name, shape=_shape(port), dtype=port.dtype, meaning="not stated")
            for port in outputs
        ),
    )


def _shape(port: Port) -> tuple[int | str, ...]:
    return tuple(f"D{i}" if n is None else n for i, n in enumerate(port.shape))


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(f"{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        draft.replace(target)
    except shutil.SameFileError:
        return
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise OutputError(
            f"{target} cannot be written ({error.strerror}): make room, or set VIDFACE_MODELS."
        ) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
