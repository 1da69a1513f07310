"""`vidface eval identify`: a table of probes against a gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.cli._looks import FaceEmbedder, Seen, look_at, sides_of
from vidface.cli._probes import ProbeTable, read_probes
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
from vidface.errors import InputError, UsageError
from vidface.eval import fusion
from vidface.eval.identify import (
    FPIRS,
    NON_MATED,
    RANKS,
    WITHIN,
    IdentificationScore,
    Probes,
    score_at,
    score_identification,
)
from vidface.eval.intervals import Figure
from vidface.gallery import Reference
from vidface.version import __version__

Fusion = Literal["mean", "quality", "top"]
FUSIONS: Final = ("mean", "quality", "top")
_EXACT: Final = (
    "rank-k and the gallery's row, where 0 or 1, have the exact interval of Clopper and Pearson on the "
    "persons concerned; probes that name nobody count as a person each"
)


@dataclass(frozen=True, slots=True)
class IdentifyOptions:
    """What was asked for.

    Attributes:
        sides: pixels of the probes' aligned crops; none: at full size only.
        by: column that groups the probes.
        fuse: how pictures of one `set` become one probe.
        aligned: the pictures are aligned crops already.
        resamples: draws of the intervals.
    """

    sides: tuple[int, ...] = ()
    by: str | None = None
    fuse: Fusion = "mean"
    aligned: bool = False
    resamples: int = 1000


def identify_report(
    path: Path, reference: Reference, embedder: FaceEmbedder, options: IdentifyOptions
) -> dict[str, Any]:
    """All figures of a table of probes, ready for JSON.

    Raises:
        InputError: the table or a picture in it cannot be used. UsageError: an empty gallery.
    """
    if not len(reference):
        raise UsageError("nobody is enrolled in the gallery: vidface gallery enroll comes first")
    probes = read_probes(path, options.by)
    truth, strangers = _truth(path, probes, reference)
    sides = sides_of(options.sides, embedder)
    everything = np.ones(len(probes.pictures), bool)
    wanted = dict.fromkeys(sides, everything)
    seen = look_at(probes.pictures, embedder, wanted, aligned=options.aligned)
    lost = sum(all(place in seen.faults for place in places) for places in probes.sets)
    report: dict[str, Any] = {
        "vidface": __version__,
        "table": table_facts(path),
        "protocol": _protocol(probes, options, reference),
        "model": embedder.fingerprint,
        "gallery": {"persons": len(set(reference.owners.tolist())), "looks": len(reference)},
        "pictures": {
            "all": len(probes.pictures),
            "failed": seen.causes(),
            "several faces": seen.crowded,
        },
        "probes": {
            "all": len(probes.sets),
            "without a face": lost,
            "named but not enrolled": len(strangers),
            "pictures given more than once": probes.repeated,
        },
        "names not enrolled": sorted(set(strangers)),
        "failures": seen.failures(probes.pictures),
        "results": [],
    }
    for side in sides:
        scores = _scores(probes, seen, reference, side, options.fuse)
        report["results"] += _results(probes, Probes(scores, truth), reference, options, side)
    return report


def identify_text(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    gallery, pictures, probes = report["gallery"], report["pictures"], report["probes"]
    yield f"identification with {report['model']} among {gallery['persons']} people, {gallery['looks']} looks"
    yield from report["protocol"]
    yield pictures_note(pictures)
    yield from failures_note(report["failures"])
    others = probes["named but not enrolled"]
    have = (
        "has a name that is not enrolled and counts"
        if others == 1
        else ("have a name that is not enrolled and count")
    )
    faceless = probes["without a face"]
    yield f"probes: {probes['all']}, {faceless} without a face; {others} {have} as non-mated"
    if report["names not enrolled"]:
        yield f"names not enrolled: {', '.join(report['names not enrolled'])}"
    if probes["pictures given more than once"]:
        again = probes["pictures given more than once"]
        yield f"pictures given more than once: {again}; each counts as often"
    yield ""
    heads = ["group", "px", "mated", "non-mated", *(f"rank-{rank}" for rank in RANKS)]
    rows = report["results"]
    yield from table(heads, [[*_place(row), *map(_figure, row["rank"].values())] for row in rows])
    yield ""
    heads = ["group", "px", "mated", "non-mated", "FPIR", "threshold", "DIR", "FNIR"]
    yield from table(heads, [[*_place(row), *cells] for row in rows for cells in _open_set(row)])


def _truth(path: Path, probes: ProbeTable, reference: Reference) -> tuple[NDArray[np.int64], list[str]]:
    """The column of each probe's person, and names of probes that are not enrolled (or have no look)."""
    owners = set(reference.owners.tolist())
    columns = {name: place for place, name in enumerate(reference.names) if place in owners}
    names = probes.first("name")
    strangers = [name for name in names if name and name not in columns]
    if strangers and not columns.keys() & set(names):
        raise InputError(
            f"{path}: nobody that it names is enrolled, not even {strangers[0]!r}; enrolled are "
            f"{', '.join(map(repr, sorted(columns)[:3]))}{' ...' if len(columns) > 3 else ''}; a name is "
            "written as enrolled, and empty for those who are not (whose name is that of the column person)"
        )
    return np.array([columns.get(name, NON_MATED) for name in names], np.int64), strangers


def _scores(
    probes: ProbeTable, seen: Seen, reference: Reference, side: int, fuse: Fusion
) -> NDArray[np.float64]:
    vectors = np.stack([_probe(seen, side, places, fuse) for places in probes.sets])
    scores = reference.scores(vectors.astype(np.float32)).astype(np.float64)
    scores[~vectors.any(axis=1)] = -np.inf
    return scores


def _probe(seen: Seen, side: int, places: list[int], fuse: Fusion) -> NDArray[np.float64]:
    vectors, quality = seen.vectors[side][places], seen.recognisability[side][places]
    if fuse == "quality":
        return fusion.quality_softmax(vectors, quality)
    return fusion.top_k(vectors, quality) if fuse == "top" else fusion.mean(vectors)


def _results(
    table_: ProbeTable, probes: Probes, reference: Reference, options: IdentifyOptions, side: int
) -> list[dict[str, Any]]:
    groups: list[str | None] = [None]
    texts = table_.first(options.by) if options.by is not None else []
    names = [own or other for own, other in zip(table_.first("name"), table_.first("person"), strict=True)]
    out = []
    for group in [*groups, *sorted(set(texts))]:
        member = [group is None or texts[place] == group for place in range(len(probes))]
        rows = np.flatnonzero(member)
        chosen, persons = probes.pick(rows), [names[row] for row in rows]
        score = score_identification(chosen, persons=persons, resamples=options.resamples)
        own = score_at(
            chosen,
            reference.threshold,
            margin=reference.margin,
            persons=persons,
            resamples=options.resamples,
        )
        out.append({"group": group, "side": side, **_row(score, own, reference)})
    return out


def _row(score: IdentificationScore, own: Sequence[Figure], reference: Reference) -> dict[str, Any]:
    return {
        "mated": score.mated,
        "non_mated": score.non_mated,
        "rank": {str(rank): figure.row() for rank, figure in score.rank.items()},
        "open_set": [
            {
                "fpir": fpir,
                "threshold": score.threshold[fpir],
                "dir": score.dir[fpir].row(),
                "fnir": score.fnir[fpir].row(),
            }
            for fpir in FPIRS
        ],
        "at_the_gallerys_threshold": {
            "threshold": reference.threshold,
            "margin": reference.margin,
            **{name: figure.row() for name, figure in zip(("fpir", "dir", "fnir"), own, strict=True)},
        },
    }


def _open_set(row: dict[str, Any]) -> Iterator[list[str]]:
    for rates in row["open_set"]:
        bar = number(rates["threshold"])
        yield [f"{rates['fpir']:g}", bar, _figure(rates["dir"]), _figure(rates["fnir"])]
    own = row["at_the_gallerys_threshold"]
    bar = f"gallery's {number(own['threshold'])}, lead {number(own['margin'])}"
    yield [_figure(own["fpir"]), bar, _figure(own["dir"]), _figure(own["fnir"])]


def _place(row: dict[str, Any]) -> list[str]:
    return [group_label(row["group"]), str(row["side"]), str(row["mated"]), str(row["non_mated"])]


def _figure(row: dict[str, float]) -> str:
    return figure_cell(Figure(**row))


def _protocol(probes: ProbeTable, options: IdentifyOptions, reference: Reference) -> list[str]:
    crop = (
        "pictures taken as aligned crops"
        if options.aligned
        else "largest face of each picture, aligned by its landmarks"
    )
    ways = {"mean": "mean", "quality": "recognisability-weighted softmax", "top": "five most recognisable"}
    how = f"; pictures of one set fused ({ways[options.fuse]})" if probes.fused else ""
    return [
        f"{crop}{how}; the probes' crops shrunk to px (area) and grown back (bicubic); a person's score is "
        "the highest cosine of the looks",
        "threshold at an FPIR: from the maxima of the non-mated probes, a score must be above it; DIR: mate "
        f"first; FNIR: mate not among the first {WITHIN}; '-' is not measurable (fewer than 1/FPIR non-mated "
        "probes)",
        f"the gallery's row: its own threshold {number(reference.threshold)} and margin "
        f"{number(reference.margin)}, by which the best must lead the second, as in gallery search; FNIR "
        "there is without the margin",
        "a probe without a face is never found and raises no alarm",
        *_trivial(len(set(reference.owners.tolist()))),
        intervals_note(options.resamples, "persons"),
        *([_EXACT] if options.resamples else []),
    ]


def _trivial(persons: int) -> Iterator[str]:
    """That a list as long as the gallery holds everybody."""
    ranks = [f"rank-{rank}" for rank in RANKS if rank >= persons]
    if ranks:
        what = f"{' and '.join(ranks)} say nothing" if len(ranks) > 1 else f"{ranks[0]} says nothing"
        yield f"{what} among {persons} people: every mated probe with a face is found at that rank"
