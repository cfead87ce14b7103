"""Who may learn from whom: the split as a table, and salted hashes of people in every artefact.

A person's hash is an HMAC of the id under a key that stays in the work folder, `split.key`.
Weights that travel without the key tell nobody who was trained on; whoever has the key can check.
The ids of a study are few and guessable, so that a plain hash would hide nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acadiff.bids import subject_label
from acadiff.cohort.dataset import PEOPLE
from acadiff.cohort.table import Cohort
from acadiff.cohort.text.delimited import read_table
from acadiff.commit import write_text
from acadiff.errors import CohortError, MissingInputError

PARTS = ("train", "validation", "test", "classifier")
"""The generator's three parts, and those kept for classifiers, whom no generator may see."""

KEY = "split.key"
SPLIT = "split.tsv"
_DIGITS = 16


@dataclass(frozen=True)
class Ledger:
    """Who is in which part, and the key of their hashes."""

    parts: Mapping[str, tuple[str, ...]]
    key: bytes

    def hashed(self, *parts: str) -> list[str]:
        """Sorted hashes of everyone in these parts."""
        return sorted(person_hash(self.key, person) for p in parts for person in self.parts[p])

    def refuse_crossing(self, what: object, trained_on: Iterable[str]) -> None:
        """Refuse an artefact that was fitted on somebody whom this split keeps for judging.

        Args:
            what: the artefact, for the message.
            trained_on: hashes its record names.

        Raises:
            CohortError: it was.
        """
        known = set(trained_on)
        for part in ("test", "classifier"):
            crossed = [p for p in self.parts[part] if person_hash(self.key, p) in known]
            if crossed:
                raise CohortError(
                    f"{what}: was trained on {len(crossed)} of the {part} subjects, the first is "
                    f"sub-{crossed[0]}",
                    code="E_LEAK",
                    value=f"sub-{crossed[0]}",
                    hint="use another work folder or the split it was trained with",
                )


def person_hash(key: bytes, person: str) -> str:
    """What stands for a person where ids must not: 64 bits of an HMAC-SHA256, in hexadecimal."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def fingerprint(keys: Iterable[str]) -> str:
    """SHA-256 of the sorted keys: what a resumed training compares to know it is the same one."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def ledger_key(folder: Path, cohort: Cohort) -> bytes | None:
    """The key of a work folder, or None if it did not come along.

    Simulated people need no secret: their key is the content of their table, so that two simulated
    cohorts with the same ids are never taken for one.
    """
    if cohort.simulated and (cohort.root / PEOPLE).is_file():
        return hashlib.sha256((cohort.root / PEOPLE).read_bytes()).digest()
    path = folder / KEY
    try:
        return bytes.fromhex(path.read_text()) if path.is_file() else None
    except ValueError as error:
        raise CohortError(f"{path}: is damaged; take it from a backup") from error


def write_split(folder: Path, cohort: Cohort, parts: Mapping[str, Sequence[str]]) -> Ledger:
    """Write `split.tsv` (participant_id, part, person_hash), making a key where there is none.

    Raises:
        CohortError: another split is there already, and what was trained on it would be mixed up.
    """
    key = ledger_key(folder, cohort)
    if key is None:
        key = secrets.token_bytes(32)
        write_text(folder / KEY, key.hex())
        (folder / KEY).chmod(0o600)
    rows = sorted((subject, part) for part, ids in parts.items() for subject in ids)
    lines = (f"sub-{s}\t{part}\t{person_hash(key, s)}" for s, part in rows)
    text = "\n".join(["participant_id\tpart\tperson_hash", *lines, ""])
    path = folder / SPLIT
    if path.is_file() and path.read_text() != text:
        raise CohortError(
            f"{path}: holds another split; use the same cohort and recipe, or another work folder"
        )
    write_text(path, text)
    return Ledger({part: tuple(parts.get(part, ())) for part in PARTS}, key)


def read_ledger(folder: Path, cohort: Cohort) -> Ledger:
    """Read split and key back.

    Raises:
        MissingInputError: one of them is not there.
        CohortError: a part is unknown or a subject stands in two.
    """
    parts, key = read_split(folder / SPLIT), ledger_key(folder, cohort)
    if key is None:
        raise MissingInputError(f"{folder / KEY}: is not there; `split.tsv` is of no use without")
    return Ledger(parts, key)


def kept_for_classifiers(folder: Path) -> frozenset[str]:
    """Ids of those whose diagnosis a classifier is to predict; nobody, where there is no split.

    By id and not by hash: to withhold a diagnosis needlessly harms nobody, to tell it does.
    """
    path = folder / SPLIT
    return frozenset(read_split(path)["classifier"]) if path.is_file() else frozenset()


def read_split(path: Path) -> dict[str, tuple[str, ...]]:
    """The parts alone.

    Raises:
        MissingInputError: no such file.
        CohortError: it is no table, a part is unknown or a subject stands in two.
    """
    if not path.is_file():
        raise MissingInputError(f"{path}: there is no split; run `acadiff compress` first")
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    seen: set[str] = set()
    table = read_table(path, delimiters=("\t",))
    lacking = {"participant_id", "part"} - set(table.columns)
    if lacking:
        raise CohortError(f"{path} line 1: lacks the column {min(lacking)}; write it anew")
    for row in table.rows:
        subject = subject_label(table.cell(row, "participant_id").text)
        part = table.cell(row, "part").text
        if part not in parts or subject in seen:
            why = "twice" if subject in seen else f"in part {part!r}"
            raise CohortError(f"{path} line {row.line}: sub-{subject} is {why}; write it anew")
        seen.add(subject)
        parts[part].append(subject)
    return {part: tuple(ids) for part, ids in parts.items()}
