"""`acadiff BIDS_DIR OUT_DIR participant|group`: the whole way in the form of a BIDS-App.

`participant` prepares and imputes, for all or for those who are named; jobs on a cluster may share
one OUT_DIR. `group` makes the report of what they left.
"""

from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.cli.impute import GuidanceOption, detail_of, doubts_in, tell_untold, warn
from acadiff.cli.progress import progress
from acadiff.cli.recipes import ShareOption
from acadiff.cli.sources import (
    TOLERANCE,
    ClinicalMapOption,
    ClinicalOption,
    FormOption,
    LayoutOption,
    OrientationOption,
    PairsOption,
    ParticipantOption,
    ReconstructionOption,
    SessionOption,
    ToleranceOption,
    TracerMapOption,
    preferred,
    selection,
)

if TYPE_CHECKING:
    from acadiff.imputer import Imputer
    from acadiff.stages.impute import Request

LEVELS = ("participant", "group")
NAME = "bids-app"
_REFUSED = 65


def is_bids_app(arguments: Sequence[str], commands: Container[str]) -> bool:
    """Whether a command line names no command but a folder, another and a word, in this order."""
    first = [a for a in arguments if a != "--debug"][:3]
    return (
        len(first) == 3
        and not any(a.startswith("-") for a in first)
        and first[0] not in commands
        and (first[2] in LEVELS or Path(first[0]).is_dir())
    )


def bids_app(
    bids_dir: Annotated[Path, typer.Argument(help="BIDS dataset, CAPS folder or table of paths.")],
    out_dir: Annotated[Path, typer.Argument(help="Gets prepared/, imputed/ and report.html.")],
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="participant or group.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Work folder of a training, or a pretrained name.")
    ] = "phantom-4mm",
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that prepare.")] = 1,
    warp: Annotated[str, typer.Option(help="For native scans: rigid, affine or syn.")] = "affine",
    output_space: Annotated[str, typer.Option(help="Where results lie: model, or T1w.")] = "model",
    clinical_detail: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="What prompts tell: none, scores or full; full by default, but none for people "
            "whom the split keeps for classifiers.",
        ),
    ] = None,
    guidance: GuidanceOption = 1.0,
    share: ShareOption = False,
    already_suvr: Annotated[
        bool, typer.Option("--already-suvr", help="PET is SUVR; do not divide it.")
    ] = False,
    assume_orientation: OrientationOption = None,
    prefer_form: FormOption = None,
    layout: LayoutOption = None,
    tracer_map: TracerMapOption = None,
    reconstruction: ReconstructionOption = None,
    participant_label: ParticipantOption = None,
    session_label: SessionOption = None,
    pairs: PairsOption = None,
    clinical: ClinicalOption = None,
    clinical_map: ClinicalMapOption = None,
    visit_tolerance: ToleranceOption = TOLERANCE,
    skip_bids_validation: Annotated[  # noqa: ARG001 - what it asks for is so anyway
        bool, typer.Option("--skip-bids-validation", help="Accepted; datasets need not be valid.")
    ] = False,
) -> None:
    """Prepare and impute (participant), or report (group). What is done is skipped."""
    from acadiff.errors import AnalysisLevelError
    from acadiff.pretrained import find

    if level not in LEVELS:
        hint = f"there are {' and '.join(LEVELS)}"
        raise AnalysisLevelError(
            f"the analysis level is {level!r}", code="E_LEVEL", value=level, hint=hint
        )
    if level == "group":
        _report(out_dir, find(model))
        return
    from acadiff.cohort.identity import canonical_subject
    from acadiff.imputer import Imputer
    from acadiff.registration.options import Options
    from acadiff.stages import impute, prepare

    asked = impute.Request(
        draws=draws,
        seed=seed,
        subjects=tuple(map(canonical_subject, participant_label)) if participant_label else None,
        space=output_space,
        detail=detail_of(clinical_detail),
        guidance=guidance,
    )
    imputer = Imputer.load(find(model), share=share)
    impute.require(imputer, asked)
    wanted = selection(
        layout=layout,
        tracer_map=tracer_map,
        reconstruction=reconstruction,
        participant_label=participant_label,
        session_label=session_label,
        pairs=pairs,
        clinical=clinical,
        clinical_map=clinical_map,
        visit_tolerance=visit_tolerance,
    )
    options = Options(
        voxel=imputer.grid.voxel,
        warp=warp,
        already_suvr=already_suvr,
        orientation=assume_orientation,
        form=preferred(prefer_form),
    )
    with progress("Preparing") as on_step:
        done = prepare.run(
            bids_dir, out_dir / "prepared", wanted, options, jobs=jobs, on_step=on_step
        )
    for problem in done.problems:
        if problem.code.startswith("E_"):
            print(f"{problem.code}: {problem.text}")
    _impute(out_dir, imputer, asked)
    if done.refused:
        print(f"{out_dir}: all that can be is imputed; {done.refused} acquired scans were refused")
        raise typer.Exit(_REFUSED)
    print(f"{out_dir}: all that was missing is imputed; no acquired scan was refused")


def _impute(out: Path, imputer: "Imputer", request: "Request") -> None:
    from acadiff.cohort.dataset import read_cohort
    from acadiff.errors import AcadiffError, CohortError
    from acadiff.stages import impute

    people = read_cohort(out / "prepared")
    warn(imputer.caution(people.simulated))
    tell_untold(impute.untold(people, imputer.folder, request))
    try:
        with progress("Imputing") as on_step:
            failed = impute.run(out / "prepared", imputer, out / "imputed", request, on_step)
    except CohortError as error:
        if error.code == impute.COMPLETE:
            return
        raise
    if failed:
        reasons = "; ".join(f"{scan}: {why}" for scan, why in failed.items())
        raise AcadiffError(f"{len(failed)} scan(s) failed, all others are done. {reasons}")
    print(f"{out / 'imputed'}: {doubts_in(out / 'imputed')}")


def _report(out: Path, model: Path) -> None:
    from acadiff.stages.report import run

    with progress("Drawing") as on_step:
        page = run([out / "imputed"], out / "prepared", None, model, out, on_step=on_step)
    print(page)
