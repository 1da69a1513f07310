"""An object of JSON that names a key twice is refused, however the key is spelt and however deep it lies."""

from __future__ import annotations

import pytest

from vidface.data.oncejson import loads, once


def test_what_names_each_key_once_is_read() -> None:
    assert once(b'{"a": [{"b": 1}, {"b": 2}], "c": null}') == {"a": [{"b": 1}, {"b": 2}], "c": None}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "\\u0061": 2}}]'])
def test_a_key_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it names 'a' twice"):
        once(text)


def test_what_nobody_can_walk_is_refused() -> None:
    assert once("[" * 99 + "]" * 99)
    for deep in (102, 900, 200_000):
        with pytest.raises(ValueError, match="nested more than 100 deep"):
            once("[" * deep + "]" * deep)


def test_rows_may_be_as_deep_as_python_reads_and_no_deeper() -> None:
    assert loads("[" * 300 + "]" * 300)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        loads("[" * 200_000)
