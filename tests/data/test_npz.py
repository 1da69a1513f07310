"""A damaged .npz file is a ValueError, whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidface.data.npz import read_npz


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, one=np.arange(1000), two=np.ones(3))
    return path


def test_arrays_are_read_by_name(packed: Path) -> None:
    found = read_npz(packed, ("one",), optional=("two", "three"))
    assert set(found) == {"one", "two"}
    np.testing.assert_array_equal(found["one"], np.arange(1000))
    with pytest.raises(KeyError, match="three"):
        read_npz(packed, ("three",))


def test_whatever_byte_is_wrong_it_is_a_value_error_or_the_right_numbers(packed: Path) -> None:
    whole = packed.read_bytes()
    for at in range(len(whole)):
        packed.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        try:
            found = read_npz(packed, ("one",))
        except (ValueError, KeyError):
            continue
        np.testing.assert_array_equal(found["one"], np.arange(1000))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"text"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="whole"):
        read_npz(path, ("one",))
