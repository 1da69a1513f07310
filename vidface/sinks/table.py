"""table: the same rows flat, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import numpy as np
from pydantic import Field

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identities
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.data.times import time_text
from vidface.data.verdict import Verdicts
from vidface.errors import UsageError
from vidface.node import Sink, Target
from vidface.sinks._clock import CLOCK_COLUMNS, clock_facts
from vidface.sinks._extra import Extra, Kinds, type_of
from vidface.sinks._files import LineFile, open_private, writing

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "frame": "int64",
        "pts": "int64",
        "time_base": "string",
        "time_s": "float64",
        "epoch": "int32",
        "track": "int64",
        "x1": "float32",
        "y1": "float32",
        "x2": "float32",
        "y2": "float32",
        "score": "float32",
        **{f"lm_{i}_{axis}": "float32" for i in range(5) for axis in "xy"},
        "interpolated": "bool",
    }
)
"""Column -> type (Arrow's name). lm_0 .. lm_4: left eye, right eye, nose tip, left and right mouth corner."""

ROWS_PER_GROUP = 8192

_Lines = tuple[list[dict[str, Any]], Extra, dict[str, Any]]
"""The rows of a frame, what stands beside them, and what all of them say of the clock."""


class Table(Sink):
    """Write `NAME.csv` or `NAME.parquet`: one row a face, so a frame without faces has none.

    time_s is seconds; pts (in units of time_base) is exact. track is empty before tracking,
    landmarks are empty where not known. CSV holds whole lines at any moment; a Parquet file becomes
    readable when it is closed, also after an error, but not if the process is killed.

    Where they are wired in, columns follow for the pose (pose_yaw, pose_pitch, pose_roll in degrees,
    pose_x, pose_y, pose_scale, pose_residual), the measures and the quality under their own names, the
    mesh (presence, bs_NAME for each of the 52 blendshapes), the identity (identity_state,
    identity_name, identity_score, identity_margin), and the verdict so far (verdict_opinion,
    verdict_probability). Which there are is settled by the first frame, of measures by the first that name
    theirs: rows before it wait, no more than ROWS_PER_GROUP. Of live inputs utc, clock and
    arrived come last, as `jsonl` has them.

    An output called NAME_csv or NAME_parquet writes `NAME.csv` or `NAME.parquet`.
    """

    format: Literal["csv", "parquet"] = Field("csv", description="parquet needs the extra vidface[tables].")

    _out: _Rows | None = None
    _extra: tuple[str, ...] | None = None
    _measured: Kinds
    _waiting: list[_Lines]
    _live: bool = False

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name.removesuffix(f'_{self.format}')}.{self.format}",)

    def start(self, target: Target) -> None:
        path = target.folder / self.files(target.name)[0]
        self._extra, self._measured, self._waiting = None, Kinds(), []
        self._live = target.info.live
        self._out = CsvRows(path) if self.format == "csv" else ParquetRows(path)

    def process(
        self,
        frame: Frame,
        faces: Faces,
        pose: Poses | None = None,
        measures: Measures | None = None,
        mesh: Meshes | None = None,
        quality: Measures | None = None,
        identity: Identities | None = None,
        verdict: Verdicts | None = None,
    ) -> None:
        """Write a frame's rows.

        Raises:
            UsageError: a wired value has not a row for every face, or its columns changed on the way.
            OutputError: a row cannot be written.
        """
        if self._out is None:
            return
        extra = Extra(faces, pose, measures, mesh, quality, identity, verdict)
        known = self._measured.learn(extra)
        clock = clock_facts(frame) if self._live else {}
        self._waiting.append((list(rows(frame, faces)), extra, clock))
        waiting = sum(len(lines) for lines, *_ in self._waiting)
        if known or self._extra is not None or waiting >= ROWS_PER_GROUP:
            self._write()
        elif len(self._waiting) > 1 and not self._waiting[-2][0]:
            del self._waiting[-2]  # no rows: only the last frame is kept, for its columns

    def _write(self) -> None:
        """Write the rows that wait; the first of them settle the columns."""
        waiting, self._waiting = self._waiting, []
        for lines, extra, clock in waiting:
            told = self._measured.told(extra)
            if self._out is None:
                return
            if self._extra is None:
                self._extra = told.columns()
                clocks = CLOCK_COLUMNS if self._live else {}
                self._out.begin({**columns_with(self._extra), **clocks})
            for row, more in zip(lines, told.flat(self._extra), strict=True):
                self._out.write(row | dict(zip(self._extra, more, strict=True)) | clock)

    def finish(self) -> dict[str, Any]:
        if self._out is None:
            return {}
        self._write()
        self._out.close()
        return {"files": [self._out.path.name], "rows": self._out.count}

    def close(self) -> None:
        if self._out is None:
            return
        try:
            self._write()
        finally:
            self._out.close()
            self._out = None


def columns_with(extra: tuple[str, ...]) -> dict[str, str]:
    """All columns with their types, further ones behind those of `COLUMNS`.

    Raises:
        UsageError: two columns have the same name.
    """
    names = [*COLUMNS, *extra]
    double = next((name for name in extra if names.count(name) > 1), None)
    if double is not None:
        raise UsageError(f"a table cannot have two columns {double!r}; give the measure another name.")
    return {**COLUMNS, **{name: type_of(name) for name in extra}}


def rows(frame: Frame, faces: Faces) -> Iterator[dict[str, Any]]:
    """One dict a face with the keys of `COLUMNS`; None where not known. Boxes and points have 2 decimals."""
    time = time_text(frame.time)
    for i in range(len(faces)):
        points = faces.landmarks[i].ravel()
        known = bool(np.isfinite(points).all())
        marks = [round(v, 2) if known else None for v in points.tolist()]
        track = int(faces.tracks[i])
        yield dict(
            zip(
                COLUMNS,
                (
                    frame.index,
                    frame.pts,
                    str(frame.time_base),
                    time,
                    frame.epoch,
                    None if track == NOT_TRACKED else track,
                    *(round(v, 2) for v in faces.boxes[i].tolist()),
                    round(float(faces.scores[i]), 4),
                    *marks,
                    bool(faces.interpolated[i]),
                ),
                strict=True,
            )
        )


class _Rows(Protocol):
    path: Path
    count: int

    def begin(self, columns: Mapping[str, str]) -> None: ...
    def write(self, row: dict[str, Any]) -> None: ...
    def close(self) -> None: ...


class CsvRows:
    """Rows as CSV (RFC 4180, header first, "." as decimal point, true/false)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._begun = False
        self._file = LineFile(path)

    def begin(self, columns: Mapping[str, str]) -> None:
        """Write the header."""
        self._begun = True
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(columns)
        self._file.write(text.getvalue())

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        text = io.StringIO()
        values = [str(v).lower() if isinstance(v, bool) else v for v in row.values()]
        csv.writer(text, lineterminator="").writerow(values)
        self._file.write(text.getvalue())
        self.count += 1

    def close(self) -> None:
        """Close the file; safe to call twice. A table without a frame gets its header now."""
        try:
            if not self._begun:
                self.begin(COLUMNS)
        finally:
            self._file.close()


class ParquetRows:
    """Rows as Parquet, written in groups so that memory stays the same however long the clip.

    Raises:
        UsageError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise UsageError(
                "writing Parquet needs pyarrow, which is not installed: pip install 'vidface[tables]', "
                "or write format: csv"
            ) from None
        self.path = path
        self.count = 0
        self._waiting: list[dict[str, Any]] = []
        self._arrow, self._parquet = pa, pq
        self._schema: Any = None
        self._writer: Any = None
        with writing(path):
            self._file = os.fdopen(open_private(path), "wb")

    def begin(self, columns: Mapping[str, str]) -> None:
        """Settle the schema."""
        fields = [(name, self._arrow.type_for_alias(kind)) for name, kind in columns.items()]
        self._schema = self._arrow.schema(fields)
        with writing(self.path):
            self._writer = self._parquet.ParquetWriter(self._file, self._schema)

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._waiting.append({**row, "time_s": float(row["time_s"])})
        self.count += 1
        if len(self._waiting) >= ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what waits and the footer; safe to call twice."""
        if self._file.closed:
            return
        if self._writer is None:
            self.begin(COLUMNS)
        writer = self._writer
        try:
            self._flush()
        finally:
            self._writer = None
            with writing(self.path), self._file:
                writer.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            with writing(self.path):
                batch = self._arrow.RecordBatch.from_pylist(waiting, schema=self._schema)
                self._writer.write_batch(batch)
