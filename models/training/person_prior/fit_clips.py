"""The parts of the prior that come from clips: movement, drift, and the shape of faces in video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.cli._references_read import Recording
from vidface.vision.facegeometry import pose_terms
from vidface.vision.manner import EXPRESSIONS, windows_of
from vidface.vision.mannerscore import left_out, likeness
from vidface.vision.meshmodel import MeshFitter
from vidface.vision.personlook import Sample, look_of
from vidface.vision.wander import wander

Array = NDArray[np.float64]

STRETCH_S = 5.0
STEP_S = 1.0
SAME_PERSON = 0.85


def manner_of(recordings: Mapping[str, Recording]) -> tuple[dict[str, Array], dict[str, Any]]:
    """`manner_mean` and `manner_level`, from windows of one recording that do not overlap."""
    windows, source, end = [], [], []
    for number, one in enumerate(recordings.values()):
        found, ends = windows_of([sample.time for sample in one.samples], one.signals)
        windows += list(found)
        source += [number] * len(found)
        end += list(ends)
    rows, place, when = np.asarray(windows, np.float64), np.asarray(source), np.asarray(end)
    # Each recording counts once, however long it is.
    mean = np.mean([rows[place == number].mean(axis=0) for number in np.unique(place)], axis=0)
    rows = rows - mean
    own, other = [], []
    for number in np.unique(place):
        mine = place == number
        own += left_out(rows[mine], place[mine], when[mine]).tolist()
        for stranger in np.unique(place):
            if stranger != number and (place == stranger).sum() > 1:
                other += likeness(rows[mine], rows[place == stranger]).tolist()
    level = np.array([np.mean(own), np.std(own)])
    ahead = np.asarray(own)[:, None] > np.asarray(other)[None]
    figures = {
        "motion_windows": len(rows),
        "motion_recordings": len(np.unique(place)),
        "motion_likeness_own": level.round(4).tolist(),
        "motion_likeness_other": [round(float(np.mean(other)), 4), round(float(np.std(other)), 4)],
        "auc_motion_within_recordings": float(ahead.mean()),
    }
    return {"manner_mean": mean, "manner_level": level}, figures


def drift_of(recordings: Mapping[str, Recording]) -> tuple[dict[str, Array], dict[str, Any]]:
    """`drift` and `drift_sd`: the logarithm of the wander over stretches, each clip counting alike."""
    table, values, source = [], [], []
    for number, one in enumerate(recordings.values()):
        for part in stretches(one):
            found = wander(part)
            if found is not None:
                table.append(found.terms)
                values.append(np.log(found.degrees))
                source.append(number)
    terms, logs, clip = np.asarray(table), np.asarray(values), np.asarray(source)
    share = np.array([1 / (clip == number).sum() for number in clip])
    fit = _fit(terms, logs, share)
    left = np.zeros(len(logs))
    for number in np.unique(clip):
        out = clip == number
        left[out] = logs[out] - terms[out] @ _fit(terms[~out], logs[~out], share[~out])
    sd = float(np.sqrt((share * left**2).sum() / share.sum()))
    figures = {
        "drift_stretches": len(logs),
        "drift_clips": len(np.unique(clip)),
        "drift_terms": fit.round(4).tolist(),
        "drift_sd_each_clip_left_out": sd,
        "drift_largest_of_real": float((left / sd).max()),
    }
    return {"drift": fit, "drift_sd": np.array([sd])}, figures


def shapes_in_video(
    recordings: Mapping[str, Recording], fitter: MeshFitter, prior: dict[str, Array]
) -> Array:
    """Mean and standard deviation of the root of Mahalanobis' square between recordings of one person.

    Which recordings show one person is told by their embeddings; those of the training clips were looked
    at: two signers in eleven clips from one studio.
    """
    looks = [look_of(one.samples, fitter) for one in recordings.values() if one.samples]
    looks = [look for look in looks if look.meshes > 1]
    straight = [look.shape - pose_terms(look.yaw, look.pitch) @ prior["shape_pose"] for look in looks]
    found = []
    for place, one in enumerate(looks):
        for other in range(place):
            if one.vector @ looks[other].vector > SAME_PERSON:
                away = straight[place] - straight[other]
                found.append(float(np.sqrt(away @ np.linalg.solve(prior["shape_cov"], away) / 2)))
    return np.array([np.mean(found), np.std(found)])


def _fit(terms: Array, logs: Array, share: Array) -> Array:
    ridge = np.diag([0.0, *[0.05] * (terms.shape[1] - 1)])
    weighed = terms * share[:, None]
    return np.asarray(np.linalg.solve(weighed.T @ terms + ridge, weighed.T @ logs))


def stretches(recording: Recording) -> list[list[Sample]]:
    """Five seconds each, one second on from one another, with expressions."""
    if not recording.samples:
        return []
    does = recording.signals[:, -EXPRESSIONS:]
    samples = [
        replace(sample, does=row if np.isfinite(row).all() else row[:0])
        for sample, row in zip(recording.samples, does, strict=True)
    ]
    start, last = samples[0].time, samples[-1].time
    found: list[list[Sample]] = []
    while start + STRETCH_S / 2 < last or not found:
        found.append([one for one in samples if start <= one.time < start + STRETCH_S])
        start += STEP_S
    return found
