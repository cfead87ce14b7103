"""Who of a cohort is new to a model, and how that is known."""

from collections.abc import Collection
from pathlib import Path

from acadiff.cohort.ledger import SPLIT, ledger_key, person_hash, read_split
from acadiff.cohort.table import Cohort
from acadiff.errors import CohortError


def unseen(
    cohort: Cohort, folder: Path, seen: Collection[str], *, simulated_model: bool
) -> tuple[Cohort, str]:
    """The test subjects of a split; without one, those whom no hash of the model names.

    Args:
        cohort: everybody.
        folder: the model's, which may hold a split and its key.
        seen: hashes of those whom it was trained or validated on.
        simulated_model: whether all of those were simulated.

    Returns:
        The people, and in words how it is known that the model has not seen them.

    Raises:
        CohortError: nobody can tell, or the model has seen everybody.
    """
    if simulated_model and not cohort.simulated:
        return cohort, "the model was trained on SIMULATED people alone, none of whom is real"
    key = ledger_key(folder, cohort)
    if key is None:
        raise CohortError(
            f"{folder}: holds no key of a split, so nobody can tell whom the model has seen; name "
            "the work folder of its training"
        )
    known = {person for person in cohort.ids if person_hash(key, person) in seen}
    if not known and cohort.simulated:
        why = "this cohort is simulated with another seed than those whom the model was trained on"
        return cohort, f"{why}, of whom none is in it"
    if (folder / SPLIT).is_file():
        held, why = set(read_split(folder / SPLIT)["test"]), "they are the test part of the split"
    else:
        held, why = set(cohort.ids), "their hashes are not among those that the weights name"
    people = sorted((held & set(cohort.ids)) - known)
    if not people:
        raise CohortError(f"{cohort.root}: the model has seen everybody; take other people")
    return cohort.named(people), why
