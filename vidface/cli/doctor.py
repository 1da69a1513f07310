"""`vidface doctor`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click

from vidface.cli._accelerated import parts
from vidface.errors import ExitCode, VidfaceError

NEEDED = ("av", "click", "numpy", "cv2", "pydantic", "yaml", "scipy", "c2pa", "cryptography")
EXTRAS = {
    "pyarrow": "tables (parquet)",
    "torch": "torch",
    "norfair": "norfair (track.norfair)",
    "decord": "decord (--decoder decord)",
    "fastapi": "web (the live page of vidface watch)",
    "paho": "mqtt (events of vidface watch)",
}


class Finding(NamedTuple):
    """One line of the report; `level` is ok, note or fault."""

    level: str
    what: str
    says: str


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(form: str) -> None:
    """Say what this machine can do, and why not. Ends with 1 if vidface cannot run here."""
    findings = [item for look in (_machine, _packages, _devices, _codecs, _models) for item in look()]
    if form == "json":
        click.echo(json.dumps([item._asdict() for item in findings], indent=2))
    else:
        for item in findings:
            mark = {"ok": "  ok ", "note": "note ", "fault": "FAULT"}[item.level]
            click.echo(f"{mark}  {item.what:<18}{item.says}")
    if any(item.level == "fault" for item in findings):
        raise SystemExit(int(ExitCode.FAILED))


def _machine() -> list[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        Finding("ok", "machine", f"{platform.platform()}, Python {platform.python_version()}, {cores} cores")
    ]


def _packages() -> list[Finding]:
    owners = importlib.metadata.packages_distributions()
    found = []
    for module in NEEDED:
        here = importlib.util.find_spec(module) is not None
        found.append(
            Finding(
                "ok" if here else "fault", module, ", ".join(_versions(owners, module)) or "not installed"
            )
        )
    for module, extra in EXTRAS.items():
        if importlib.util.find_spec(module) is None:
            found.append(Finding("note", module, f"not installed; extra {extra}"))
        else:
            found.append(Finding("ok", module, ", ".join(_versions(owners, module))))
    return found


def _versions(owners: Mapping[str, list[str]], module: str) -> list[str]:
    """The packages that a module comes from; they may have other names."""
    return [f"{name} {importlib.metadata.version(name)}" for name in sorted(set(owners.get(module, [])))]


def _devices() -> list[Finding]:
    from vidface.infer import devices

    machine = devices.look()
    found = [_tried("onnxruntime", lambda: _runtime(machine))]
    found += [Finding("note" if part.why_not else "ok", part.name, part.says) for part in parts()]
    found.append(_tried("device auto", lambda: f"{(device := devices.resolve('auto'))}: {device.reason}"))
    return found


def _runtime(machine: Any) -> str:
    from vidface.infer import devices

    devices.check_runtime(machine)
    return f"{', '.join(machine.runtimes)}; providers {', '.join(machine.providers)}; {machine.driver}"


def _codecs() -> list[Finding]:
    from vidface.media.abilities import decoders, encoders, hardware

    return [
        Finding("ok", "reads", ", ".join(decoders())),
        Finding("ok", "writes", ", ".join(encoders())),
        Finding("note", "hardware decoders", hardware()),
    ]


def _models() -> list[Finding]:
    from vidface.infer import weights

    states = {entry.manifest.name: weights.state(entry) for entry in weights.entries()}
    usable = [name for name, state in states.items() if state in ("shipped", "present", "unverified")]
    broken = [name for name, state in states.items() if state == "mismatch"]
    found = [
        Finding(
            "ok" if usable else "fault", "models", f"{', '.join(usable) or 'none'}; of {len(states)} known"
        )
    ]
    found += [
        Finding("fault", name, f"differs from its manifest; see `vidface models verify {name}`")
        for name in broken
    ]
    return found


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, look())
    except VidfaceError as error:
        return Finding("fault", what, str(error))
