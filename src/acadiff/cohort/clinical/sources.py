"""Which files are clinical tables: those that are named, and those a BIDS dataset brings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.text.textfile import shown, unreadable
from acadiff.errors import CohortError, MissingInputError

PEOPLE = "participants.tsv"
SESSIONS = "sessions.tsv"
EACH = "sub-*_sessions.tsv"
_DATED = r"(?:_[0-9]{1,2}[A-Za-z]{3}[0-9]{4})?"
_ADNI = re.compile(
    r"(?:All_Subjects_)?((?:ADNIMERGE|DXSUM|MMSE|ADAS|ADASSCORES|CDR|PTDEMOG|APOERES|REGISTRY)"
    rf"(?:_[A-Za-z0-9]+?)*?){_DATED}\.csv",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """One table to read.

    Args:
        path: where it is.
        title: what the mapping calls it.
        label: the person it is about, if it is about one.
        named: whether the user named it, so that it must hold something that is understood.
        own: whether it is the dataset's own, so that it may be wrong and the rest goes on.
    """

    path: Path
    title: str
    label: str | None = None
    named: bool = False
    own: bool = False


def sources(root: Path | None, tables: Sequence[Path]) -> list[Source]:
    """The tables in the order of their word: named ones, those of visits, those of persons.

    Args:
        root: a BIDS dataset, whose `sessions.tsv`, `sub-*/sub-*_sessions.tsv` and
            `participants.tsv` are read if they are there.
        tables: files, or folders that hold ADNI's tables under ADNI's names.

    Raises:
        MissingInputError: a named folder holds no table of ADNI.
        CohortError: it holds two dates of one table.
    """
    found: dict[Path, Source] = {}
    for table in tables:
        for path in _folder(table) if table.is_dir() else [table]:
            source = Source(path, path.name, named=not table.is_dir())
            found.setdefault(path.absolute(), source)
    for source in _dataset(root) if root is not None else []:
        found.setdefault(source.path.absolute(), source)
    return list(found.values())


def _dataset(root: Path) -> list[Source]:
    found = [Source(root / SESSIONS, SESSIONS, own=True)] if (root / SESSIONS).is_file() else []
    for label in labels(root):
        path = root / label / f"{label}_{SESSIONS}"
        if path.is_file():
            found.append(Source(path, EACH, label, own=True))
    people = [Source(root / PEOPLE, PEOPLE, own=True)] if (root / PEOPLE).is_file() else []
    return found + people


def labels(root: Path) -> list[str]:
    """The folders `sub-*` of a dataset.

    Raises:
        MissingInputError: there is no such folder.
    """
    return [path.name for path in _inside(root) if path.name.startswith("sub-")]


def _folder(folder: Path) -> list[Path]:
    """ADNI's tables in a folder; of each only one, whatever date its name has."""
    tables: dict[str, Path] = {}
    for path in _inside(folder):
        match = _ADNI.fullmatch(path.name)
        if match and (other := tables.setdefault(match[1].upper(), path)) != path:
            raise CohortError(
                f"{shown(folder)}: {other.name} and {path.name} are one table of two dates",
                code="E_TABLE",
                value=path.name,
                hint="name the file instead of the folder, or remove one",
            )
    if not tables:
        raise MissingInputError(
            f"{shown(folder)}: holds no table under one of ADNI's names",
            code="E_TABLE",
            value=shown(folder),
            hint="name the files instead of the folder",
        )
    return list(tables.values())


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from error
