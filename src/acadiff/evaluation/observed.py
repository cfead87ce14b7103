"""Rows of an audit's table: what was read of each scan of a person, and what was told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from acadiff.cohort.table import Subject
from acadiff.cohort.told import ACQUIRED, CHANGE, OWN, SOURCES, SPREAD


def scan_rows(
    told: Mapping[str, Subject],
    made: Sequence[Mapping[str, Any]],
    truth: Mapping[str, float] | None,
    sources: Mapping[str, float],
) -> Iterator[dict[str, Any]]:
    """Rows of one person.

    Args:
        told: condition → the person as the model was told of it.
        made: of each condition: `condition`, `regions`, `change`, `sd`.
        truth: region → SUVR of the acquired scan, if there is one.
        sources: region → mean of the scans that were imputed from.
    """
    person = told[OWN]
    group = person.diagnosis.value if person.diagnosis else None
    base = {"level": "scan", "subject": person.key, "diagnosis": group, "n": 1}

    def readings(condition: str, measure: str, values: Mapping[str, float]) -> Any:
        for region, value in values.items():
            row = {"condition": condition, "measure": measure, "region": region, "value": value}
            yield {**base, **row}

    yield from readings(ACQUIRED, "SUVR", truth or {})
    yield from readings(SOURCES, "mean", sources)
    for row in made:
        condition, said = row["condition"], told[row["condition"]]
        yield from readings(condition, "SUVR", row["regions"])
        of = {"condition": condition, "region": "brain", "told": in_words(said)}
        of |= {"told_mmse": said.scores.mmse}
        yield {**base, **of, "measure": CHANGE, "value": row["change"]}
        yield {**base, **of, "measure": SPREAD, "value": row["sd"]}


def in_words(subject: Subject) -> str | None:
    """What of a record is told, as text; None if nothing is."""
    group = subject.diagnosis.value if subject.diagnosis else None
    scores = (f"{k.upper()}={v:g}" for k, v in vars(subject.scores).items() if v is not None)
    return " ".join(filter(None, (group, *scores))) or None


def changes_of(scans: pd.DataFrame) -> pd.DataFrame:
    """A row an imputation: subject, condition, change, sd, mmse (as told)."""
    kept, keys = scans[scans["region"] == "brain"], ["subject", "condition"]
    wide = kept.pivot(index=keys, columns="measure", values="value")
    wide = wide.rename(columns={CHANGE: "change", SPREAD: "sd"})
    mmse = kept.drop_duplicates(keys).set_index(keys)["told_mmse"].astype(float).rename("mmse")
    return wide.join(mmse).reset_index()
