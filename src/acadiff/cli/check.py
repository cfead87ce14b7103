"""`acadiff check`: what is there, what is missing and what is wrong, before anything runs."""

from collections.abc import Mapping
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
    NonfiniteOption,
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
    allowed,
    selection,
)
from acadiff.modality import Modality

if TYPE_CHECKING:
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from acadiff.outputs.availability import Counts, Findings, State

_FEW = 3
_REFUSED = 65


def check(
    source: SourceArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder for check.html, check.json and the tables.")
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every voxel, not only the headers.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, with --thorough.")] = 1,
    strict_bids: Annotated[
        bool, typer.Option("--strict-bids", help="Fail (16) if bids-validator finds errors.")
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
    assume_orientation: OrientationOption = None,
    prefer_form: FormOption = None,
    nonfinite: NonfiniteOption = "refuse",
) -> None:
    """Tell which scans are there, which are missing and which cannot be used, and why."""
    from rich.console import Console

    from acadiff.cohort.files.validator import EXIT_CODE
    from acadiff.stages import check as stage

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
    leave = allowed(assume_orientation, prefer_form, nonfinite)
    with progress("Reading") as on_step:
        findings = stage.run(
            source,
            wanted,
            thorough=thorough,
            leave=leave,
            strict_bids=strict_bids,
            jobs=jobs,
            out=out,
            on_step=on_step,
        )
    console = Console(highlight=False, soft_wrap=True)
    _show(console, findings)
    if out is not None:
        print(out / stage.PAGE)
    invalid = sum(problem.code == "E_BIDS" for problem in findings.problems)
    refused = len(findings.refusals) - invalid
    ending = f"; {invalid} errors of BIDS validation" if invalid else ""
    print(_last(findings, refused) + ending)
    if invalid or refused:
        raise typer.Exit(EXIT_CODE if invalid else _REFUSED)


def _last(findings: "Findings", refused: int) -> str:
    """The last line, which says what the exit status says."""
    lacking = len(findings.scans) - sum(scan.state.value == "found" for scan in findings.scans)
    whole = f"{len(findings.scans) - lacking} of {len(findings.scans)} expected scans can be used"
    if refused:
        return f"{whole}; {refused} refused {'input' if refused == 1 else 'inputs'}, see above"
    return f"{whole}; nothing was refused"


def _show(console: "Console", findings: "Findings") -> None:
    """All tables."""
    from acadiff.outputs.availability import by_diagnosis, by_session, tally

    groups: dict[str, Counts] = {"all": tally(findings.scans)}
    sessions = by_session(findings.scans)
    groups |= sessions if len(sessions) > 1 else {}
    groups |= by_diagnosis(findings.scans)
    console.print(_availability(groups))
    if findings.roster.mapping:
        console.print(_mapping(findings.roster.mapping))
    for modality in Modality:
        console.print(findings.verdicts[modality], markup=False)
    console.print()
    _problems(console, findings)


def _availability(groups: Mapping[str, "Counts"]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, title="Scans found", title_justify="left")
    table.add_column("visits", no_wrap=True)
    table.add_column("n", justify="right")
    for modality in Modality:
        table.add_column(modality.title, justify="right", no_wrap=True)
    for name, counts in groups.items():
        visits = sum(counts[Modality.MRI].values())
        table.add_row(name, str(visits), *(_cell(counts[modality]) for modality in Modality))
    return table


def _cell(counts: "Counter[State]") -> str:
    from acadiff.outputs.availability import State

    rejected = counts[State.REJECTED]
    return f"{counts[State.FOUND]} of {counts.total()}" + (
        f", {rejected} rejected" if rejected else ""
    )


def _mapping(mapping: tuple[tuple[str, str, str], ...]) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, title="Clinical columns", title_justify="left")
    for column in ("table", "our name", "its column"):
        table.add_column(column)
    for line in mapping:
        table.add_row(*map(escape, line))
    return table


def _problems(console: "Console", findings: "Findings") -> None:
    """The first few of each code."""
    from acadiff.outputs.availability import grouped

    for code, problems in grouped(findings.problems).items():
        console.print(f"{code} ({len(problems)})", style="bold", markup=False)
        for problem in problems[:_FEW]:
            console.print(f"  {problem.text}", markup=False)
        if len(problems) > _FEW:
            console.print(f"  … and {len(problems) - _FEW} more; --out lists all", markup=False)
