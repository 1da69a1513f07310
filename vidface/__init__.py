"""vidface: the ffmpeg of faces in video."""

__version__ = "0.1.0"

__all__ = ["__version__"]
