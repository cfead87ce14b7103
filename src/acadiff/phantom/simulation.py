"""Which cohort is simulated: its size, grid, seed and parameters."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from acadiff import __version__
from acadiff.errors import UsageError
from acadiff.phantom.enrolment import Person, enrol
from acadiff.phantom.parameters import Parameters
from acadiff.volume.grid import VOXELS


@dataclass(frozen=True)
class Simulation:
    """Which cohort: everything that its bytes depend on.

    Args:
        subjects: how many; the first n subjects of a seed are the same for every n.
        voxel: voxel size in mm.
        seed: another seed, other people.
        missing: share of subjects that lose one or two scans.
        parameters: every number of the model.

    Raises:
        UsageError: a value makes no cohort.
    """

    subjects: int
    voxel: int
    seed: int
    missing: float = 0.0
    parameters: Parameters = field(default_factory=Parameters)

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.subjects < 1:
            raise UsageError(f"subjects is {self.subjects}; a cohort needs at least one")
        if self.voxel not in VOXELS:
            sizes = ", ".join(map(str, VOXELS))
            raise UsageError(f"voxel is {self.voxel} mm; the phantom comes in {sizes} mm")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must not be negative")
        if not 0 <= self.missing <= 1:
            raise UsageError(f"the missing rate is {self.missing:g}; it lies between 0 and 1")

    def person(self, index: int) -> Person:
        """Subject `index`, from 1."""
        return enrol(self.seed, index, self.parameters)

    @property
    def people(self) -> tuple[Person, ...]:
        """Every subject, without images: milliseconds."""
        return tuple(self.person(index) for index in range(1, self.subjects + 1))

    def record(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        record = asdict(self) | {"version": __version__, "simulated": True}
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain
