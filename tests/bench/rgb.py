"""The quick way to RGB beside the exact one, error and time: `python -m tests.bench.rgb > FILE`."""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidface.media.benchclip import bench_clip
from vidface.media.planar import plane_views
from vidface.media.recode import EXACT

Floats = NDArray[np.float64]
WAYS: Final = {"quick": int(Interpolation.BILINEAR), "exact": EXACT}
"""As `Frame.rgb` converts 8-bit 4:2:0 at full size, and as `vidface.media.recode` does."""
COLOURS: Final = {
    (matrix, full): (code, weights)
    for matrix, code, weights in (("BT.601", 5, (0.299, 0.114)), ("BT.709", 1, (0.2126, 0.0722)))
    for full in (False, True)
}
"""Matrix and full range -> H.273 code of the matrix, and its weights of red and blue."""
_SAMPLE: Final = Path(__file__).parents[2] / "samples" / "two_people.mp4"
_FRAMES: Final = 60


def errors(matrix: str, *, full: bool, way: str) -> Floats:
    """N x 3: grey levels by which RGB of N colours (flat patches, in gamut) is off float64 arithmetic."""
    code, (red, blue) = COLOURS[matrix, full]
    low, luma_range, chroma_range = (0, 255, 255) if full else (16, 219, 224)
    rgb = np.random.default_rng(0).integers(0, 256, (32, 64, 3)).astype(float)
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    shares = (rgb[..., 2] - luma) / (2 * (1 - blue)), (rgb[..., 0] - luma) / (2 * (1 - red))
    coded = [low + luma * luma_range / 255, *(128 + share * chroma_range / 255 for share in shares)]
    y, u, v = (np.clip(plane.round(), 0, 255) for plane in coded)
    frame = VideoFrame(64 * 16, 32 * 16, "yuv420p")
    frame.colorspace, frame.color_range = code, 2 if full else 1
    for view, plane, side in zip(plane_views(frame, writable=True), (y, u, v), (16, 8, 8), strict=True):
        view[...] = plane.repeat(side, 0).repeat(side, 1)
    grey, cb, cr = (y - low) * 255 / luma_range, *((c - 128) * 255 / chroma_range for c in (u, v))
    r, b = grey + 2 * (1 - red) * cr, grey + 2 * (1 - blue) * cb
    wanted = np.stack([r, (grey - red * r - blue * b) / (1 - red - blue), b], -1).clip(0, 255)
    return np.asarray(_rgb(frame, way)[8::16, 8::16] - wanted).reshape(-1, 3)


def _rgb(frame: VideoFrame, way: str) -> NDArray[np.uint8]:
    made = VideoReformatter().reformat(
        frame, format="rgb24", interpolation=WAYS[way], dst_color_range=2, threads=1
    )
    return np.asarray(made.to_ndarray(), np.uint8)


def _decoded(path: Path) -> list[VideoFrame]:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        return [frame for _, frame in zip(range(_FRAMES), container.decode(video=0), strict=False)]


def _spent(work: Callable[[], Any], repeats: int) -> float:
    """Milliseconds of processor time, median."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - begin))
    return statistics.median(taken)


def _times(size: tuple[int, int], folder: Path) -> list[float]:
    """Decoding, and conversion each way: milliseconds a frame on one thread."""
    clip = bench_clip(_SAMPLE, folder / f"{size[1]}.mp4", times=1, size=size)
    frames = _decoded(clip)
    decoding = _spent(lambda: _decoded(clip), 5) / len(frames)
    made = [
        _spent(
            lambda flags=flags: VideoReformatter().reformat(  # type: ignore[misc]
                frames[-1], format="rgb24", interpolation=flags, threads=1
            ),
            50,
        )
        for flags in WAYS.values()
    ]
    return [decoding, *made]


def main() -> None:
    """Print tables in Markdown."""
    out = sys.stdout
    out.write("# RGB of a frame: the quick way and the exact one\n\n")
    out.write(
        "`python -m tests.bench.rgb`. `Frame.rgb` takes swscale's quick way, which cuts where it should\n"
    )
    out.write(
        f"round. FFmpeg as in PyAV {av.__version__}, {platform.machine()}, one thread, other work beside.\n\n"
    )
    out.write("The exact way also smooths chroma, where the quick one gives four pixels the same.\n\n")
    out.write("Grey levels off float64 arithmetic, over 2048 flat colours in gamut:\n\n")
    out.write(
        "| matrix | range | way | mean of R, G, B | root mean square | most |\n|---|---|---|---|---|---|\n"
    )
    for matrix, full in COLOURS:
        for way in WAYS:
            off = errors(matrix, full=full, way=way)
            mean = ", ".join(f"{value:+.2f}" for value in off.mean(0))
            root, most = float(np.sqrt((off**2).mean())), float(np.abs(off).max())
            out.write(
                f"| {matrix} | {'full' if full else 'limited'} | {way} | {mean} | {root:.2f} | {most:.2f} |\n"
            )
    out.write("\nProcessor time, ms a frame (H.264 veryfast with grain, `vidface.media.benchclip`):\n\n")
    out.write("| size | decoding | quick | exact | decoding and exact beside decoding and quick |\n")
    out.write("|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        for size in ((640, 360), (1920, 1080)):
            decoding, quick, exact = _times(size, Path(folder))
            more = (decoding + exact) / (decoding + quick) - 1
            out.write(
                f"| {size[0]} x {size[1]} | {decoding:.2f} | {quick:.2f} | {exact:.2f} | {more:+.0%} |\n"
            )


if __name__ == "__main__":
    main()
