"""Who is measured, what each needs, and who is left out."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench._cases import ROOT


@dataclass(frozen=True, slots=True)
class Peer:
    """One program.

    Attributes:
        name: in tables and on the command line.
        module: what `python -m` runs, with CLIP OUT.jsonl FRAMES and `arguments`.
        requirements: of its environment; none for vidface's own.
        options: for pip.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


DETECTOR = str(ROOT / "models" / "vidface-facedet" / "model.onnx")

DECODE = "decode only"
OURS = "vidface points"
PEERS = (
    Peer(DECODE, "decode_only"),
    Peer(OURS, "vidface_points", ("points",)),
    Peer("mediapipe face mesh", "mediapipe_mesh", (), ("mediapipe==0.10.21",)),
    Peer("vidface detect", "vidface_points", ("detect",)),
    Peer("opencv yunet", "opencv_yunet", (DETECTOR,), ("opencv-python-headless==5.0.0.93",)),
    Peer(
        "dlib hog",
        "dlib_hog",
        (),
        ("dlib==20.0.1", "opencv-python-headless==5.0.0.93"),
        ("--no-build-isolation",),
    ),
)

PAIRS = (
    (OURS, "mediapipe face mesh", "boxes, 478 points and numbers: against MediaPipe's face mesh", 3.0),
    (OURS, DECODE, "the same: against decoding alone", 0.6),
    (OURS, "opencv yunet", "the same: against OpenCV's loop, which has five points a face", None),
    ("vidface detect", "opencv yunet", "every frame looked at, five points: against OpenCV's loop", None),
    (OURS, "dlib hog", "boxes, 478 points and numbers: against dlib, which has boxes only", None),
)
"""Ours, theirs, what is compared, and the aim: so many times their rate."""

LEFT_OUT = (
    "insightface: its models are downloaded on first use, and nothing is downloaded here.",
    "face_recognition: its models come as a package of their own, 100 MB of weights; what it does by "
    "default, dlib's HOG detector, is measured above.",
    "MediaPipe's newer Face Landmarker: its model is a download; the older face mesh has its models in the "
    "package.",
)
