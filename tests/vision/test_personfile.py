"""Person files: what was written comes back, and what is broken is told in a sentence."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data.damaged import check_reader
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.errors import InputError, UsageError
from vidface.vision import facegeometry, manner
from vidface.vision.personfile import check_models, packed, read_person


def made(looks: int = 3, dimension: int = 16) -> PersonReferences:
    """References of made looks, a recording each; the last one has no parts."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(3, looks, dimension))
    vectors, inner, outer = (rows / np.linalg.norm(rows, axis=2, keepdims=True)).astype(np.float32)
    inner[-1:] = outer[-1:] = 0
    return PersonReferences(
        *("Ann", "e@1", "m@1"),
        sources=tuple(ReferenceSource(f"{n}.jpg", "ab", clip=False) for n in range(looks)),
        source=np.arange(looks), vectors=vectors, inner=inner, outer=outer,
        recognisability=np.full(looks, 0.9, np.float32), shapes=rng.normal(size=(looks, facegeometry.SIZE)),
        angles=np.zeros((looks, 2), np.float32), eyes_px=np.full(looks, 40, np.float32),
        windows=rng.normal(size=(5, manner.SIZE)).astype(np.float32),
        window_source=np.zeros(5, np.int64), window_end=np.arange(5.0),
    )  # fmt: skip


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    """Also the same bytes for the same references."""
    person = made()
    (tmp_path / "p.npz").write_bytes(packed(person))
    back = read_person(tmp_path / "p.npz")
    assert (back.name, back.embedder, back.sources) == ("Ann", "e@1", person.sources)
    for name in ("vectors", "inner", "shapes", "windows", "window_end"):
        assert np.array_equal(getattr(back, name), getattr(person, name))
    assert back.parted.tolist() == [True, True, False]
    assert packed(back) == packed(person)


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.7, 0.99])
def test_a_half_written_file_is_told(tmp_path: Path, keep: float) -> None:
    data = packed(made())
    (tmp_path / "p.npz").write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])
    with pytest.raises(InputError, match="no person file, or it is damaged"):
        read_person(tmp_path / "p.npz")


def test_a_changed_byte_is_told(tmp_path: Path) -> None:
    data = bytearray(packed(made()))
    data[len(data) // 3] ^= 0xFF
    (tmp_path / "p.npz").write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        read_person(tmp_path / "p.npz")


def test_whatever_is_damaged_is_told(tmp_path: Path) -> None:
    """Also what only a zip file can have: a method of packing that nobody knows, a password."""
    (tmp_path / "p.npz").write_bytes(packed(made()))
    check_reader(tmp_path / "p.npz", read_person, InputError)


def test_other_files_are_told(tmp_path: Path) -> None:
    """Missing, a folder, text, another .npz, pickled arrays, another format, nobody in it."""
    path = tmp_path / "p.npz"
    with pytest.raises(InputError, match="cannot be read"):
        read_person(path)
    with pytest.raises(InputError):
        read_person(tmp_path)
    path.write_text("no zip")
    with pytest.raises(InputError, match="no person file"):
        read_person(path)
    np.savez(path, points=np.zeros(3))
    with pytest.raises(InputError, match="no person file"):
        read_person(path)
    np.savez(path, told=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="no person file"):
        read_person(path)
    path.write_bytes(changed(format="vidface-person-9"))
    with pytest.raises(InputError, match="vidface-person-9"):
        read_person(path)
    for broken in ({"name": 5}, {"sources": "x"}, {"sources": [{"name": 1}]}):
        path.write_bytes(changed(**broken))
        with pytest.raises(InputError, match="no person file"):
            read_person(path)


def changed(**told: object) -> bytes:
    """A person file whose description says something else."""
    with np.load(io.BytesIO(packed(made()))) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    text = json.loads(bytes(found["told"]).decode()) | told
    found["told"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, **found)
    return file.getvalue()


def test_nobody_in_it_and_other_versions_are_told(tmp_path: Path) -> None:
    path, person = tmp_path / "p.npz", made()
    path.write_bytes(packed(replace(person, shapes=person.shapes[:, :5])))
    with pytest.raises(InputError, match="5 numbers"):
        read_person(path)
    nobody = replace(
        made(1),
        windows=np.zeros((0, 0), np.float32),
        window_source=np.zeros(0, np.int64),
        window_end=np.zeros(0),
    )
    none = {name: getattr(nobody, name)[:0] for name in ("source", "vectors", "inner", "outer", "shapes")}
    none |= {name: getattr(nobody, name)[:0] for name in ("recognisability", "angles", "eyes_px")}
    path.write_bytes(packed(replace(nobody, **none)))
    with pytest.raises(InputError, match="no look"):
        read_person(path)


def test_another_model_is_a_clear_error() -> None:
    check_models(made(), embedder="e@1", mesh_model="m@1", path="p.npz")
    with pytest.raises(UsageError, match=r"embedder e@1, but e@2 is in use.*anew"):
        check_models(made(), embedder="e@2", mesh_model="m@1", path="p.npz")
    with pytest.raises(UsageError, match="mesh model m@1"):
        check_models(made(), embedder="e@1", mesh_model="m@2", path="p.npz")


def test_references_are_checked_at_birth() -> None:
    with pytest.raises(ValueError, match="unit length"):
        replace(made(), vectors=made().vectors * 2)
    with pytest.raises(ValueError, match="source"):
        replace(made(), source=np.array([0, 1, 7]))
    with pytest.raises(ValueError, match="finite"):
        replace(made(), inner=made().inner * np.nan)
