"""Does a comparison give the numbers that were committed?"""

from pathlib import Path

from acadiff.benchmark.generation.scores import KEYS
from acadiff.benchmark.reproduced import TOLERANCE, hold, numbers

_OF_TABLE = (["method", "task", "image", "metric"], ["value", "sd", "lower", "upper"])
_OF_PEOPLE = (list(KEYS), ["value"])


def check(out: Path, committed: Path, tolerance: float = TOLERANCE) -> str:
    """Hold what was made now against what another folder has.

    First every number of every person, then, if all its people were asked for, the table.

    Args:
        out: what was made now, perhaps for some of the people only.
        committed: what it must come to; its methods and tasks must all be there.
        tolerance: by how much a number may differ.

    Returns:
        One sentence that says how near they are.

    Raises:
        AcadiffError: a number differs by more, or is missing.
        MissingInputError: there is no such table.
    """
    ours, theirs = (numbers(folder / "generation.tsv", *_OF_PEOPLE) for folder in (out, committed))
    people, all_people = (set(table.index.get_level_values("subject")) for table in (ours, theirs))
    known = theirs[theirs.index.isin(people, level="subject")]
    worst = hold(ours, known, out / "generation.tsv", committed, tolerance)
    told = f"{len(known)} numbers of {len(people)} people"
    if people == all_people:
        ours, theirs = (numbers(folder / "table.tsv", *_OF_TABLE) for folder in (out, committed))
        worst = max(worst, hold(ours, theirs, out / "table.tsv", committed, tolerance))
        told += f" and {len(theirs)} rows of the table"
    return f"{told} agree with {committed} within {tolerance:g}; worst {worst:.2g}"
