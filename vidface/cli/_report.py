"""Figures as text: tables, cells and notes that the recognition reports share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from vidface.eval.intervals import Figure

_SHOWN: Final = 10


def number(value: float, decimals: int = 3) -> str:
    """A number, or "-" where there is none."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else "-"


def figure_cell(figure: Figure, decimals: int = 3) -> str:
    """`0.994 [0.991, 0.997]`; "-" where not measurable; no brackets without an interval."""
    if not figure.measurable:
        return "-"
    text = number(figure.value, decimals)
    if not math.isfinite(figure.low):
        return text
    return f"{text} [{number(figure.low, decimals)}, {number(figure.high, decimals)}]"


def intervals_note(resamples: int, what: str) -> str:
    """What the brackets mean."""
    if resamples < 1:
        return "no intervals were asked for"
    return (
        f"[low, high]: 95 % bootstrap interval, {resamples} draws of {what}; without brackets the draws tell "
        "none: nearly all gave the same value, or too few could be measured"
    )


def pictures_note(pictures: dict[str, Any]) -> str:
    """How many pictures there were, and what became of those without a look."""
    causes = ", ".join(f"{count} {cause}" for cause, count in pictures["failed"].items()) or "none"
    return (
        f"pictures: {pictures['all']}; failures to enrol: {causes}; with several faces: "
        f"{pictures['several faces']}"
    )


def failures_note(failures: Mapping[str, str]) -> Iterator[str]:
    """Which pictures have no look: the first of them."""
    for path, fault in list(failures.items())[:_SHOWN]:
        yield f"- {path}: {fault}"
    if len(failures) > _SHOWN:
        yield f"- and {len(failures) - _SHOWN} more, which --json names"


def known_note(
    results: Sequence[Mapping[str, Mapping[str, float]]], titles: Mapping[str, str], what: str
) -> Iterator[str]:
    """Figures whose mean is over fewer than all, since they are not known of the others.

    Args:
        results: of each clip or pair, method -> figures by name. titles: name -> head of its column.
        what: "clips" or "pairs".
    """
    for name, title in titles.items():
        counts: dict[str, int] = {}
        for row in results:
            for method, figures in row.items():
                if name in figures:
                    counts[method] = counts.get(method, 0) + math.isfinite(figures[name])
        if all(count == len(results) for count in counts.values()):
            continue
        if len(set(counts.values())) == 1:
            counts = {"": next(iter(counts.values()))}
        said = (f"{count}{f' ({method})' if method else ''}" for method, count in counts.items())
        yield f"{title}: known in {', '.join(said)} of {len(results)} {what}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of right-aligned columns under their heads."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for line in (heads, *rows):
        yield "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def plain(value: Any) -> Any:
    """The same, ready for JSON: NaN and infinite numbers become null."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def group_label(group: str | None) -> str:
    """A group as it stands in a table; everybody together is None, those without a label are ""."""
    return "all" if group is None else group or "(empty)"
