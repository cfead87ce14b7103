"""`acadiff simulate`: a cohort of digital phantoms."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write the BIDS dataset to.")],
    subjects: Annotated[int, typer.Option(help="How many people.")] = 60,
    voxel: Annotated[int, typer.Option(help="Edge of a voxel in mm: 1, 2 or 4.")] = 4,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once; changes no byte.")] = 2,
    missing: Annotated[
        float, typer.Option(help="Share of people who lose one or two scans, 0 to 1.")
    ] = 0.0,
) -> None:
    """Write a SIMULATED cohort in BIDS: MRI, FDG-PET, AV45-PET and clinical scores.

    The same command finishes a cohort that was interrupted.
    """
    from acadiff.phantom import Simulation
    from acadiff.stages.simulate import run

    simulation = Simulation(subjects, voxel, seed, missing)
    with progress("Simulating", subjects) as on_step:
        run(out, simulation, jobs, on_step)
    print(f"{out}: {subjects} simulated people at {voxel} mm")
