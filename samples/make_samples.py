"""Make the sample clips and their ground truth: `python samples/make_samples.py --out DIR`.

Needs the extra `samples` (scikit-image and matplotlib, whose wheels carry the two portraits). Nothing is
downloaded. The same package versions give the same frames and truth; the coded bytes follow the x264 build.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
from _clips import Clip, all_clips
from _portraits import COLLINS, HOPPER, Portrait, load_picture
from _scene import Image, render
from _write import encode, stored_pts


def shot_at(clip: Clip, time: Fraction) -> tuple[int, float]:
    """Index of the shot at a time, and the seconds since that shot began."""
    rest = float(time - clip.start_s)
    for i, shot in enumerate(clip.shots):
        if rest < shot.duration_s - 1e-9 or i == len(clip.shots) - 1:
            return i, rest
        rest -= shot.duration_s
    raise ValueError(f"{clip.name}: has no shots.")


def _frames(clip: Clip, truth: list[dict[str, Any]]) -> Iterator[Image]:
    """Draw the frames one by one and append each one's truth on the way."""
    before = 0
    for number, time in enumerate(clip.encoding.times):
        index, seconds = shot_at(clip, time)
        image, faces = render(clip.shots[index], seconds, clip.encoding.size)
        record = {"frame": number, "pts": 0, "time": f"{float(time):.6f}", "cut": index != before}
        truth.append(record | {"faces": faces})
        before = index
        yield image


def make(clip: Clip, out: Path) -> Path:
    """Write the clip and `<stem>.truth.jsonl` beside it; the truth's pts are those that the file holds.

    Raises ValueError if the file does not give back the frames' exact times.
    """
    path = out / clip.name
    truth: list[dict[str, Any]] = []
    encode(path, _frames(clip, truth), clip.encoding)
    time_base, stored = stored_pts(path)
    if [p * time_base for p in stored] != list(clip.encoding.times):
        raise ValueError(f"{path}: the container changed the frames' times; choose another time base.")
    lines = [json.dumps(record | {"pts": pts}) + "\n" for record, pts in zip(truth, stored, strict=True)]
    path.with_suffix(".truth.jsonl").write_text("".join(lines), encoding="utf-8")
    return path


def still(portrait: Portrait, out: Path) -> Path:
    """Write the face with room around it, 256 pixels high: a picture to enrol somebody from."""
    picture = load_picture(portrait)
    x1, y1, x2, y2 = portrait.box
    reach, middle = 1.1 * (y2 - y1), ((x1 + x2) / 2, (y1 + y2) / 2)
    left, top = (max(0, round(c - reach)) for c in middle)
    crop = picture[top : round(middle[1] + reach), left : round(middle[0] + reach), ::-1]
    path, size = out / f"{portrait.name}.jpg", (round(256 * crop.shape[1] / crop.shape[0]), 256)
    cv2.imwrite(
        str(path), cv2.resize(crop, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, 92]
    )
    return path


def main() -> None:
    """Parse the command line, make every clip (or those named) and say what was written."""
    parser = argparse.ArgumentParser(description="Make vidface's sample clips and their ground truth.")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, help="folder to write to (default: samples/)")
    parser.add_argument("--only", action="append", help="name of one clip to make; may be repeated")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for portrait in (COLLINS, HOPPER):
        if not args.only or portrait.name in args.only:
            print(still(portrait, args.out))
    for clip in all_clips():
        if not args.only or clip.name in args.only:
            path = make(clip, args.out)
            print(f"{path}: {len(clip.encoding.times)} frames, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
