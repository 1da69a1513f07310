"""The connection to the database of a gallery, and errors of SQLite as sentences."""

from __future__ import annotations

import contextlib
import getpass
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vidface.errors import InputError, OutputError, UsageError

DATABASE: Final = "gallery.sqlite"
BUSY_S: Final = 10.0


def connect(path: Path) -> sqlite3.Connection:
    """A connection that leaves nothing of what is deleted, and waits for others."""
    with telling(path.parent):
        # Also a reader may have to roll back what a killed writer left, so never read-only.
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for pragma in ("secure_delete = ON", "foreign_keys = ON", "temp_store = MEMORY"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        return db


@contextlib.contextmanager
def telling(folder: Path) -> Iterator[None]:
    """SQLite's errors as sentences.

    Raises:
        UsageError: another process keeps the database locked.
        OutputError: it cannot be written. InputError: it is damaged.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise UsageError(f"{folder} is in use by another process; try again when it is done") from error
        raise OutputError(f"{folder / DATABASE}: {error}") from error
    except sqlite3.ProgrammingError as error:
        raise UsageError(f"the gallery {folder} is closed; open it again ({error})") from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{folder / DATABASE} is damaged ({error}); import an export instead") from error


def plain(text: str) -> str:
    """The text without what UTF-8 cannot say, such as odd bytes of a file's name."""
    return text.encode("utf-8", "backslashreplace").decode()


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def user() -> str:
    """The account that the audit log names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
