"""One clinical table → entries: its columns told apart, its rows read, its problems counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from acadiff.cohort.clinical.columns import near_misses, resolve
from acadiff.cohort.clinical.facts import Entry
from acadiff.cohort.clinical.row import Layout, read_row, whose
from acadiff.cohort.clinical.vocabulary import fold, is_code
from acadiff.cohort.text.dates import day_first
from acadiff.cohort.text.delimited import Row, Table
from acadiff.errors import CohortError, Problem

# Columns of what changes from visit to visit, and of what does not.
PASSING = frozenset({"diagnosis", "MMSE", "ADAS13", "CDRSB", "boxes", "age"})
LASTING = frozenset({"sex", "apoe4", "alleles", "genotype", "education", "born"})
_VISCODES = {"viscode", "viscode2"}
_ADNI_IDS = {"ptid", "rid"}
_REPEATED = ("W_VISIT", "W_SITE")
_MADE_OF = {
    "boxes": ("CDRSB", " + "),
    "alleles": ("apoe4", " and "),
    "genotype": ("apoe4", ""),
    "born": ("age", ""),
    "baseline_date": ("age", ""),
}


@dataclass(frozen=True)
class Reading:
    """What one table gave: its entries, whose column was whose, and what was wrong with it.

    `lasting` says that its rows are of persons, who may have several that agree.
    """

    entries: tuple[Entry, ...]
    mapping: tuple[tuple[str, str, str], ...]
    problems: tuple[Problem, ...]
    lasting: bool = False


def read_entries(
    table: Table, title: str, overrides: Mapping[str, str], subject: str | None = None
) -> Reading:
    """Read all rows of a table; one that cannot be used becomes a problem, the others go on.

    Args:
        table: as it stands in the file.
        title: what the mapping calls it.
        overrides: our name → the user's column.
        subject: whose table it is, if the file's name tells.

    Raises:
        CohortError: no column tells the participant, or two columns mean the same.
    """
    lasting, layout = _layout(table, overrides)
    if subject is None and "participant_id" not in layout.columns:
        raise CohortError(
            f"{table.name} line 1: no column tells the participant",
            code="E_COLUMN",
            value="participant_id",
            hint="call it participant_id, or name it with --clinical-map",
        )
    entries = []
    problems = near_misses(table.columns, layout.columns, f"{table.name} line 1")
    for row in table.rows:
        try:
            entries.append(read_row(layout, row, subject))
        except CohortError as error:
            problems.append(Problem.of(whose(layout, row, subject), error))
        problems += _places(layout, row, subject)
    return Reading(tuple(entries), _mapping(layout, title), tuple(problems), lasting)


def _layout(table: Table, overrides: Mapping[str, str]) -> tuple[bool, Layout]:
    """How to read the rows, and whether they are of persons whatever the visit."""
    columns = resolve(table.columns, overrides, f"{table.name} line 1")
    folded = {fold(column) for column in table.columns}
    adni = bool(folded & _VISCODES) and bool(folded & _ADNI_IDS)
    lasting = adni and bool(columns.keys() & LASTING) and not columns.keys() & PASSING
    if lasting:
        # Like PTDEMOG, which has visit codes, but what it says is true at all visits.
        columns = {k: v for k, v in columns.items() if k not in ("session_id", "date")}
    ages = columns.get("age", ("",))
    baseline = adni and fold(ages[0]) == "age" and not _grows(table, columns)
    orders = {
        column: day_first(row.cells[table.columns.index(column)] for row in table.rows)
        for ours in ("date", "baseline_date")
        for column in columns.get(ours, ())
    }
    return lasting, Layout(table, columns, adni, baseline, orders)


def _grows(table: Table, columns: Mapping[str, Sequence[str]]) -> bool:
    """Whether AGE is the age at the visit: no column counts from a baseline, and it changes."""
    if any(fold(column).endswith("bl") for column in table.columns):
        return False
    person = table.columns.index(columns["participant_id"][0])
    age = table.columns.index(columns["age"][0])
    seen: dict[str, str] = {}
    cells = ((row.cells[person], row.cells[age]) for row in table.rows)
    return any(seen.setdefault(who, years) != years for who, years in cells)


def counted(problems: Iterable[Problem]) -> list[Problem]:
    """The same problems; of those that a table has in many rows alike, one that counts them."""
    groups: dict[tuple[str, ...], list[Problem]] = defaultdict(list)
    for problem in problems:
        alike = problem.code in _REPEATED
        own = () if alike else (problem.where, problem.text)
        groups[problem.code, problem.value, *own].append(problem)
    return [_counted(group) for group in groups.values()]


def _places(layout: Layout, row: Row, subject: str | None) -> list[Problem]:
    """Sites given by name, which are not kept."""
    why, hint = "is no short code of a site and is not kept", "give the sites numbers"
    free = [cell for cell in layout.cells(row, "site") if not is_code(cell)]
    refusals = (cell.refusal("W_SITE", why, hint) for cell in free)
    return [Problem.of(whose(layout, row, subject), error) for error in refusals]


def _counted(alike: Sequence[Problem]) -> Problem:
    """The first of several rows with one and the same problem."""
    first, rest = alike[0], len(alike) - 1
    return replace(first, text=f"{first.text} (and {rest} more rows like it)") if rest else first


def _mapping(layout: Layout, title: str) -> tuple[tuple[str, str, str], ...]:
    """Whose column was whose, as it is printed."""
    told: dict[str, list[str]] = {}
    for ours, theirs in layout.columns.items():
        name, joint = _MADE_OF.get(ours, (ours, " or "))
        if ours == "baseline_date":
            continue
        told.setdefault(name, []).append(joint.join(theirs))
    if layout.age_at_baseline:
        told["age"][0] += " at baseline, and the time since"
    return tuple((title, ours, " or ".join(theirs)) for ours, theirs in told.items())
