"""`vidface eval verify`: a table of pairs becomes scores, and scores become a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli._looks import FaceEmbedder, Seen, look_at, sides_of
from vidface.cli._pairs import PairTable, read_pairs
from vidface.cli._report import (
    failures_note,
    figure_cell,
    group_label,
    intervals_note,
    number,
    pictures_note,
    table,
)
from vidface.cli._tables import table_facts
from vidface.errors import UsageError
from vidface.eval.discard import DiscardCurve, error_versus_discard
from vidface.eval.intervals import Figure
from vidface.eval.verify import FARS, Pairs, VerificationScore, folds_of, score_verification
from vidface.version import __version__

_ODD: Final = {
    "of one picture with itself": "they count, and are always alike",
    "given more than once": "each counts as often, and intervals without persons are too narrow",
}
_DISCARD_FARS: Final = (1e-2, 1e-3)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What was asked for.

    Attributes:
        sides: pixels of the second picture's aligned crop; none: at full size only.
        by: column that groups the pairs.
        discard: also error versus discard.
        aligned: the pictures are aligned crops already.
        resamples: draws of the intervals.
    """

    sides: tuple[int, ...] = ()
    by: str | None = None
    discard: bool = False
    aligned: bool = False
    resamples: int = 1000


def verify_report(path: Path, embedder: FaceEmbedder, options: VerifyOptions) -> dict[str, Any]:
    """All figures of a table of pairs, ready for JSON.

    Raises:
        InputError: the table or a picture in it cannot be used. UsageError: --discard without a quality.
    """
    pairs = read_pairs(path, options.by)
    sides = sides_of(options.sides, embedder)
    wanted = {embedder.size: _mask(len(pairs.pictures), pairs.first)}
    for side in sides:
        rows = _mask(len(pairs.pictures), pairs.second)
        wanted[side] = wanted.get(side, False) | rows
    seen = look_at(pairs.pictures, embedder, wanted, aligned=options.aligned)
    failed = _failed(pairs, seen)
    report: dict[str, Any] = {
        "vidface": __version__,
        "table": table_facts(path),
        "protocol": _protocol(pairs, options),
        "model": embedder.fingerprint,
        "pictures": {"all": len(pairs.pictures), "failed": seen.causes(), "several faces": seen.crowded},
        "pairs": {
            "genuine": int(pairs.same.sum()),
            "impostor": int((~pairs.same).sum()),
            "genuine without a face": int((pairs.same & failed).sum()),
            "impostor without a face": int((~pairs.same & failed).sum()),
            "of one picture with itself": int((pairs.first == pairs.second).sum()),
            "given more than once": pairs.repeated,
        },
        "failures": seen.failures(pairs.pictures),
        "results": [],
        "discard": [],
    }
    for side in sides:
        scores = _scores(pairs, seen, embedder.size, side)
        report["results"] += _results(pairs, scores, options, side)
        if options.discard:
            quality = _quality(pairs, seen, embedder, side)
            report["discard"] += _discards(Pairs(scores, pairs.same), quality, side)
    return report


def verify_text(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    pictures, pairs = report["pictures"], report["pairs"]
    yield f"verification with {report['model']}"
    yield from report["protocol"]
    yield pictures_note(pictures)
    yield from failures_note(report["failures"])
    yield (
        f"pairs: {pairs['genuine']} genuine ({pairs['genuine without a face']} with a failure), "
        f"{pairs['impostor']} impostor ({pairs['impostor without a face']})"
    )
    for what, note in _ODD.items():
        if pairs[what]:
            yield f"pairs {what}: {pairs[what]}; {note}"
    yield ""
    heads = ["group", "px", "failures", "pairs", "accuracy", "EER", *(f"TAR at FAR {far:g}" for far in FARS)]
    yield from table(heads, [_cells(row) for row in report["results"]])
    for curve in report["discard"]:
        yield ""
        yield (
            f"error versus discard, {curve['side']} px, FNMR at FMR {curve['far']:g}; area up to "
            f"{number(curve['reach'])}: {number(curve['area'], 4)}"
        )
        steps = zip(curve["discarded"], curve["fnmr"], strict=True)
        yield from table(["discarded", "FNMR"], [[number(d), number(e, 4)] for d, e in steps])


def _mask(count: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(count, bool)
    mask[places] = True
    return mask


def _failed(pairs: PairTable, seen: Seen) -> NDArray[np.bool_]:
    bad = _mask(len(pairs.pictures), np.array(list(seen.faults), np.int64))
    failed: NDArray[np.bool_] = bad[pairs.first] | bad[pairs.second]
    return failed


def _scores(pairs: PairTable, seen: Seen, full: int, side: int) -> NDArray[np.float64]:
    first, second = seen.vectors[full][pairs.first], seen.vectors[side][pairs.second]
    cosines = np.einsum("nd,nd->n", first.astype(np.float64), second.astype(np.float64))
    return np.where(_failed(pairs, seen), -np.inf, cosines)


def _results(
    pairs: PairTable, scores: NDArray[np.float64], options: VerifyOptions, side: int
) -> list[dict[str, Any]]:
    groups: list[str | None] = [None]
    if options.by is not None:
        groups += sorted({row[options.by] for row in pairs.rows})
    out = []
    for group in groups:
        member = np.array([group is None or row[options.by or ""] == group for row in pairs.rows], bool)
        good = member & np.isfinite(scores)
        folds = _folds(pairs, member)
        kinds = {"left out": good} if good.sum() == member.sum() else {"left out": good, "rejected": member}
        for failures, rows in kinds.items():
            chosen = Pairs(scores[rows], pairs.same[rows])
            persons = None if pairs.persons is None else np.array(pairs.persons, object)[rows]
            score = score_verification(
                chosen, persons=persons, folds=folds[rows], resamples=options.resamples
            )
            out.append({"group": group, "side": side, "failures": failures, **_row(score)})
    return out


def _folds(pairs: PairTable, member: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A fold for each row: the table's own, or those of the members, cut before failures are left out."""
    if pairs.folds is not None:
        return pairs.folds
    folds = np.zeros(len(member), np.int64)
    folds[member] = folds_of(pairs.same[member])
    return folds


def _row(score: VerificationScore) -> dict[str, Any]:
    return {
        "genuine": score.genuine,
        "impostor": score.impostor,
        "folds": score.folds,
        "accuracy": score.accuracy.row(),
        "eer": score.eer.row(),
        "tar": {f"{far:g}": figure.row() for far, figure in score.tar.items()},
    }


def _cells(row: dict[str, Any]) -> list[str]:
    figures = [row["accuracy"], row["eer"], *row["tar"].values()]
    return [
        group_label(row["group"]),
        str(row["side"]),
        row["failures"],
        str(row["genuine"] + row["impostor"]),
        *(figure_cell(Figure(**figure)) for figure in figures),
    ]


def _quality(pairs: PairTable, seen: Seen, embedder: FaceEmbedder, side: int) -> NDArray[np.float64]:
    table_ = [
        seen.recognisability[embedder.size][pairs.first],
        seen.recognisability[side][pairs.second],
    ]
    quality = np.stack(table_, axis=1).astype(np.float64)
    known = quality[np.isfinite(quality)]
    if not len(known) or known.min() == known.max():
        given = "the same recognisability for all pictures" if len(known) else "no recognisability"
        raise UsageError(
            f"--discard needs a quality, but {embedder.fingerprint} gives {given}; leave it out, or choose "
            "another --model"
        )
    return quality


def _discards(pairs: Pairs, quality: NDArray[np.float64], side: int) -> list[dict[str, Any]]:
    good = np.isfinite(pairs.scores)
    if not good.any():
        return []
    curves = [error_versus_discard(pairs.pick(good), quality[good], far=far) for far in _DISCARD_FARS]
    return [_curve_row(curve, side) for curve in curves]


def _curve_row(curve: DiscardCurve, side: int) -> dict[str, Any]:
    return {
        "side": side,
        "far": curve.far,
        "discarded": curve.discarded.tolist(),
        "fnmr": curve.fnmr.tolist(),
        "area": curve.area,
        "reach": curve.reach,
    }


def _protocol(pairs: PairTable, options: VerifyOptions) -> list[str]:
    crop = (
        "pictures taken as aligned crops"
        if options.aligned
        else "largest face of each picture, aligned by its landmarks"
    )
    own = "ten folds in the table's order, or as many as the rarer kind has pairs"
    folds = own if pairs.folds is None else "the table's folds"
    lines: Sequence[str] = (
        f"{crop}; cosine; the second crop shrunk to px (area) and grown back (bicubic)",
        f"accuracy: {folds}, each at the threshold of the others; TAR by linear interpolation; '-' is not "
        "measurable (fewer than 1/FAR impostor pairs)",
        "failures to enrol: left out, or rejected at every threshold",
        intervals_note(options.resamples, "persons" if pairs.persons is not None else "pairs"),
    )
    if options.discard:
        lines = (*lines, "discard: by recognisability, the lower of the pair's; pairs without failures")
    return list(lines)
