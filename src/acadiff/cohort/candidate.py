"""The records of what a source holds: files that claim to be scans, and what is wrong with others.

The readers (`bids_tree`, `caps`, `manifest`) fill an `Inventory` without opening an image.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.identity import clashes
from acadiff.errors import CohortError, Problem
from acadiff.modality import Modality

Key = tuple[str, str | None, Modality]


@dataclass(frozen=True)
class Candidate:
    """One file that claims to be one scan.

    Args:
        path: where it lies.
        subject: canonical label without `sub-`.
        session: canonical label without `ses-`, or None.
        modality: what it shows.
        reconstruction: `rec-` entity.
        run: `run-` entity.
        space: template, `T1w`, or None for the scanner's own.
        resolution: `res-` entity.
        desc: `desc-` entity.
        suvr: reference region if the voxels are SUVR already, `unknown` if that is not told.
        date: day of the scan, if it is told.
        shared: whether it serves this session without being of it.
    """

    path: Path
    subject: str
    session: str | None
    modality: Modality
    reconstruction: str | None = None
    run: str | None = None
    space: str | None = None
    resolution: str | None = None
    desc: str | None = None
    suvr: str | None = None
    date: datetime.date | None = None
    shared: bool = False

    @property
    def key(self) -> Key:
        """Which scan it claims to be."""
        return self.subject, self.session, self.modality


@dataclass(frozen=True)
class Inventory:
    """All that was found below one source.

    Args:
        root: the dataset, or the folder of the table.
        layout: `bids`, `caps` or `manifest`.
        candidates: sorted by person, visit, modality and path.
        problems: files looked at and rejected, or used with a warning.
        others: images that are no T1w, FDG or AV45 scan and were passed over.
    """

    root: Path
    layout: str
    candidates: tuple[Candidate, ...]
    problems: tuple[Problem, ...]
    others: int = 0


def inventory_of(
    root: Path, layout: str, found: Iterable[Candidate | Problem], others: int = 0
) -> Inventory:
    """Put in order what a reader found; persons whose ids clash are refused."""
    found = list(found)
    candidates = [item for item in found if isinstance(item, Candidate)]
    problems = [item for item in found if isinstance(item, Problem)]
    clashing = clashes({candidate.subject for candidate in candidates})
    problems += [_clash(group) for group in clashing]
    refused = {subject for group in clashing for subject in group}
    kept = (candidate for candidate in candidates if candidate.subject not in refused)
    unique = tuple(dict.fromkeys(problems))  # one damaged file may concern many scans
    return Inventory(root, layout, tuple(sorted(kept, key=_order)), unique, others)


def refusal(where: str, error: CohortError) -> Problem:
    """What is wrong with the input at `where`, as a line of a table."""
    return Problem(where, error.code, error.value, error.hint, f"{where}: {error}")


def _clash(group: tuple[str, ...]) -> Problem:
    names = " and ".join(f"sub-{label}" for label in group)
    error = CohortError(
        "are taken for one another by file systems and spreadsheets", code="E_ID_CLASH",
        value=names, hint="rename all but one",
    )  # fmt: skip
    return refusal(names, error)


def _order(candidate: Candidate) -> tuple[str, str, int, str]:
    c = candidate
    return c.subject, c.session or "", c.modality.index, str(c.path)
