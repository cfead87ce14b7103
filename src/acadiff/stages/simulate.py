"""Nothing → a BIDS dataset of simulated people."""

from collections.abc import Callable
from pathlib import Path

from acadiff import phantom
from acadiff.cohort.table import Cohort
from acadiff.modality import Modality
from acadiff.phantom import Parameters, Person, Simulation
from acadiff.volume.image import Volume


def simulate(
    seed: int, index: int, voxel: int, parameters: Parameters | None = None
) -> tuple[Person, dict[Modality, Volume]]:
    """Subject `index` (from 1) of the cohort `seed`, and its three scans at `voxel` mm."""
    parameters = parameters or Parameters()
    person = phantom.enrol(seed, index, parameters)
    return person, phantom.render(person, voxel, parameters)


def run(
    root: Path,
    simulation: Simulation,
    jobs: int = 1,
    on_step: Callable[[str], None] | None = None,
) -> Cohort:
    """Write the cohort `simulation` to `root`, or finish it, and read it back.

    Raises:
        OutputError: `root` holds another dataset, or cannot be written.
    """
    return phantom.write_cohort(root, simulation, jobs, on_step)
