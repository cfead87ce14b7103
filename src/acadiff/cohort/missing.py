"""Which scans a study takes away, to see what filling them in is worth [paper §3]."""

from dataclasses import replace

from acadiff.cohort.split import shuffle_key
from acadiff.cohort.table import Cohort, Diagnosis, Subject
from acadiff.errors import CohortError, UsageError
from acadiff.modality import Modality


def missing_pattern(cohort: Cohort, rate: float, seed: int) -> dict[str, frozenset[Modality]]:
    """Choose exactly round(rate · n) subjects, and of each one or two scans by a fair coin.

    What one subject would lose depends on (seed, key) alone, and the subjects chosen at a lower
    rate are among those of a higher one: patterns are nested. Nobody loses every scan.

    Args:
        cohort: who is studied; n counts all, but only those with two scans or more can lose any.
        rate: between 0 and 1.
        seed: another seed, another pattern.

    Returns:
        Key → what is taken away, for those who lose something.

    Raises:
        UsageError: the rate is not between 0 and 1.
        CohortError: too few subjects have a scan to spare.
    """
    if not 0 <= rate <= 1:
        raise UsageError(f"the missing rate is {rate}; it lies between 0 and 1")
    able = [subject for subject in cohort.subjects if len(subject.scans) > 1]
    count = round(rate * len(cohort.subjects))
    if count > len(able):
        raise CohortError(
            f"{cohort.root}: {count} subjects should lose a scan, {len(able)} have one to spare"
        )
    able.sort(key=lambda subject: shuffle_key(seed, "missing", subject.key))
    return {subject.key: _loss(subject, seed) for subject in able[:count]}


def missing_by_class(cohort: Cohort, rate: float, seed: int) -> dict[str, frozenset[Modality]]:
    """`missing_pattern` within each diagnosis, so that every class loses the same share.

    Who is chosen and what they lose depends on (seed, key) and on their own class alone: without
    the MCI, patterns of AD and CN stay the same.

    Args:
        cohort: who is studied, each with all three scans and a diagnosis.
        rate: between 0 and 1.
        seed: another seed, another pattern.

    Raises:
        UsageError: the rate is not between 0 and 1.
        CohortError: somebody has no diagnosis or lacks a scan already.
    """
    for subject in cohort.subjects:
        if subject.diagnosis is None:
            raise CohortError(
                f"{subject.key}: has no diagnosis in the table of {cohort.root}",
                code="E_NO_LABEL",
                value=subject.key,
                hint="add it, or leave the person out",
            )
        if len(subject.scans) < len(Modality):
            raise CohortError(
                f"{subject.key}: has {len(subject.scans)} of {len(Modality)} scans, and to take "
                "more away could leave none",
                code="E_INCOMPLETE",
                value=subject.key,
                hint="take complete people",
            )
    found: dict[str, frozenset[Modality]] = {}
    for diagnosis in Diagnosis:
        own = tuple(s for s in cohort.subjects if s.diagnosis is diagnosis)
        if own:
            found |= missing_pattern(replace(cohort, subjects=own), rate, seed)
    return found


def _loss(subject: Subject, seed: int) -> frozenset[Modality]:
    coin = int(shuffle_key(seed, "coin", subject.key), 16) % 2
    shuffled = sorted(
        subject.available, key=lambda m: shuffle_key(seed, f"loses {m.name}", subject.key)
    )
    return frozenset(shuffled[: min(1 + coin, len(shuffled) - 1)])
