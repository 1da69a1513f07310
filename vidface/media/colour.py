"""Colour: which matrix and range a picture is coded in, by its tags or else by its size.

Codes are those of ITU-T H.273, which FFmpeg uses as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from vidface.data.planes import Matrix
from vidface.errors import UsageError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

UNSPECIFIED = 2
LIMITED, FULL = 1, 2  # AVColorRange; 0 says "not stated"

# H.273 matrix codes; FCC and SMPTE 240M are near enough to share an entry.
_MATRIX_OF_CODE: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",
    9: "bt2020",
    10: "bt2020",
}
_NOT_STATED = (0, 2, 3)  # RGB's own, which YUV cannot have; unspecified; reserved
_NOT_READ = {8: "YCgCo", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"}
_CODE_OF_MATRIX: dict[str, int] = {"bt601": 6, "bt709": 1, "bt2020": 9}
# The same in the numbering that swscale shares only in part.
_SCALER_CODE: dict[str, int] = {"bt601": 5, "bt709": 1, "bt2020": 9}


@dataclass(frozen=True, slots=True)
class Colour:
    """How the numbers of a picture stand for colours.

    Attributes:
        matrix: "bt601", "bt709" or "bt2020".
        full_range: 0..255 rather than 16..235.
        primaries, transfer: H.273 codes as tagged, 2 where not stated.
        tag: H.273 code of the matrix to write; finer than `matrix` (5 and 6 are both BT.601).
        source: "tags", "size" (not tagged: decided by size, as players do) or "user" (overridden),
            "rgb" (made from RGB here), "unread" (tagged with a matrix that is not known here: read by size
            all the same, and the tag kept).
    """

    matrix: Matrix = "bt709"
    full_range: bool = False
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    tag: int = UNSPECIFIED
    source: str = "size"

    @property
    def matrix_code(self) -> int:
        """H.273 code of the matrix, for tags."""
        return _CODE_OF_MATRIX[self.matrix]

    @property
    def range_code(self) -> int:
        """FFmpeg's code of the range."""
        return FULL if self.full_range else LIMITED

    @property
    def scaler_code(self) -> int:
        """swscale's number of the matrix."""
        return _SCALER_CODE[self.matrix]


def matrix_by_size(width: int, height: int) -> Matrix:
    """BT.709 from 720 lines (or 1280 columns) on, BT.601 below: what players assume of untagged video."""
    return "bt709" if height >= 720 or width >= 1280 else "bt601"


def misread(colour: Colour) -> str | None:
    """A phrase for reports where the matrix is stated, but not known here; else None."""
    if colour.source != "unread":
        return None
    name = _NOT_READ.get(colour.tag, f"number {colour.tag} of H.273")
    return f"stated as {name}, which is not known here: read wrongly, as {colour.matrix}"


def matrix_by_name(name: str) -> Matrix:
    """Check a name that the user gave.

    Raises:
        UsageError: not one of the three.
    """
    if name not in get_args(Matrix):
        raise UsageError(f"--colorspace wants one of {', '.join(get_args(Matrix))}, but got {name!r}.")
    return cast(Matrix, name)


def colour_of(frame: VideoFrame, *, override: Matrix | None = None, still: bool = False) -> Colour:
    """The colour of one decoded frame.

    Args:
        frame: as it came out of the decoder.
        override: the matrix that the user asked for; beats the tags.
        still: the codec is one of still pictures (PNG, GIF, BMP): grey without a range tag is 0..255.
    """
    name = frame.format.name
    tagged = _MATRIX_OF_CODE.get(frame.colorspace)
    unread = tagged is None and frame.colorspace not in _NOT_STATED and not _is_rgb(frame)
    matrix = override or tagged or matrix_by_size(frame.width, frame.height)
    full = frame.color_range == FULL or name.startswith("yuvj")
    if still and frame.color_range == 0 and name.startswith(("gray", "ya", "mono")):
        full = True
    return Colour(
        matrix=matrix,
        full_range=full and not _is_rgb(frame),
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
        tag=frame.colorspace if (tagged or unread) and not override else _CODE_OF_MATRIX[matrix],
        source="user" if override else "tags" if tagged else "unread" if unread else "size",
    )


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.name == "pal8"
