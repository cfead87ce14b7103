"""Who trains, who validates, who tests: by person, with the same mix of diagnoses in each part."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping

from acadiff.cohort.table import Cohort, Subject
from acadiff.errors import CohortError


def split(cohort: Cohort, sizes: Mapping[str, int], seed: int) -> dict[str, tuple[str, ...]]:
    """Give every part its number of subjects; nobody is in two parts, some may be in none.

    A person's visits go together, under the diagnosis of the first. Each diagnosis is shuffled by
    (seed, id), then spread evenly over a line of all subjects; the
    parts are cut from that line, so each holds every diagnosis in proportion, to within one person
    at either end. Nothing depends on the order of the table.

    Args:
        cohort: whom to divide.
        sizes: part → number of subjects, cut in this order.
        seed: another seed, another split.

    Returns:
        Part → sorted ids.

    Raises:
        CohortError: a size is negative, or together they exceed the cohort.
    """
    wanted = sum(sizes.values())
    if wanted > len(cohort.ids) or min(sizes.values(), default=0) < 0:
        raise CohortError(
            f"the parts {dict(sizes)} need {wanted} subjects, {cohort.root} has "
            f"{len(cohort.ids)}; ask for fewer"
        )
    line = iter(_line(cohort, seed))
    return {part: tuple(sorted(next(line) for _ in range(size))) for part, size in sizes.items()}


def head_counts(sizes: Mapping[str, int | float], people: int) -> dict[str, int]:
    """Numbers of people; a size below 1 is a share of all, rounded so that shares of 1 use all.

    Raises:
        CohortError: there are fewer than one person for a part that should have some.
    """
    counts, asked, given = {}, 0.0, 0
    for part, size in sizes.items():
        if size and size < 1:
            asked += size * people
            counts[part] = round(asked) - given
            given += counts[part]
        else:
            counts[part] = int(size)
        if size and not counts[part]:
            raise CohortError(
                f"split.{part} is {size:g} of {people} subjects, which is nobody; ask for more"
            )
    return counts


def shuffle_key(seed: int, what: str, subject: str) -> str:
    """A random sort key that only (seed, purpose, id) decide, not who else is there."""
    return hashlib.sha256(f"{seed}/{what}/{subject}".encode()).hexdigest()


def _line(cohort: Cohort, seed: int) -> list[str]:
    strata: dict[str, list[Subject]] = defaultdict(list)
    first = {subject.id: subject for subject in reversed(cohort.subjects)}
    for subject in first.values():
        strata[subject.diagnosis.value if subject.diagnosis else ""].append(subject)
    places = []
    for name, stratum in sorted(strata.items()):
        shuffled = sorted(stratum, key=lambda s: shuffle_key(seed, "split", s.id))
        for rank, subject in enumerate(shuffled):
            places.append(((rank + 0.5) / len(shuffled), name, subject.id))
    return [subject for _, _, subject in sorted(places)]
