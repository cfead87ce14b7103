"""The tables and texts around prepared scans: who they are, and how good."""

import json
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.cohort.clinical.visit import Visit
from acadiff.cohort.dataset import PEOPLE, VISITS
from acadiff.commit import lock, write_json, write_text
from acadiff.errors import OutputError, Problem
from acadiff.modality import Modality
from acadiff.outputs.dataset import BIDS_VERSION
from acadiff.outputs.place import keep_apart
from acadiff.outputs.tsv import cell, table

QC = "qc.tsv"
PAGE = "qc.html"
CHECK = "check.json"
_DESCRIPTION = "dataset_description.json"
_NAME = "scans prepared by ACADiff"
_IGNORED = ("cohort.tsv", "qc.tsv", "*.html", "check.json", "logs/")
_CLINICAL = ("diagnosis", "MMSE", "ADAS13", "CDRSB", "age", "sex", "apoe4", "education", "site")
_PERSON = ("age", "sex", "apoe4", "education", "site")
_SHARED = ("fov", "dice", "nmi_template", "hindbrain", "texture")
_OF_PET = ("nmi_mri", "agreement", "mirrored", "moved_mm", "reference", "outside")
_MEASURES = {m: (*_SHARED, *(_OF_PET if m.is_pet else ("brain_ml",))) for m in Modality}
_README = """# {simulated}Scans prepared by ACADiff

Every scan lies on one grid in the space of the template {space}, shows the brain alone, and PET is
in SUVR. ACADiff {version} made them from the scans that each sidecar names.

- cohort.tsv: one row a person and visit, with the scans and what is known of the person then
- qc.tsv and qc.html: how good every scan is; look at the flagged ones
- check.json: what was refused, and why
- logs/prepare/: one record a visit, with the checksums of its files
"""
_COLUMNS = {
    "age": {"Description": "Age at the first visit", "Units": "year"},
    "sex": {"Description": "Sex", "Levels": {"F": "female", "M": "male"}},
    "apoe4": {"Description": "Number of APOE4 alleles, 0 to 2"},
    "education": {"Description": "Education", "Units": "year"},
    "site": {"Description": "Where the scans were made"},
}


@dataclass(frozen=True)
class Line:
    """One person at one visit, as the tables tell it.

    Args:
        subject: label without `sub-`.
        session: label without `ses-`, or None.
        scans: paths below the dataset.
        visit: what is known of the person then.
        space: the template that the scans came on, or `native`.
        extraction: how the brain was found.
        measures: of each scan.
        flags: of each scan, codes and measures far from the cohort's.
    """

    subject: str
    session: str | None
    scans: Mapping[Modality, str]
    visit: Visit | None
    space: str = ""
    extraction: str = ""
    measures: Mapping[Modality, Mapping[str, float]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def who(self) -> tuple[str, str | None]:
        """The first two cells."""
        return f"sub-{self.subject}", f"ses-{self.session}" if self.session else None


def start(root: Path, source: Path, base: Path, *, simulated: bool) -> None:
    """Make `root` a dataset of scans prepared from `source`; doing it again changes nothing.

    Args:
        root: the folder to write to.
        source: what the scans come from: a dataset or a table of paths.
        base: the folder that the paths of its scans are below.
        simulated: whether no person was scanned.

    Raises:
        OutputError: it lies among the scans, or holds another dataset, or cannot be written.
    """
    keep_apart(root, source)
    link = os.path.relpath(base.resolve(), root.resolve())
    path = root / _DESCRIPTION
    held = root.is_dir() and any(not p.name.startswith(".") for p in root.iterdir())
    if held and _link(path) != link:
        raise OutputError(
            f"{root}: is not empty and holds nothing that was prepared from {base}",
            code="E_OUTPUT_BELONGS_TO",
            value=root,
            hint="choose another folder",
        )
    describe(root, link, simulated=simulated)
    write_text(root / ".bidsignore", "\n".join([*_IGNORED, ""]))
    rows = [("desc-preproc", "brought onto one grid, brain alone, PET in SUVR"),
            ("desc-brain", "where the brain is")]  # fmt: skip
    write_text(root / "descriptions.tsv", table(["desc_id", "description"], rows))


def describe(root: Path, link: str, *, simulated: bool) -> None:
    """Write the description and the README."""
    word = "SIMULATED " if simulated else ""
    text = _README.format(simulated=word, space="MNI152NLin2009aSym", version=__version__)
    write_text(root / "README.md", text)
    about = "Scans of several kinds on the grid of one model"
    maker = {"Name": "acadiff", "Version": __version__, "Description": about}
    write_json(
        root / _DESCRIPTION,
        {
            "Name": f"{word}{_NAME}",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [maker],
            "SourceDatasets": [{"URL": link}],
            "DatasetLinks": {"raw": link},
        },
    )


def write_tables(
    root: Path, lines: Sequence[Line], check: Mapping[str, Any], *, partial: bool = False
) -> None:
    """Write the tables of people, visits and quality, and `check.json`.

    Args:
        root: the dataset.
        lines: what this run prepared.
        check: what `check.json` is to say.
        partial: this run was for some of the people: the rows of others stay, so that several
            jobs may prepare one dataset person by person.
    """
    usable = [line for line in lines if line.scans]
    header = ["participant_id", "session_id", *(m.name.lower() for m in Modality), *_CLINICAL]
    rows = [
        (*line.who, *(line.scans.get(m) for m in Modality), *clinical(line.visit))
        for line in usable
    ]
    people = {line.subject: line for line in reversed(usable)}
    persons = [(f"sub-{s}", *clinical(people[s].visit)[-len(_PERSON) :]) for s in sorted(people)]
    write_json(root / "participants.json", _COLUMNS)
    texts = {
        PEOPLE: (table(["participant_id", *_PERSON], persons), 1),
        QC: (quality(lines), 2),
        VISITS: (table(header, rows), 2),
    }
    who = [tuple(map(cell, line.who)) for line in lines]
    seen = {1: {one[:1] for one, line in zip(who, lines, strict=True) if line.scans}, 2: {*who}}
    with lock(root / VISITS):
        write_json(root / CHECK, check)
        for name, (text, keys) in texts.items():
            whole = _joined(root / name, text, seen[keys], keys) if partial else text
            write_text(root / name, whole)


def _joined(path: Path, text: str, ours: Set[tuple[str, ...]], keys: int) -> str:
    """A table with the rows that the file has of other visits, sorted.

    Args:
        path: the file, which may not be there.
        text: the table of this run.
        ours: first cells of all that this run was for, whether it has a row or not.
        keys: how many cells those are.
    """
    header, *rows = text.splitlines()
    before = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if before[:1] == [header]:
        rows += [row for row in before[1:] if tuple(row.split("\t")[:keys]) not in ours]
    return "\n".join([header, *sorted(rows), ""])


def clinical(visit: Visit | None) -> tuple[object, ...]:
    """What is known of a person at a visit, in the order of the columns."""
    if visit is None:
        return (None,) * len(_CLINICAL)
    diagnosis = visit.diagnosis.value if visit.diagnosis else None
    scores = visit.scores
    return (diagnosis, scores.mmse, scores.adas13, scores.cdrsb,
            visit.age, visit.sex, visit.apoe4, visit.education, visit.site)  # fmt: skip


def quality(lines: Sequence[Line]) -> str:
    """One row a visit: every measure of every scan, and what is odd about it."""
    header = ["participant_id", "session_id", "source_space", "brain_extraction", "flags"]
    columns = [(m, name) for m, names in _MEASURES.items() for name in names]
    header += [f"{m.name.lower()}_{name}" for m, name in columns]
    rows = []
    for line in lines:
        values = [line.measures.get(m, {}).get(name) for m, name in columns]
        shown = [None if value is None else float(f"{value:.4g}") for value in values]
        rows.append((*line.who, line.space, line.extraction, "; ".join(line.flags), *shown))
    return table(header, rows)


def as_json(problem: Problem) -> dict[str, str]:
    """A problem as plain data."""
    return {
        "path": problem.where,
        "code": problem.code,
        "value": problem.value,
        "hint": problem.hint,
        "text": problem.text,
    }


def _link(path: Path) -> str | None:
    """Where a dataset found says that its scans come from, if it is one of ours."""
    try:
        found = json.loads(path.read_bytes())
        ours = found["GeneratedBy"][0]["Name"] == "acadiff" and found["Name"].endswith(_NAME)
        return str(found["DatasetLinks"]["raw"]) if ours else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
