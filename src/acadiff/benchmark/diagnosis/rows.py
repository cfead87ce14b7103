"""The rows of the table of diagnoses: ways to live with missing scans."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from acadiff.clinical.prompt import Detail
from acadiff.errors import MissingInputError, UsageError
from acadiff.evaluation.row_titles import DROP, MEAN, ORACLE, OURS, ZERO, title_of
from acadiff.generators import GENERATORS
from acadiff.generators.folder import folder_name
from acadiff.latent.codec_folder import read_record
from acadiff.modality import Modality

ALL = "all"


class Kind(Enum):
    """What is done with people who lack scans."""

    ORACLE = ORACLE
    DROP = DROP
    ZERO = ZERO
    MEAN = MEAN
    GENERATOR = "generator"


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        kind: what is done.
        method: of a generator, which.
        detail: of a generator, how much of a record its prompt tells.
        told: whether it is told anything of anybody; if not, nothing can be withheld.
    """

    kind: Kind
    method: str = ""
    detail: Detail = Detail.FULL
    told: bool = False

    @property
    def name(self) -> str:
        """As tables have it: `oracle`, `acadiff`, `acadiff:scores`."""
        if self.kind is not Kind.GENERATOR:
            return str(self.kind.value)
        return self.method + ("" if self.detail is Detail.FULL else f":{self.detail.value}")

    @property
    def title(self) -> str:
        """As people read it."""
        return title_of(self.name)


SIMPLE = tuple(Row(kind) for kind in Kind if kind is not Kind.GENERATOR)
"""What needs no model."""


def trained(work: Path) -> tuple[str, ...]:
    """Methods of which a work folder has weights for every target, the registry's order first."""
    found = [
        {p.name.rpartition("-")[0] for p in (work / "generators").glob(f"*-{m.name}")}
        for m in Modality
    ]
    names = set.intersection(*found)
    known = [name for name in GENERATORS if name in names]
    return (*known, *sorted(names - set(known)))


def rows_of(text: str, work: Path) -> tuple[Row, ...]:
    """The rows that `all`, or names with commas between, ask for; those without a model always.

    A name may say what its prompts tell: `acadiff:scores` withholds the diagnosis,
    `acadiff:none` all that is clinical. `all` is every method that is trained, ACADiff in all
    three ways.

    Raises:
        UsageError: a name is none.
        MissingInputError: a method has no weights for some target.
    """
    there = trained(work)
    named = [name.strip() for name in text.split(",") if name.strip()]
    if named == [ALL]:
        return (*SIMPLE, *(row for method in there for row in _ways(method, work)))
    rows = [_row(name, there, work) for name in named or [""]]
    return (*SIMPLE, *dict.fromkeys(rows))


def withheld(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The same rows told nothing clinical, each once: for people whose diagnosis is asked."""
    return tuple(dict.fromkeys(replace(r, detail=Detail.NONE) if r.told else r for r in rows))


def _ways(method: str, work: Path) -> list[Row]:
    details = list(reversed(Detail)) if method == OURS else [Detail.FULL]
    return list(dict.fromkeys(_generator(method, detail, work) for detail in details))


def _generator(method: str, detail: Detail, work: Path) -> Row:
    """A row of a method; one that is told nothing anyway stands under its plain name."""
    folder = work / "generators" / folder_name(method, Modality.MRI)
    encoder = read_record(folder / "generator.json", "generator")["encoder"]
    told = bool(encoder and encoder["key"] != "none")
    return Row(Kind.GENERATOR, method, detail if told else Detail.FULL, told)


def _row(name: str, there: Sequence[str], work: Path) -> Row:
    method, colon, detail = name.partition(":")
    if (method not in GENERATORS and method not in there) or (
        colon and detail not in [d.value for d in Detail]
    ):
        raise UsageError(
            f"--methods: there is no {name!r}; there are {', '.join((ALL, *GENERATORS))}",
            code="E_NO_METHOD",
            value=name,
            hint="after a name, :scores withholds the diagnosis and :none all that is clinical",
        )
    if method not in there:
        raise MissingInputError(
            f"{work}: has no weights of {method} for all three targets",
            code="E_NO_WEIGHTS",
            value=method,
            hint="run `acadiff train` first, or leave the method out",
        )
    return _generator(method, Detail(detail or "full"), work)
