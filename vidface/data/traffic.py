"""Traffic: what crossed between a card and the host's memory during a run, counted by kind."""

from __future__ import annotations

from threading import Lock
from typing import Literal, get_args

Kind = Literal[
    "pictures_to_host",
    "forms_to_host",
    "thumbnails_to_host",
    "inputs_to_card",
    "results_to_host",
    "pictures_to_card",
]
"""What a copy is of: whole pictures; scaled pictures and crops, made on the card for somebody who works in
host memory; the thumbnails by which scene cuts are told; inputs of a network that lay in host memory; what
networks say; pictures for an encoder on the card."""


class Traffic:
    """Counts copies and their bytes; safe from any thread.

    Nothing was copied between decoder and networks where `pictures_to_host`, `forms_to_host` and
    `inputs_to_card` are 0.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._copies: dict[Kind, int] = dict.fromkeys(get_args(Kind), 0)
        self._bytes: dict[Kind, int] = dict.fromkeys(get_args(Kind), 0)

    def add(self, kind: Kind, size: int) -> None:
        """One copy of `size` bytes."""
        with self._lock:
            self._copies[kind] += 1
            self._bytes[kind] += size

    def copies(self, kind: Kind) -> int:
        """How many copies of a kind there were."""
        with self._lock:
            return self._copies[kind]

    def to_json(self) -> dict[str, dict[str, int]]:
        """For run.json: kind -> copies and bytes, all kinds."""
        with self._lock:
            return {kind: {"copies": n, "bytes": self._bytes[kind]} for kind, n in self._copies.items()}
