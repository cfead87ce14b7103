"""Whose column is whose: from the header of a table to our names, by alias or by override."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acadiff.cohort.clinical.vocabulary import BASELINE, COLUMNS, PARTS, fold
from acadiff.cohort.text.textfile import decoded, read_bytes, shorten
from acadiff.errors import CohortError, Problem

_LISTED = {name for ranks in COLUMNS.values() for rank in ranks for name in rank}
MAX_MAP_BYTES = 2**20
_MAP = 'write a flat table, our name = "their column", as TOML or JSON'


def read_overrides(path: Path) -> dict[str, str]:
    """Read a user's column map, our name → the column of the table, from TOML or JSON.

    Raises:
        MissingInputError: no such file.
        CohortError: it is no flat table of texts, or names something that is not ours.
    """
    text = decoded(read_bytes(path, MAX_MAP_BYTES), str(path))
    try:
        content = _json(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, shorten(str(error), 80), "is what is wrong with it") from error
    if not isinstance(content, dict):
        raise _unusable(path, type(content).__name__, "is not a table")
    for ours, theirs in content.items():
        if not isinstance(theirs, str):
            raise _unusable(path, shorten(str(ours)), "is not given the name of a column")
    check_overrides(content)
    return content


def check_overrides(overrides: Iterable[str]) -> None:
    """Refuse to map a name that is not ours.

    Raises:
        CohortError: a name is unknown; the nearest is told.
    """
    for ours in overrides:
        if ours not in COLUMNS:
            folded = {fold(name): name for name in COLUMNS}
            near = difflib.get_close_matches(fold(ours), folded, n=1, cutoff=0.5)
            raise CohortError(
                f"--clinical-map: {shorten(ours)} is none of our names",
                code="E_MAP",
                value=shorten(ours),
                hint=f"did you mean {folded[near[0]]!r}?"
                if near
                else f"they are {', '.join(COLUMNS)}",
            )


def resolve(
    columns: Sequence[str], overrides: Mapping[str, str], where: str
) -> dict[str, tuple[str, ...]]:
    """The columns that are ours: our name → columns of the table, the first with a value counts.

    An override wins where the table has its column. A table without visits is one of persons, so
    its columns of the first visit (`mmse_bl`) count too.

    Raises:
        CohortError: two columns of a table mean the same.
    """
    folded: dict[str, list[str]] = {}
    for column in columns:
        folded.setdefault(fold(column), []).append(column)
    visits = overrides.get("session_id") in columns or any(
        name in folded for rank in COLUMNS["session_id"] for name in rank
    )
    found: dict[str, tuple[str, ...]] = {}
    for ours, ranks in COLUMNS.items():
        if overrides.get(ours) in columns:
            found[ours] = (overrides[ours],)
            continue
        all_ranks = ranks if visits else (*ranks, BASELINE.get(ours, ()))
        named = [[c for name in rank for c in folded.get(name, ())] for rank in all_ranks]
        for rank in named:
            _only_one(ours, rank, where)
        if any(named):
            found[ours] = tuple(column for rank in named for column in rank)
    for part, names in PARTS.items():
        if all(name in folded for name in names):
            found[part] = tuple(folded[name][0] for name in names)
    return found


def near_misses(
    columns: Sequence[str], found: Mapping[str, Sequence[str]], where: str
) -> list[Problem]:
    """Columns that are not understood but are called nearly like one that is missing."""
    used = {fold(column) for theirs in found.values() for column in theirs}
    rest = {fold(column): column for column in columns if fold(column) not in used | _LISTED}
    problems = []
    for ours, ranks in COLUMNS.items():
        if ours in found:
            continue
        names = [name for rank in ranks for name in rank]
        for folded, column in rest.items():
            near = difflib.get_close_matches(folded, names, n=1, cutoff=0.75)
            if near and _digits(folded) == _digits(near[0]) and not folded.endswith("bl"):
                hint = f"if it is {ours}, say so with --clinical-map"
                text = f"{where}: the column {shorten(column)} is not understood; {hint}"
                problems.append(Problem(where, "W_COLUMN", shorten(column), hint, text))
    return problems


def _only_one(ours: str, rank: Sequence[str], where: str) -> None:
    if len(rank) > 1:
        both = " and ".join(map(shorten, rank))
        raise CohortError(
            f"{where}: the columns {both} both mean {ours}",
            code="E_COLUMN",
            value=both,
            hint="say which with --clinical-map",
        )


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is there twice")
    return dict(pairs)


def _unusable(path: Path, value: str, why: str) -> CohortError:
    return CohortError(f"{path}: {value} {why}", code="E_MAP", value=value, hint=_MAP)
