"""`vidface meshes stabilize IN...`: meshes from files laid on one skull."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.errors import OutputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidface.vision.meshfiles import MeshSet


@click.group()
def meshes() -> None:
    """Work on meshes from files (.obj, .npz)."""


@meshes.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="Folder for what is written.")
@click.option(
    "--method",
    type=click.Choice(["net", "stable", "all"]),
    default=None,
    help="net: network; stable: points of the skull; all: every point (for meshes of other than 478 points).",
)
@click.option(
    "--format", "kind", type=click.Choice(["npz", "obj"]), default="npz", help="How meshes are written."
)
@click.option(
    "--track", type=click.IntRange(min=0), metavar="N", help="Of files with several tracks, this one."
)
@click.option("--scaled", is_flag=True, help="Find a scale too, as meshes from pictures need.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def stabilize(
    sources: tuple[str, ...],
    out: str,
    method: str | None,
    kind: str,
    track: int | None,
    scaled: bool,
    overwrite: bool,
) -> None:
    """Take the head's motion off the meshes IN... of one person, in any order.

    Every mesh is moved so that its skull lies where the first one's does. Writes transforms.npz (names,
    track and frame, -1 where a file does not say, and n x 4 x 4 matrices) and the meshes, as meshes.npz or
    one .obj each. Of a file with several people (the output `mesh` of a run), --track says who.
    """
    from vidface.data.mesh import POINTS
    from vidface.vision.meshfiles import read_set
    from vidface.vision.meshstab import moved

    given = read_set([Path(source) for source in sources], track=track)
    count = given.points.shape[1]
    if count != POINTS and method not in (None, "all"):
        raise UsageError(
            f"--method {method} needs {POINTS} points in MediaPipe's order, but these have {count}: "
            "use --method all"
        )
    chosen = method or ("net" if count == POINTS else "all")
    matrices = _motions(given.points, chosen, scaled=scaled)
    folder = Path(out)
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; give another one, or --overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    placed = replace(given, points=moved(given.points, matrices))
    _write(folder, placed, matrices, kind)
    meshes = len(placed.names)
    click.echo(f"{meshes} meshes of {count} points laid on one skull by {chosen}; written to {folder}")


def _write(folder: Path, placed: MeshSet, matrices: NDArray[np.float64], kind: str) -> None:
    """The files of `stabilize`."""
    import numpy as np

    from vidface.sinks._files import write_private
    from vidface.vision.meshfiles import obj_text

    rows = {"names": np.array(placed.names), "track": placed.tracks, "frame": placed.frames}
    files: dict[str, dict[str, Any]] = {"transforms.npz": rows | {"matrices": matrices}}
    if kind == "npz":
        files["meshes.npz"] = rows | {"points": placed.points}
    for name, arrays in files.items():
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        write_private(folder / name, packed.getvalue())
    if kind == "obj":
        whose = zip(placed.points, placed.tracks.tolist(), placed.frames.tolist(), strict=True)
        for number, (points, track, frame) in enumerate(whose):
            name = f"{number:06d}{_told('track', track, 4)}{_told('frame', frame, 6)}.obj"
            write_private(folder / name, obj_text(points, placed.triangles).encode())


def _told(word: str, value: int, digits: int) -> str:
    """A part of a file's name; nothing where the value is not known."""
    return "" if value < 0 else f"_{word}_{value:0{digits}d}"


def _motions(rows: NDArray[np.float64], method: str, *, scaled: bool) -> NDArray[np.float64]:
    """n x 4 x 4, the first mesh being the reference of place."""
    import numpy as np

    from vidface.data import Device
    from vidface.nodes.stabilize._skull import SkullAligner
    from vidface.vision.meshstab import common

    if method == "all":
        return common(rows, None, scaled=scaled)[0]
    network = "vidface-meshstab" if method == "net" else None
    aligner = SkullAligner("vidface-meshmodel", network, Device())
    try:
        # From their common mean, not from the first one: a set has no order.
        start, reference = common(rows, aligner.model, scaled=scaled)
        motions = aligner(rows, np.broadcast_to(reference, rows.shape), scaled=scaled)
    finally:
        aligner.close()
    whole: NDArray[np.float64] = start[0] @ np.linalg.inv(motions[0]) @ motions
    return whole
