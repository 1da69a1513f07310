"""Memory of this process: what is read is what the system says, and it follows what the process takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vidface.data import memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_resident_memory_follows_what_is_taken_and_given_back() -> None:
    """64 MiB that are written to are seen, and are gone again afterwards; the peak remembers them."""
    before = memory.resident_mb()
    taken = bytearray(b"\1") * (64 * 2**20)
    held = memory.resident_mb()
    del taken
    after = memory.resident_mb()
    assert None not in (before, held, after)
    assert (held or 0) - (before or 0) > 60
    assert (held or 0) - (after or 0) > 60
    assert memory.peak_mb() >= (held or 0) - 1


def test_where_the_system_does_not_tell_there_is_no_resident_memory_but_a_peak(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without /proc the peak comes from getrusage, and the present is not known: it is never 0."""
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    assert memory.resident_mb() is None
    assert memory.peak_mb() > 5
