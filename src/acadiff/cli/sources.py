"""The options by which `check` and `prepare` are told which scans and tables are meant."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from acadiff.modality import Modality

if TYPE_CHECKING:
    from acadiff.cohort.selection import Selection
    from acadiff.volume.glance import Leave

SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE", help="A BIDS dataset, a CAPS folder or a table of paths (CSV or TSV)."
    ),
]
LayoutOption = Annotated[
    str | None,
    typer.Option("--layout", help="Layout: bids, caps or manifest; left out, the files tell."),
]
TracerMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tracer-map",
        metavar="NAME=MODALITY",
        help="What a tracer shows, e.g. --tracer-map florb=AV45; repeatable.",
    ),
]
ReconstructionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reconstruction",
        "-rec",
        metavar="MODALITY=LABEL",
        help="Which reconstruction to use, e.g. FDG=coregavg (none: files without); repeatable.",
    ),
]
RunOption = Annotated[
    str | None, typer.Option("--run", help="Among several files of a scan, those of this run.")
]
SpaceOption = Annotated[str | None, typer.Option("--space", help="Likewise, of this template.")]
ResolutionOption = Annotated[
    str | None, typer.Option("--resolution", help="Likewise, of this res- label.")
]
DescOption = Annotated[str | None, typer.Option("--desc", help="Likewise, of this desc- label.")]
ParticipantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--participant-label",
        metavar="ID",
        help="Only this person, with or without sub-; repeatable.",
    ),
]
SessionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--session-label",
        metavar="LABEL",
        help="Only this session, with or without ses-; repeatable.",
    ),
]
PairsOption = Annotated[
    Path | None,
    typer.Option(
        "-tsv",
        "--subjects-sessions-tsv",
        metavar="TABLE",
        help="Only the persons and sessions of this table (participant_id, session_id).",
    ),
]
ClinicalOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--clinical",
        metavar="TABLE",
        help="A clinical table, or a folder of ADNI's; repeatable. BIDS' own are read anyway.",
    ),
]
ClinicalMapOption = Annotated[
    Path | None,
    typer.Option(
        "--clinical-map",
        metavar="FILE",
        help='Which columns are meant, as TOML or JSON: MMSE = "their column".',
    ),
]
ToleranceOption = Annotated[
    int,
    typer.Option(
        "--visit-tolerance", min=0, metavar="DAYS", help="How far a visit may be from a scan."
    ),
]
OrientationOption = Annotated[
    str | None,
    typer.Option(
        "--assume-orientation",
        metavar="AXES",
        help="Where the axes of files that do not tell it point, such as RAS.",
    ),
]
FormOption = Annotated[
    str | None,
    typer.Option(
        "--prefer-form",
        metavar="FORM",
        help="Which is right in files where they disagree: sform or qform.",
    ),
]
NonfiniteOption = Annotated[
    str,
    typer.Option(
        "--nonfinite",
        metavar="WAY",
        help="NaN and infinite voxels: refuse the scan, or zero-outside-mask.",
    ),
]
FORMS: Mapping[str | None, Literal["sform", "qform"] | None] = {
    None: None,
    "sform": "sform",
    "qform": "qform",
}
NONFINITE: Mapping[str, Literal["refuse", "zero"]] = {
    "refuse": "refuse",
    "zero-outside-mask": "zero",
}
TOLERANCE = 180
"""The default, as `cohort.visits` has it; repeated here to keep --help fast."""


def selection(
    *,
    layout: str | None = None,
    tracer_map: Sequence[str] | None = None,
    reconstruction: Sequence[str] | None = None,
    run: str | None = None,
    space: str | None = None,
    resolution: str | None = None,
    desc: str | None = None,
    participant_label: Sequence[str] | None = None,
    session_label: Sequence[str] | None = None,
    pairs: Path | None = None,
    clinical: Sequence[Path] | None = None,
    clinical_map: Path | None = None,
    visit_tolerance: int = TOLERANCE,
) -> "Selection":
    """What all these options ask for.

    Raises:
        UsageError: a tracer or a reconstruction is not given as NAME=VALUE.
    """
    from acadiff.cohort.selection import Selection

    return Selection(
        layout=layout,
        tracers={name: _modality("--tracer-map", m) for name, m in _tracers(tracer_map).items()},
        reconstructions=by_modality("--reconstruction", reconstruction or (), "FDG=coregavg"),
        run=run,
        space=space,
        resolution=resolution,
        desc=desc,
        participants=tuple(participant_label) if participant_label else None,
        sessions=tuple(session_label) if session_label else None,
        pairs=pairs,
        tables=tuple(clinical or ()),
        clinical_map=clinical_map,
        window_days=visit_tolerance,
    )


def by_modality(option: str, given: Sequence[str], example: str) -> dict[Modality, str]:
    """`MODALITY=VALUE` texts, taken apart.

    Raises:
        UsageError: one is not built so, a modality is unknown or comes twice.
    """
    pairs = _pairs(option, given, example)
    return {_modality(option, name): value for name, value in pairs.items()}


def allowed(orientation: str | None, form: str | None, nonfinite: str) -> "Leave":
    """What the options allow for files that are not whole.

    Raises:
        UsageError: there is no such form, or no such way to treat voxels that are not finite.
    """
    from acadiff.errors import UsageError
    from acadiff.volume.glance import Leave

    if nonfinite not in NONFINITE:
        raise UsageError(
            f"--nonfinite {nonfinite!r} is no way to treat them",
            code="E_OPTION",
            value=nonfinite,
            hint=f"choose {' or '.join(NONFINITE)}",
        )
    return Leave(orientation, preferred(form), NONFINITE[nonfinite])


def preferred(form: str | None) -> Literal["sform", "qform"] | None:
    """The form of this name.

    Raises:
        UsageError: there is none.
    """
    from acadiff.errors import UsageError

    if form not in FORMS:
        raise UsageError(
            f"--prefer-form {form!r} is no form of a NIfTI header",
            code="E_OPTION",
            value=form,
            hint="choose sform or qform",
        )
    return FORMS[form]


def _tracers(given: Sequence[str] | None) -> Mapping[str, str]:
    return _pairs("--tracer-map", given or (), "florb=AV45")


def _pairs(option: str, given: Sequence[str], example: str) -> Mapping[str, str]:
    """`NAME=VALUE` texts, taken apart.

    Raises:
        UsageError: one is not built so, or a name comes twice.
    """
    from acadiff.errors import UsageError

    found: dict[str, str] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not name or not value or name in found:
            why = "is there twice" if name in found else "is not NAME=VALUE"
            raise UsageError(
                f"{option} {text!r} {why}", code="E_OPTION", value=text, hint=f"as in {example}"
            )
        found[name] = value
    return found


def _modality(option: str, name: str) -> Modality:
    """The modality of this name.

    Raises:
        UsageError: there is none.
    """
    from acadiff.errors import UsageError

    known = {modality.name: modality for modality in Modality}
    if name.upper() not in known:
        raise UsageError(
            f"{option}: there is no modality {name!r}",
            code="E_OPTION",
            value=name,
            hint=f"known are {', '.join(known)}",
        )
    return known[name.upper()]
