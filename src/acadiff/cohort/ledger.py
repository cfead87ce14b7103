"""Who was trained on, on disk: the split as a table, and its fingerprint inside every artefact."""

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from acadiff.bids import subject_label
from acadiff.commit import write_text
from acadiff.errors import CohortError, MissingInputError

PARTS = ("train", "validation", "test")


def fingerprint(ids: Iterable[str]) -> str:
    """SHA-256 of the sorted ids: what two artefacts compare to know they saw the same people."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def write_split(path: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Write who is in which part: `participant_id`, `part`.

    Raises:
        CohortError: another split is there already, and what was trained on it would be mixed up.
    """
    rows = sorted((subject, part) for part, ids in parts.items() for subject in ids)
    text = "\n".join(["participant_id\tpart", *(f"sub-{s}\t{p}" for s, p in rows), ""])
    if path.is_file() and path.read_text() != text:
        raise CohortError(
            f"{path}: holds another split; use the same cohort and recipe, or another work folder"
        )
    write_text(path, text)


def read_split(path: Path) -> dict[str, tuple[str, ...]]:
    """Read it back.

    Raises:
        MissingInputError: no such file.
        CohortError: a part is unknown or a subject stands in two.
    """
    if not path.is_file():
        raise MissingInputError(f"{path}: there is no split; run `acadiff compress` first")
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    seen: set[str] = set()
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file, delimiter="\t"), start=2):
            subject, part = subject_label(row["participant_id"]), row["part"]
            if part not in parts or subject in seen:
                why = "twice" if subject in seen else f"in part {part!r}"
                raise CohortError(f"{path} line {line}: sub-{subject} is {why}; write it anew")
            seen.add(subject)
            parts[part].append(subject)
    return {part: tuple(ids) for part, ids in parts.items()}
