"""The version, read by the build and written into every run.json."""

__version__ = "0.8.0"
