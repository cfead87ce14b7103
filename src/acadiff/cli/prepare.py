"""`acadiff prepare`: acquired scans onto the model's grid."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.sources import (
    TOLERANCE,
    ClinicalMapOption,
    ClinicalOption,
    DescOption,
    FormOption,
    LayoutOption,
    OrientationOption,
    PairsOption,
    ParticipantOption,
    ReconstructionOption,
    ResolutionOption,
    RunOption,
    SessionOption,
    SourceArgument,
    SpaceOption,
    ToleranceOption,
    TracerMapOption,
    by_modality,
    preferred,
    selection,
)

if TYPE_CHECKING:
    from acadiff.stages.prepare import Prepared

_REFUSED = 65
_SHOWN = 20


def prepare(
    source: SourceArgument,
    out: Annotated[Path, typer.Argument(help="Dataset to write, finished if it is there.")],
    voxel: Annotated[int, typer.Option(help="Edge of a voxel in mm: 1, 2, 4 or 8.")] = 2,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once; changes no byte.")] = 1,
    warp: Annotated[
        str,
        typer.Option(help="How native scans are registered: rigid, affine or syn (also bends)."),
    ] = "affine",
    brain: Annotated[
        str,
        typer.Option(
            help="Where the brain is: auto, mask, stripped, synthstrip, hd-bet, template."
        ),
    ] = "auto",
    suvr_reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODALITY=MASK",
            help="Own reference region, a mask on a template: AV45=mask.nii.gz; repeatable.",
        ),
    ] = None,
    already_suvr: Annotated[
        bool, typer.Option("--already-suvr", help="PET is SUVR; do not divide it.")
    ] = False,
    assume_orientation: OrientationOption = None,
    prefer_form: FormOption = None,
    nonfinite: Annotated[
        str, typer.Option(help="NaN and infinity: refuse, or zero-outside-mask.")
    ] = "refuse",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Prepare also what is finished.")
    ] = False,
    layout: LayoutOption = None,
    tracer_map: TracerMapOption = None,
    reconstruction: ReconstructionOption = None,
    run: RunOption = None,
    space: SpaceOption = None,
    resolution: ResolutionOption = None,
    desc: DescOption = None,
    participant_label: ParticipantOption = None,
    session_label: SessionOption = None,
    pairs: PairsOption = None,
    clinical: ClinicalOption = None,
    clinical_map: ClinicalMapOption = None,
    visit_tolerance: ToleranceOption = TOLERANCE,
) -> None:
    """Bring scans onto one grid: brain alone, PET in SUVR. What is done is skipped."""
    from acadiff.registration.options import Options
    from acadiff.stages.prepare import run as run_stage

    references = by_modality("--suvr-reference", suvr_reference or (), "AV45=mask.nii.gz")
    options = Options(
        voxel=voxel,
        warp=warp,
        extraction=brain,
        references={modality: Path(path) for modality, path in references.items()},
        already_suvr=already_suvr,
        orientation=assume_orientation,
        form=preferred(prefer_form),
        nonfinite=nonfinite,
    )
    wanted = selection(
        layout=layout,
        tracer_map=tracer_map,
        reconstruction=reconstruction,
        run=run,
        space=space,
        resolution=resolution,
        desc=desc,
        participant_label=participant_label,
        session_label=session_label,
        pairs=pairs,
        clinical=clinical,
        clinical_map=clinical_map,
        visit_tolerance=visit_tolerance,
    )
    with progress("Preparing") as on_step:
        result = run_stage(
            source, out, wanted, options, jobs=jobs, again=overwrite, on_step=on_step
        )
    if _say(out, result):
        raise typer.Exit(_REFUSED)


def _say(out: Path, result: "Prepared") -> int:
    """What is wrong, and last what the exit status says; returns how many inputs are refused."""
    refusals = [p for p in result.problems if p.code.startswith("E_")]
    for problem in refusals[:_SHOWN]:
        print(f"{problem.code}: {problem.text}")
    if len(refusals) > _SHOWN:
        print(f"… and {len(refusals) - _SHOWN} more in {out / 'check.json'}")
    warnings = len(result.problems) - len(refusals)
    if warnings:
        print(f"{warnings} warnings, see {out / 'qc.html'} and {out / 'check.json'}")
    asked = result.done + result.refused
    whole = f"{out}: {result.done} of {asked} scans of {result.visits} visits are prepared"
    count = len({problem.where for problem in refusals})
    inputs = "input" if count == 1 else "inputs"
    ending = f"{count} refused {inputs}, see above" if count else "none was refused"
    print(f"{whole}; {ending}")
    return count
