"""The files that a check leaves: tables for people and programs, and all problems as JSON."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.commit import write_json, write_text
from acadiff.errors import Problem
from acadiff.modality import Modality
from acadiff.outputs.availability import (
    Expected,
    Findings,
    State,
    by_diagnosis,
    by_session,
    tally,
)
from acadiff.outputs.tsv import table

JSON = "check.json"
SCANS = "scans.tsv"
SUMMARY = "missing_mods_summary.tsv"
TESTS = "missingness.tsv"
_TESTED = (
    "modality", "variable", "method", "n", "lacking", "effect", "measure", "p", "q", "pattern",
)  # fmt: skip


def write_files(folder: Path, findings: Findings) -> None:
    """Write all tables and `check.json` into a folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    for name, text in missing_modalities(findings.scans).items():
        write_text(folder / name, text)
    write_text(folder / SUMMARY, summary(findings.scans))
    write_text(folder / SCANS, scans(findings.scans))
    write_text(folder / TESTS, tests(findings.tests))
    write_json(folder / JSON, as_json(findings))


def missing_modalities(found: Iterable[Expected]) -> dict[str, str]:
    """File name → table of one session: a person a line, 1 for each scan found, else 0."""
    sessions: dict[str | None, dict[str, dict[Modality, bool]]] = defaultdict(dict)
    for scan in found:
        row = sessions[scan.member.session].setdefault(scan.member.subject, {})
        row[scan.modality] = scan.state is State.FOUND
    tables = {}
    for session, people in sessions.items():
        rows = [
            [f"sub-{subject}", *(int(row[modality]) for modality in Modality)]
            for subject, row in sorted(people.items())
        ]
        name = f"missing_mods_ses-{session}.tsv" if session else "missing_mods.tsv"
        tables[name] = table(["participant_id", *map(column, Modality)], rows)
    return tables


def column(modality: Modality) -> str:
    """What a modality is called in these tables: `T1w`, `pet_trc-18FFDG`."""
    return f"{modality.suffix}_trc-{modality.tracer}" if modality.is_pet else modality.suffix


def summary(found: Sequence[Expected]) -> str:
    """Counts and shares by session and by diagnosis."""
    groups = {("all", "all"): tally(found)}
    groups |= {("session", name): counts for name, counts in by_session(found).items()}
    groups |= {("diagnosis", name): counts for name, counts in by_diagnosis(found).items()}
    rows = []
    for (kind, name), counts in groups.items():
        for modality in Modality:
            states = [counts[modality][state] for state in State]
            total = sum(states)
            lacking = total - counts[modality][State.FOUND]
            share = round(100 * lacking / total, 1) if total else None
            rows.append([kind, name, column(modality), total, *states, share])
    states_ = [state.value.replace(" ", "_") for state in State]
    return table(["by", "group", "modality", "expected", *states_, "percent_missing"], rows)


def scans(found: Iterable[Expected]) -> str:
    """Every expected scan: what became of it and why."""
    header = ["participant_id", "session_id", "modality", "state", "code", "reason"]
    header += ["hint", "path", "shape", "voxel_mm", "space"]
    return table(header, map(_scan, found))


def tests(rows: Iterable[Mapping[str, Any]]) -> str:
    """Every test of the missingness, one a line."""
    return table(_TESTED, ([_shown(row[name]) for name in _TESTED] for row in rows))


def as_json(findings: Findings) -> dict[str, Any]:
    """All problems and counts as plain data."""
    counts = tally(findings.scans)
    states = {s.value: sum(counts[m][s] for m in Modality) for s in State}
    return {
        "software": {"name": "acadiff", "version": __version__},
        "source": str(findings.source),
        "layout": findings.roster.layout,
        "thorough": findings.thorough,
        "visits": len(findings.roster.members),
        "requested": len(findings.scans),
        "counts": states,
        "by_modality": {m.name: {s.value: counts[m][s] for s in State} for m in Modality},
        "other_images": findings.roster.others,
        "clinical_columns": [list(line) for line in findings.roster.mapping],
        "missingness": {m.name: text for m, text in findings.verdicts.items()},
        "problems": [_problem(problem) for problem in findings.problems],
    }


def _problem(problem: Problem) -> dict[str, str]:
    return {
        "path": problem.where,
        "code": problem.code,
        "value": problem.value,
        "hint": problem.hint,
        "text": problem.text,
    }


def _scan(scan: Expected) -> list[object]:
    member, problem, geometry = scan.member, scan.problem, scan.geometry
    return [
        f"sub-{member.subject}",
        f"ses-{member.session}" if member.session else None,
        column(scan.modality),
        scan.state.value,
        *((problem.code, problem.text, problem.hint) if problem else (None, None, None)),
        scan.path,
        "x".join(map(str, geometry.shape)) if geometry else None,
        "x".join(f"{size:.4g}" for size in geometry.voxel) if geometry else None,
        geometry.space if geometry else None,
    ]


def _shown(value: object) -> object:
    return column(value) if isinstance(value, Modality) else value
