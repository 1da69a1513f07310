"""Origins: is what a run was made from still what it was: input, sound, named files, models, packages?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vidface.data.digest import blocks_of, digests_in, readable_sha256
from vidface.errors import InputError, ModelError, ModelMissingError
from vidface.graph.consent import at_home
from vidface.graph.custody import present
from vidface.graph.verify import Check

SHOWN = 3
"""Places that are named one by one."""


def find_input(folder: Path, facts: Mapping[str, Any], given: Path | None) -> Path | None:
    """The run's input: the one that is given, or where run.json says, from here or from beside the folder.

    Raises:
        InputError: what is given is not there.
    """
    if given is not None:
        if not given.exists():
            raise InputError(f"--input {given}: there is no such file or folder")
        return given
    path = Path(str(facts["input"]["path"]))
    places = [path] if path.is_absolute() else [path, folder.resolve().parent / path]
    return next((place for place in places if _there(place)), None)


def _there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # an address, or a stranger's word, that is too long for a name
        return False


def check_input(facts: Mapping[str, Any], clip: Path | None) -> Iterator[Check]:
    """The input against its hashes; of a file the bytes that changed, of a folder the pictures."""
    told = facts["input"]
    name = str(told["path"])
    if clip is None:
        yield Check("input", name, "unchecked", "it is not here; --input FILE says where")
    elif told.get("files") is not None and clip.is_dir():
        yield _folder(name, clip, told["files"])
    elif told.get("sha256") is None:
        yield Check("input", name, "unchecked", "the run did not hash it to its end")
    elif not clip.is_file():
        yield Check("input", name, "changed", f"{clip} is no file")
    else:
        found = blocks_of(clip)
        digest, blocks = found or ("", ())
        if digest == told["sha256"]:
            yield Check("input", name, "same", f"sha256 {digest}")
        else:
            yield Check("input", name, "changed", _bytes(clip, told, blocks))


def check_sources(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Other files that went into the run: sound, pictures and motions that the graph names, its own nodes."""
    named = [(item["path"], item["sha256"]) for item in facts.get("sources", ())]
    if facts.get("audio"):
        named.append((facts["audio"]["path"], facts["audio"]["sha256"]))
    folder = Path(str(facts["graph"]["file"])).parent
    named += [(str(folder / name), digest) for name, digest in facts["graph"].get("node_files", {}).items()]
    for name, digest in named:
        if digest is not None:
            yield _source("source", Path(name), digest)


def check_consent(facts: Mapping[str, Any]) -> Iterator[Check]:
    """The file with the statement of consent, where there is one; a re-run can do without it."""
    told = facts.get("consent") or {}
    if "file" in told:
        in_graph = told["given_in"] == "graph"
        folder = Path(str(facts["graph"]["file"])).parent if in_graph else Path()
        yield _source("consent", folder / at_home(told["file"]), told["sha256"])


def check_models(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Models of the run against those of this machine; each file is read."""
    from vidface.infer import weights

    for model in facts.get("models", ()):
        name = str(model["name"])
        then = dict(model.get("files", {"": model["sha256"]}))
        try:
            found = weights.verify(name, trust_stamp=False)
        except ModelMissingError:
            yield Check("model", name, "other", "is not on this machine")
        except ModelError as error:
            yield Check("model", name, "other", str(error))
        except OSError as error:
            yield Check("model", name, "other", f"cannot be read here ({error.strerror})")
        else:
            here = {"": found.sha256, **found.files}
            other = [file or "its file" for file, digest in then.items() if here.get(file) != digest]
            text = f"{', '.join(other)}: not the same as then" if other else ""
            yield Check("model", name, "other" if other else "same", text)


def check_packages(facts: Mapping[str, Any]) -> Iterator[Check]:
    """Versions, libraries and processor of the run against those of this machine."""
    from vidface.graph.facts import machine_facts, package_facts

    here = {**package_facts(), **_flat(machine_facts())}
    then = {**facts.get("packages", {}), **_flat(facts.get("machine", {}))}
    for name, value in then.items():
        if here.get(name) == value:
            continue
        text = f"{value} then, {here.get(name, 'not')} here"
        if name == "code_sha256":
            text = "vidface's own code is not the same"
        yield Check("package", name, "other", text)
    if all(here.get(name) == value for name, value in then.items()):
        yield Check("package", "all", "same", f"{len(then)} versions and facts of the machine")


def _source(what: str, path: Path, digest: str) -> Check:
    # A pipe or a device that a stranger's run.json names has no end.
    found = readable_sha256(path) if present(path) else None
    if found is None:
        return Check(what, str(path), "unchecked", "it is not here")
    return Check(what, str(path), "same" if found == digest else "changed")


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in facts.items() if not isinstance(value, dict)}
    inner = (value for value in facts.values() if isinstance(value, dict))
    return {**rest, **{key: value for one in inner for key, value in one.items()}}


def _folder(name: str, clip: Path, then: Mapping[str, str | None]) -> Check:
    here = digests_in(clip) or {}
    gone = [one for one in then if one not in here]
    new = [one for one in here if one not in then]
    other = [one for one in then if one in here and here[one] != then[one]]
    found = [
        f"{what}: {_some(names)}"
        for what, names in (("changed", other), ("missing", gone), ("new", new))
        if names
    ]
    if found:
        return Check("input", name, "changed", "; ".join(found))
    return Check("input", name, "same", f"{len(then)} files")


def _bytes(clip: Path, told: Mapping[str, Any], blocks: tuple[str, ...]) -> str:
    """Where a file differs, by its blocks."""
    if told.get("blocks") is None:
        return "its bytes are others"
    size = told["blocks"]["bytes"]
    then = told["blocks"]["sha256"]
    changed = [k for k, (one, two) in enumerate(zip(then, blocks, strict=False)) if one != two]
    where = _some([f"{k * size} to {(k + 1) * size - 1}" for k in changed])
    length = clip.stat().st_size
    text = [f"bytes {where} differ"] if changed else []
    if length != told.get("bytes"):
        text.append(f"it has {length} bytes and had {told.get('bytes')}")
    return "; ".join(text)


def _some(names: list[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
