"""Variables of the environment in cameras.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vidface.errors import UsageError
from vidface.graph.marks import Document

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with `${NAME}` taken from the environment.

    Raises:
        UsageError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise UsageError(f"the address wants ${{{match[1]}}}, but that environment variable is not set")
        return environment[match[1]]

    return _VARIABLE.sub(value, text)


def fill_receivers(document: Document, environment: Mapping[str, str]) -> None:
    """`${NAME}` in the addresses of the receivers of events.

    Raises:
        GraphError: a variable is not set; with its place.
    """
    events = document.data.get("events")
    for name in ("webhook", "mqtt", "redis"):
        receiver = events.get(name) if isinstance(events, dict) else None
        if isinstance(receiver, dict) and isinstance(receiver.get("url"), str):
            try:
                receiver["url"] = filled(receiver["url"], environment)
            except UsageError as error:
                raise document.error(str(error), ("events", name, "url")) from None
