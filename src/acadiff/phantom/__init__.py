"""The simulated cohort: digital phantoms with three scans, scores and known causes.

`cohort` writes a BIDS dataset; `render` makes one person's scans in memory, also with other causes
or without noise.
"""

from collections.abc import Callable
from pathlib import Path

from acadiff.cohort.table import Cohort
from acadiff.phantom.dataset import write_cohort
from acadiff.phantom.enrolment import Person, enrol
from acadiff.phantom.parameters import Parameters
from acadiff.phantom.render import render, scans_of, scene_of
from acadiff.phantom.scene import Chance
from acadiff.phantom.simulation import Simulation

__all__ = [
    "Chance",
    "Parameters",
    "Person",
    "Simulation",
    "cohort",
    "enrol",
    "render",
    "scans_of",
    "scene_of",
    "write_cohort",
]


def cohort(
    root: Path,
    *,
    subjects: int,
    voxel: int,
    seed: int,
    jobs: int = 1,
    missing: float = 0.0,
    on_step: Callable[[str], None] | None = None,
) -> Cohort:
    """Write a simulated BIDS dataset to `root`; the same call finishes an interrupted one.

    Args:
        root: a new folder, or one that the same call began.
        subjects: how many; their diagnoses are mixed as in the paper (335 : 495 : 198).
        voxel: voxel size in mm: 1, 2, 4 or 8.
        seed: another seed, other people.
        jobs: processes at once; changes no byte.
        missing: share of subjects that lose one or two scans to `sourcedata/hidden/`.
        on_step: told the id of every finished subject.

    Raises:
        UsageError: a value makes no cohort.
        OutputError: `root` holds something else, or cannot be written.
    """
    return write_cohort(root, Simulation(subjects, voxel, seed, missing), jobs, on_step)
