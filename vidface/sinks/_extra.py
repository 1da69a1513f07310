"""What may stand beside a face's own columns: pose, measures, quality, mesh, who it is, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.data.identity import Identities
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import BLENDSHAPES, Meshes
from vidface.data.plain import plain, significant
from vidface.data.pose import POSE_COLUMNS, Poses
from vidface.data.rows import check_rows
from vidface.data.verdict import Verdicts
from vidface.errors import UsageError

_Rounding = Callable[[float], float | None]
_TEXT_COLUMNS: Final = ("identity_state", "identity_name", "verdict_opinion")
_IDENTITY_COLUMNS: Final = ("identity_state", "identity_name", "identity_score", "identity_margin")
_VERDICT_COLUMNS: Final = ("verdict_opinion", "verdict_probability")
_SHAPE_COLUMNS: Final = tuple(f"bs_{name}" for name in BLENDSHAPES)


@dataclass(frozen=True, slots=True, eq=False)
class Extra:
    """The wired values of one frame; None where a port is not wired.

    Raises:
        UsageError: a value has not a row for every face; names the port.
    """

    faces: Faces
    pose: Poses | None = None
    measures: Measures | None = None
    mesh: Meshes | None = None
    quality: Measures | None = None
    identity: Identities | None = None
    verdict: Verdicts | None = None

    def __post_init__(self) -> None:
        check_rows(self.faces, pose=self.pose, measures=self.measures, mesh=self.mesh, quality=self.quality)
        check_rows(self.faces, identity=self.identity, verdict=self.verdict)

    def columns(self) -> tuple[str, ...]:
        """Names of the flat columns that these values fill."""
        names: list[str] = []
        if self.pose is not None:
            names += [f"pose_{name}" for name in POSE_COLUMNS]
        if self.measures is not None:
            names += _names(self.measures)
        if self.quality is not None:
            names += _names(self.quality)
        if self.mesh is not None:
            names += ["presence", *_SHAPE_COLUMNS]
        if self.identity is not None:
            names += _IDENTITY_COLUMNS
        if self.verdict is not None:
            names += _VERDICT_COLUMNS
        return tuple(names)

    def flat(self, columns: Mapping[str, str] | tuple[str, ...]) -> Iterator[list[float | str | None]]:
        """One list a face in the order of `columns`; None where not known.

        Raises:
            UsageError: these values do not fill exactly these columns.
        """
        if self.columns() != tuple(columns):
            other = sorted(set(self.columns()) ^ set(columns))
            raise UsageError(
                "the columns of a table are those of its first frame, but "
                f"{', '.join(other) or 'their order'} changed; measures must be the same for every frame."
            )
        tables = [(self._padded(values).tolist(), rounded) for values, rounded in self._tables()]
        for row, (who, opinion) in enumerate(zip(self._who(), self._opinions(), strict=True)):
            numbers = [rounded(value) for table, rounded in tables for value in table[row]]
            yield [*numbers, *who, *opinion]

    def nested(self, *, blendshapes: bool = True) -> Iterator[dict[str, Any]]:
        """One dict a face, ready for JSON: pose, measures, quality, presence, blendshapes ... as wired."""
        rows: list[dict[str, Any]] = [{} for _ in range(len(self.faces))]
        if self.pose is not None:
            _add(rows, "pose", POSE_COLUMNS, self._padded(_stack(self.pose.columns())))
        if self.measures is not None:
            _add(rows, "measures", _names(self.measures), self._padded(self.measures.values), significant)
        if self.quality is not None:
            _add(rows, "quality", _names(self.quality), self._padded(self.quality.values))
        if self.mesh is not None:
            for row, value in zip(
                rows, self._padded(self.mesh.presence[:, None])[:, 0].tolist(), strict=True
            ):
                row["presence"] = plain(value)
            if blendshapes:
                _add(rows, "blendshapes", BLENDSHAPES, self._padded(self.mesh.blendshapes))
        for row, one in zip(rows, self.identity.rows if self.identity else (), strict=False):
            row["identity"] = one.row()
        for row, opinion in zip(rows, self.verdict.rows if self.verdict else (), strict=False):
            row["verdict"] = opinion.row()
        yield from rows

    def _who(self) -> list[list[float | str | None]]:
        """The identity's columns of each face; empty lists where not wired."""
        if self.identity is None:
            return [[] for _ in range(len(self.faces))]
        rows = self.identity.rows or (None,) * len(self.faces)
        return [
            [None] * len(_IDENTITY_COLUMNS)
            if one is None
            else [one.state, one.name, plain(one.score), plain(one.margin)]
            for one in rows
        ]

    def _opinions(self) -> list[list[float | str | None]]:
        """The verdict's columns of each face; empty lists where not wired."""
        if self.verdict is None:
            return [[] for _ in range(len(self.faces))]
        rows = self.verdict.rows or (None,) * len(self.faces)
        return [[None, None] if one is None else [one.opinion, plain(one.probability)] for one in rows]

    def _tables(self) -> Iterator[tuple[NDArray[np.float32], _Rounding]]:
        """Values, a line a face where known, and how each is rounded."""
        if self.pose is not None:
            yield _stack(self.pose.columns()), plain
        if self.measures is not None:
            yield self.measures.values, significant
        if self.quality is not None:
            yield self.quality.values, plain
        if self.mesh is not None:
            yield self.mesh.presence[:, None], plain
            yield self.mesh.blendshapes, plain

    def _padded(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """A value without rows says nothing of any face."""
        if len(table) == len(self.faces):
            return table
        return np.full((len(self.faces), table.shape[1]), np.nan, np.float32)


class Kinds:
    """Columns of the wired measures, also on frames whose measures do not name them.

    A node that was left out on a frame, or found nobody, may give neither rows nor columns.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Measure, ...]] = {}

    def learn(self, extra: Extra) -> bool:
        """Remember the columns of a frame; returns whether those of all wired measures are known by now."""
        for port, value in _measured(extra):
            if value.kinds or len(value):
                self._kinds.setdefault(port, value.kinds)
        return all(port in self._kinds for port, _ in _measured(extra))

    def told(self, extra: Extra) -> Extra:
        """The same with the columns of measures that name none."""
        measures, quality = self._named("measures", extra.measures), self._named("quality", extra.quality)
        return replace(extra, measures=measures, quality=quality)

    def _named(self, port: str, value: Measures | None) -> Measures | None:
        silent = value is not None and not value.kinds and not len(value)
        return Measures.none(self._kinds.get(port, ())) if silent else value


def _measured(extra: Extra) -> list[tuple[str, Measures]]:
    ports = (("measures", extra.measures), ("quality", extra.quality))
    return [(port, value) for port, value in ports if value is not None]


def _names(measures: Measures) -> tuple[str, ...]:
    return tuple(kind.name for kind in measures.kinds)


def _stack(columns: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(list(columns.values()), axis=1)


def _add(
    rows: list[dict[str, Any]],
    key: str,
    names: tuple[str, ...],
    table: NDArray[np.float32],
    rounded: _Rounding = plain,
) -> None:
    """Put each line of a table under `key`: a dict by name, null where nothing of it is known."""
    for row, values in zip(rows, table.tolist(), strict=True):
        cells = dict(zip(names, map(rounded, values), strict=True))
        row[key] = cells if any(value is not None for value in cells.values()) else None


def type_of(column: str) -> str:
    """Arrow's name of the type of a further column."""
    return "string" if column in _TEXT_COLUMNS else "float32"
