"""What `vidface eval` writes beside what it prints: a report by the ending of its name, and folders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vidface.errors import OutputError, OutputExistsError, UsageError


def check_out(out: Path, endings: Sequence[str], *, overwrite: bool) -> None:
    """Long work is not to end at a file that cannot be written.

    Args:
        out: the file of --out.
        endings: those that are known, in lower case with their dots.

    Raises:
        UsageError: another ending, or no folder to write in.
        OutputExistsError: the file is there, and may not be replaced.
    """
    if out.suffix.lower() not in endings:
        raise UsageError(f"--out wants a file that ends in {' or '.join(endings)}, but got {out}")
    if not out.parent.is_dir():
        raise UsageError(f"--out wants a file in a folder that is there, but there is no {out.parent}")
    if out.is_dir() or not os.access(out.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--out wants a file that this user may write, but {out} is none")
    if out.exists() and not overwrite:
        raise OutputExistsError(f"{out} is there already; choose another file, or --overwrite")


def check_once(clips: Sequence[str]) -> None:
    """Means are over clips that are given once each.

    Raises:
        UsageError: one is given twice, by whatever path.
    """
    first: dict[Path, str] = {}
    for clip in clips:
        path = Path(clip).resolve()
        if path in first:
            before = first[path]
            also = "" if clip == before else f" (also as {before})"
            raise UsageError(f"{clip} is given twice{also}; each clip counts once")
        first[path] = clip


def short_names(paths: Sequence[str | Path], *, least: int = 1, endings: bool = False) -> list[str]:
    """A name for each file or folder: the end of its path, as long as it takes to tell it from the others.

    They serve in tables and as names of files: folders are joined by `-`. What is given twice has one name.

    Args:
        least: parts of the path at least. endings: keep those of files, as in `clip.mp4`; a file has its own
            in any case where another differs in nothing else.
    """
    whole = [Path(path).resolve() for path in paths]
    bare = [path.with_suffix("") for path in whole]
    alike = Counter(one for one, _ in set(zip(bare, whole, strict=True)))
    kept = [path if endings or alike[one] > 1 else one for path, one in zip(whole, bare, strict=True)]
    ends = {path: _ends(path, least) for path in kept}
    taken = Counter(end for mine in ends.values() for end in set(mine))
    return [next((end for end in ends[path] if taken[end] == 1), ends[path][-1]) for path in kept]


def _ends(path: Path, least: int) -> list[str]:
    """The last parts of a path joined by `-`, the shortest first."""
    parts = path.parts[1:] or path.parts
    return ["-".join(parts[-count:]) for count in range(min(least, len(parts)), len(parts) + 1)]


def make_folder(option: str, folder: Path) -> None:
    """Make the folder of an option, if it is not there.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{option} wants a folder, but {folder} cannot be made ({error.strerror})"
        ) from error


def write_out(out: Path, text: str) -> None:
    """Write the file of --out.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror})") from error
