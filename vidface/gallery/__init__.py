"""Enrolled people: storage, search, audit. One folder, no server."""

from vidface.gallery.calibrate import Calibration, calibrate
from vidface.gallery.gallery import Gallery
from vidface.gallery.reference import Match, Nearest, Reference
from vidface.gallery.values import (
    AddReport,
    AuditRow,
    Look,
    LookRow,
    Person,
    Proof,
    ReembedReport,
    clean_name,
)

__all__ = [
    "AddReport",
    "AuditRow",
    "Calibration",
    "Gallery",
    "Look",
    "LookRow",
    "Match",
    "Nearest",
    "Person",
    "Proof",
    "ReembedReport",
    "Reference",
    "calibrate",
    "clean_name",
]
