"""Every command says what it takes, and nothing in it was left unfilled."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from vidface.cli import cli


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Words of every command, also of commands of commands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield (*words, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*words, name))


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_no_help_holds_a_none(words: tuple[str, ...]) -> None:
    """As of a range without bounds, or a default that is none."""
    done = CliRunner().invoke(cli, [*words, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output
    assert "None" not in done.output
