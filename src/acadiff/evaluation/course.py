"""Records along a typical course of decline: what else a cohort tells at a given MMSE."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from acadiff.cohort.table import Diagnosis, Scores, Subject

LEVELS = (29, 27, 25, 23, 21, 19, 17, 15)
"""MMSE from healthy to ill."""

ALONE, TOGETHER = "MMSE alone", "diagnosis and all scores"
_TOPS = {"adas13": 85.0, "cdrsb": 18.0}
_STEPS = {"adas13": 1.0, "cdrsb": 0.5}


def alone(subject: Subject) -> list[Subject]:
    """The same person at each level of MMSE, all else as it is."""
    return [
        replace(subject, scores=replace(subject.scores, mmse=float(level))) for level in LEVELS
    ]


def together(subject: Subject, cohort: Sequence[Subject]) -> list[Subject]:
    """The same person at each level, with the diagnosis and the scores typical of it.

    ADAS13 and CDR-SB follow their straight lines on MMSE over the cohort, rounded as the tests
    are; the diagnosis is that whose people's mean MMSE lies nearest.
    """
    return [
        replace(subject, diagnosis=_group(cohort, level), scores=_scores(cohort, level))
        for level in LEVELS
    ]


def lowest(cohort: Sequence[Subject]) -> float | None:
    """The least MMSE of the cohort; below, a prompt asks for what nobody showed."""
    return min((s.scores.mmse for s in cohort if s.scores.mmse is not None), default=None)


def _scores(cohort: Sequence[Subject], level: int) -> Scores:
    found: dict[str, float | None] = {}
    for name, top in _TOPS.items():
        pairs = [(s.scores.mmse, getattr(s.scores, name)) for s in cohort]
        known = np.array([p for p in pairs if None not in p], np.float64).reshape(-1, 2)
        if len(known) < 3 or np.ptp(known[:, 0]) == 0:
            found[name] = None
            continue
        slope, start = np.polyfit(known[:, 0], known[:, 1], 1)
        value = float(np.clip(start + slope * level, 0, top))
        found[name] = round(value / _STEPS[name]) * _STEPS[name]
    return Scores(mmse=float(level), adas13=found["adas13"], cdrsb=found["cdrsb"])


def _group(cohort: Sequence[Subject], level: int) -> Diagnosis | None:
    held = {
        group: [
            s.scores.mmse for s in cohort if s.diagnosis is group and s.scores.mmse is not None
        ]
        for group in Diagnosis
    }
    means = {group: float(np.mean(values)) for group, values in held.items() if values}
    return min(means, key=lambda g: abs(means[g] - level)) if means else None
