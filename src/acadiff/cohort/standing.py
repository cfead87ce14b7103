"""Who of a cohort is new to a model, and how that is known."""

from collections.abc import Collection
from pathlib import Path

from acadiff.cohort.ledger import SPLIT, ledger_key, person_hash, read_split
from acadiff.cohort.table import Cohort
from acadiff.errors import CohortError

ALL_SIMULATED = "the model was trained on SIMULATED people alone, none of whom is real"


def for_classifiers(
    cohort: Cohort, folder: Path, seen: Collection[str], *, simulated_model: bool
) -> tuple[Cohort, str]:
    """On whom a classifier of completed scans may be studied.

    Everybody, if the model has seen nobody of the cohort: then it is another one. Of a cohort that
    it was trained on, those whom the split keeps for classifiers.

    Args:
        cohort: everybody.
        folder: the model's, which may hold a split and its key.
        seen: hashes of those whom it was trained or validated on.
        simulated_model: whether all of those were simulated.

    Returns:
        The people, and in words how it is known that no model has seen them.

    Raises:
        CohortError: nobody can tell, the split keeps nobody, or the model has seen somebody whom
            it keeps.
    """
    known, why = _known(cohort, folder, seen, simulated_model)
    if not known:
        return cohort, why
    split = folder / SPLIT
    kept = read_split(split)["classifier"] if split.is_file() else ()
    people = sorted(set(kept) & set(cohort.ids))
    crossed = sorted(known & set(people))
    if crossed or not people:
        has = f"has seen {len(crossed)} of those" if crossed else "is all there is: nobody is"
        raise CohortError(
            f"{cohort.root}: the model was trained on {len(known)} of its people and {has} kept "
            "for classifiers",
            code="E_LEAK",
            value=len(crossed),
            hint="take people of another cohort, or train with split.classifier",
        )
    return cohort.named(people), "they are the classifier part of the split"


def strangers(
    cohort: Cohort, folder: Path, seen: Collection[str], *, simulated_model: bool
) -> tuple[Cohort, str]:
    """Those of a cohort whom the model has not seen, whichever part of a split they are in.

    Args and failures are those of `for_classifiers`; it fails where everybody was seen.
    """
    known, why = _known(cohort, folder, seen, simulated_model)
    people = sorted(set(cohort.ids) - known)
    if not people:
        raise CohortError(
            f"{cohort.root}: the model was trained on everybody in it",
            code="E_LEAK",
            value=len(known),
            hint="take people of another cohort",
        )
    if known:
        why = f"{len(known)} people whom the model was trained on are left out"
    return cohort.named(people), why


def _known(
    cohort: Cohort, folder: Path, seen: Collection[str], simulated_model: bool
) -> tuple[set[str], str]:
    """Whom of a cohort the model has seen; if nobody, how that is known.

    Raises:
        CohortError: nobody can tell.
    """
    if simulated_model and not cohort.simulated:
        return set(), ALL_SIMULATED
    key = ledger_key(folder, cohort)
    if key is None:
        raise CohortError(
            f"{folder}: holds no key of a split, so nobody can tell whom the model has seen; name "
            "the work folder of its training"
        )
    known = {person for person in cohort.ids if person_hash(key, person) in seen}
    return known, "the model has seen nobody of this cohort"


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
    known, why = _known(cohort, folder, seen, simulated_model)
    if simulated_model and not cohort.simulated:
        return cohort, why
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
