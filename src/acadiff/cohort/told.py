"""What a model is told of people in an audit: the truth, nothing, or something else.

A record (diagnosis and scores) is exchanged; the scans and the noise stay. What changes in the
imputed scan then comes from the prompt alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from acadiff.cohort.table import Diagnosis, Scores, Subject

OWN, SCORES, WITHHELD = "own", "scores only", "withheld"
SHUFFLED, FLIPPED, OPPOSITE = "shuffled", "flipped diagnosis", "opposite scores"
TOLD_CN, TOLD_AD = "told CN", "told AD"

ACQUIRED, SOURCES = "acquired", "sources"
"""What else is read: the scan that was really made, and those that are imputed from."""

CHANGE, SPREAD = "RMS change", "SD of draws"
APART, EFFECT = "AD − CN", "told AD − told CN"
OF_TRUE, OF_IMPUTED = "share of the true difference", "share of the imputed difference"
AUC, TRANSFER = "AUC", "AUC of a classifier trained on own prompts"
GAIN = "gain over the sources"
"""Measures, as the table of an audit names them."""

MEANINGS = {
    OWN: "diagnosis and scores of the person",
    SCORES: "the scores alone",
    WITHHELD: "nothing clinical",
    SHUFFLED: "diagnosis and scores of another person",
    FLIPPED: "CN instead of AD and AD instead of CN, the scores their own",
    OPPOSITE: "the scores of somebody of the other group, the diagnosis their own",
    TOLD_CN: "everybody the diagnosis CN and its median scores",
    TOLD_AD: "everybody the diagnosis AD and its median scores",
}
"""Every condition, in the order in which pages and tables have them."""

_OTHER = {Diagnosis.CN: Diagnosis.AD, Diagnosis.AD: Diagnosis.CN}
_NAMES = ("mmse", "adas13", "cdrsb")


def conditions(subjects: Sequence[Subject], seed: int) -> list[dict[str, Subject]]:
    """Of every subject: condition → the subject as the model is told of it.

    A condition that makes no sense for somebody (MCI flipped, a group without people) is absent.

    Args:
        subjects: whose scans are imputed.
        seed: who is given whose record.
    """
    order = [int(i) for i in np.random.default_rng(seed).permutation(len(subjects))]
    donors = {order[n]: subjects[order[n - 1]] for n in range(len(order))}
    known = {d: [subjects[i] for i in order if subjects[i].diagnosis is d] for d in Diagnosis}
    return [_of(s, donors[n], known, n) for n, s in enumerate(subjects)]


def typical(subjects: Sequence[Subject]) -> Scores:
    """The median of each score of these people; a score nobody has stays unknown."""
    held = {name: [getattr(s.scores, name) for s in subjects] for name in _NAMES}
    known = {name: [v for v in values if v is not None] for name, values in held.items()}
    return Scores(**{n: float(np.median(v)) if v else None for n, v in known.items()})


def _of(
    subject: Subject, donor: Subject, known: Mapping[Diagnosis, Sequence[Subject]], n: int
) -> dict[str, Subject]:
    nobody = replace(subject, diagnosis=None, scores=Scores(), age=None, sex=None, apoe4=None)
    said = {
        OWN: subject,
        SCORES: replace(subject, diagnosis=None),
        WITHHELD: nobody,
        SHUFFLED: replace(subject, diagnosis=donor.diagnosis, scores=donor.scores),
    }
    if subject.diagnosis in _OTHER:
        other = _OTHER[subject.diagnosis]
        said[FLIPPED] = replace(subject, diagnosis=other)
        if known[other]:
            given = known[other][n % len(known[other])]
            said[OPPOSITE] = replace(subject, scores=given.scores)
    for name, group in ((TOLD_CN, Diagnosis.CN), (TOLD_AD, Diagnosis.AD)):
        if known[group]:
            said[name] = replace(subject, diagnosis=group, scores=typical(known[group]))
    return said
