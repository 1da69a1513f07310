"""YAML that stands for too much, or for what it cannot be: refused in a sentence, with its place."""

from __future__ import annotations

import pytest

from vidface.errors import GraphError
from vidface.graph.marks import MOST_VALUES, parse


def test_aliases_that_stand_for_millions_of_values_are_refused_at_once() -> None:
    """Seven lines of them took all memory, also in a run.json of somebody else's."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(GraphError, match=r"it holds more than 100,000 values .* write it with fewer"):
        parse("\n".join(lines), "bomb.yaml")


def test_many_values_that_are_written_out_stay() -> None:
    many = 20_000
    assert many < MOST_VALUES
    assert len(parse("[" + "1," * many + "]", "long.yaml").data) == many


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {1: x, 1.0: y}", "g:1:11: the key 1.0 stands twice (first in line 1); keep one of them"),
        ("a: {1: x, true: y}", "g:1:11: the key True stands twice (first in line 1); keep one of them"),
        ("a: !!timestamp x", "g:1:4: 'x' cannot be read as timestamp; leave out its tag (!!)"),
        ("a: !!bool x", "g:1:4: 'x' cannot be read as bool; leave out its tag (!!)"),
        ("a: !!int ''", "g:1:4: '' cannot be read as int; leave out its tag (!!)"),
        ("a: !!float ''", "g:1:4: '' cannot be read as float; leave out its tag (!!)"),
    ],
)
def test_what_cannot_be_a_value_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse(text, "g")
    assert str(caught.value) == words
