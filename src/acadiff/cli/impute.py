"""`acadiff impute`: make the scans that are missing, of a dataset or of one person's files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import ShareOption
from acadiff.cli.sources import FormOption, OrientationOption, preferred
from acadiff.cli.train import modalities
from acadiff.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acadiff.clinical.prompt import Detail
    from acadiff.cohort.table import Diagnosis, Scores
    from acadiff.errors import Problem
    from acadiff.stages.single import Wish

DetailOption = Annotated[
    str | None,
    typer.Option(
        "--clinical",
        metavar="LEVEL",
        help="What prompts tell: none, scores, or full (with the diagnosis). Default: full, but "
        "none for people whom the split keeps for classifiers.",
    ),
]
GuidanceOption = Annotated[
    float, typer.Option(help="How strongly prompts guide; 1 is the paper's, 0 not at all.")
]

_FILES, _PERSON = "One person's files", "About that person"


def impute(
    cohort: Annotated[
        Path | None, typer.Argument(help="Dataset on the model's grid, as prepare writes it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(help="Derivative dataset to write, kept if it is there.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Work folder of a training, or a pretrained name.")
    ] = "phantom-4mm",
    method: Annotated[str, typer.Option(help="Method: acadiff or mean.")] = "acadiff",
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Use only these scans and impute the others; repeatable."),
    ] = None,
    target: Annotated[list[str] | None, typer.Option("--target", help="Only these.")] = None,
    participant_label: Annotated[
        list[str] | None,
        typer.Option("--participant-label", metavar="ID", help="Only these subjects."),
    ] = None,
    keep_draws: Annotated[bool, typer.Option(help="Write the single draws too.")] = False,
    clinical_detail: DetailOption = None,
    guidance: GuidanceOption = 1.0,
    share: ShareOption = False,
    strict: Annotated[
        bool, typer.Option(help="Refuse what is not to be trusted, and do not only say so.")
    ] = False,
    mri: Annotated[
        Path | None, typer.Option(help="T1w scan (.nii or .nii.gz).", rich_help_panel=_FILES)
    ] = None,
    fdg: Annotated[Path | None, typer.Option(help="FDG-PET.", rich_help_panel=_FILES)] = None,
    av45: Annotated[Path | None, typer.Option(help="AV45-PET.", rich_help_panel=_FILES)] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", rich_help_panel=_FILES),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            "--output-space",
            help="Where results lie. Dataset: model (default) or T1w. "
            "One person: input (default), as the first scan, or model.",
        ),
    ] = None,
    already_suvr: Annotated[
        bool,
        typer.Option("--already-suvr", help="The PET is SUVR already.", rich_help_panel=_FILES),
    ] = False,
    assume_orientation: OrientationOption = None,
    prefer_form: FormOption = None,
    diagnosis: Annotated[
        str | None, typer.Option(help="CN, MCI or AD.", rich_help_panel=_PERSON)
    ] = None,
    mmse: Annotated[
        float | None, typer.Option(help="Score, 0 to 30.", rich_help_panel=_PERSON)
    ] = None,
    adas13: Annotated[
        float | None, typer.Option(help="Score, 0 to 85.", rich_help_panel=_PERSON)
    ] = None,
    cdrsb: Annotated[
        float | None, typer.Option(help="Score, 0 to 18.", rich_help_panel=_PERSON)
    ] = None,
) -> None:
    """Fill in every scan a subject lacks, from all scans it has. What is done is skipped.

    Either of a dataset (COHORT OUT), or of one person: --mri a.nii.gz --target av45 -o out.nii.gz.
    """
    from acadiff.errors import UsageError

    files = {Modality.MRI: mri, Modality.FDG: fdg, Modality.AV45: av45}
    scans = {modality: path for modality, path in files.items() if path is not None}
    if scans or output:
        if cohort or not (scans and output and target and len(target) == 1):
            raise UsageError(
                "one person needs --mri, --fdg or --av45, one --target and -o, and no cohort"
            )
        from acadiff.registration.options import Options
        from acadiff.stages.single import Wish

        wish = Wish(
            scans,
            modalities(target)[0],
            output,
            _diagnosis(diagnosis),
            _scores(mmse, adas13, cdrsb),
            draws,
            seed,
            space or "input",
            Options(
                already_suvr=already_suvr,
                orientation=assume_orientation,
                form=preferred(prefer_form),
            ),
            detail_of(clinical_detail),
            guidance,
            strict,
        )
        _of_one(wish, model, method, share=share)
        return
    if cohort is None or out is None:
        raise UsageError("name a cohort and a folder to write to, or one person's files and -o")
    from acadiff.bids import subject_label
    from acadiff.cohort.dataset import read_cohort
    from acadiff.errors import AcadiffError
    from acadiff.imputer import Imputer
    from acadiff.pretrained import find
    from acadiff.stages.impute import Request, run, untold

    labels = tuple(map(subject_label, participant_label)) if participant_label else None
    request = Request(
        draws=draws,
        seed=seed,
        sources=modalities(source) if source else None,
        subjects=labels,
        targets=modalities(target),
        keep_draws=keep_draws,
        space=space or "model",
        detail=detail_of(clinical_detail),
        guidance=guidance,
        strict=strict,
    )
    imputer, people = Imputer.load(find(model), method, share=share), read_cohort(cohort)
    warn(imputer.caution(people.simulated))
    tell_untold(untold(people, imputer.folder, request))
    with progress("Imputing") as on_step:
        failed = run(cohort, imputer, out, request, on_step)
    if failed:
        reasons = "; ".join(f"{scan}: {why}" for scan, why in failed.items())
        raise AcadiffError(f"{len(failed)} scan(s) failed, all others are done. {reasons}")
    print(f"{out}: {doubts_in(out)}")


def warn(problem: "Problem | None") -> None:
    """Tell a warning, if there is one, on stderr."""
    if problem:
        print(f"acadiff: {problem.code}: {problem.text}", file=sys.stderr)


def doubts_in(out: Path) -> str:
    """One line on how far what was imputed just now can be trusted, from its `run.json`."""
    import json

    from acadiff.outputs.doubts import summary

    return summary(json.loads((out / "run.json").read_bytes())["trust"]["total"])


def tell_untold(people: "Sequence[str]") -> None:
    """Say, on stderr, of whom prompts tell nothing although nobody asked for that."""
    if people:
        print(
            f"acadiff: {len(people)} people whom the split keeps for classifiers are imputed with "
            "--clinical none, because their diagnosis is to be predicted; --clinical full "
            "tells it nevertheless",
            file=sys.stderr,
        )


def detail_of(text: str | None) -> "Detail | None":
    """The level of this name; None if there is no name.

    Raises:
        UsageError: there is no such level.
    """
    from acadiff.clinical.prompt import Detail
    from acadiff.errors import UsageError

    known = [level.value for level in Detail]
    if text is not None and text not in known:
        raise UsageError(
            f"--clinical {text!r} is no level of detail",
            code="E_OPTION",
            value=text,
            hint=f"choose {', '.join(known)}",
        )
    return None if text is None else Detail(text)


def _of_one(wish: "Wish", model: str, method: str, *, share: bool) -> None:
    from acadiff.imputer import Imputer
    from acadiff.pretrained import find
    from acadiff.stages.single import run

    with progress("Imputing") as on_step:
        warnings = run(wish, Imputer.load(find(model), method, share=share), on_step)
    for warning in warnings:
        warn(warning)
    print(f"SYNTHETIC, research use only: {wish.out}")


def _diagnosis(text: str | None) -> "Diagnosis | None":
    from acadiff.cohort.table import Diagnosis
    from acadiff.errors import UsageError

    if text is not None and text.upper() not in Diagnosis.__members__:
        known = ", ".join(Diagnosis.__members__)
        raise UsageError(f"the diagnosis is {text!r}; known are {known}")
    return None if text is None else Diagnosis[text.upper()]


def _scores(mmse: float | None, adas13: float | None, cdrsb: float | None) -> "Scores":
    from acadiff.cohort.table import Scores

    return Scores(mmse, adas13, cdrsb)
