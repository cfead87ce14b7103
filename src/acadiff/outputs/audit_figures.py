"""The figures of an audit, one a finding, from its table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from acadiff.cohort.told import (
    ACQUIRED,
    APART,
    AUC,
    CHANGE,
    EFFECT,
    GAIN,
    MEANINGS,
    OWN,
    SHUFFLED,
    SOURCES,
    SPREAD,
    TOLD_AD,
    TRANSFER,
    WITHHELD,
)
from acadiff.modality import Modality
from acadiff.outputs.audit_charts import Estimate, change_chart, interval_chart
from acadiff.outputs.charts import Dots, score_chart

_SHOWN = 14  # regions: those where the groups differ most


class Figures(NamedTuple):
    """SVG of each finding; None where there was too little to draw."""

    image: str | None
    regions: str | None
    slope: str | None
    auc: str | None
    gain: str | None


def figures(table: pd.DataFrame, region: str, sources: Sequence[Modality]) -> Figures:
    """Draw all.

    Args:
        table: of the audit.
        region: that is asked for first.
        sources: from which scans.
    """
    findings = table[table["level"] == "cohort"]
    names = " + ".join(m.title for m in sources)
    return Figures(
        _image(table),
        _regions(findings, region),
        _slope(table, region),
        _auc(findings, names),
        _gain(findings),
    )


def readable(region: str) -> str:
    """`medial_orbitofrontal` as it is read."""
    return region.replace("_", " ").replace("fdg meta roi", "FDG meta-ROI").strip()


def _image(table: pd.DataFrame) -> str | None:
    scans = table[(table["level"] == "scan") & (table["region"] == "brain")]
    dots = []
    for condition in MEANINGS:
        rows = scans[(scans["condition"] == condition) & (scans["measure"] == CHANGE)]
        if condition != OWN and len(rows):
            dots.append(Dots(condition, "change", tuple(rows["value"].astype(float))))
    spread = scans[(scans["condition"] == OWN) & (scans["measure"] == SPREAD)]
    if dots and len(spread):
        dots.append(Dots("SD between draws", "draws", tuple(spread["value"].astype(float))))
    label = "RMS change of the scan against the own prompt, SUVR"
    return score_chart(dots, label) if dots else None


def _estimates(rows: pd.DataFrame, key: str) -> dict[str, Estimate]:
    return {
        str(row[key]): (float(row["value"]), float(row["low"]), float(row["high"]))
        for _, row in rows.iterrows()
    }


def _regions(findings: pd.DataFrame, primary: str) -> str | None:
    series = {
        "acquired": (APART, ACQUIRED),
        "imputed, own prompt": (APART, OWN),
        "imputed, prompt withheld": (APART, WITHHELD),
        "same scans, told AD − told CN": (EFFECT, TOLD_AD),
    }
    held: dict[str, Mapping[str, Estimate]] = {}
    for name, (measure, condition) in series.items():
        kept = (findings["measure"] == measure) & (findings["condition"] == condition)
        held[name] = _estimates(findings[kept], "region")
    held = {name: found for name, found in held.items() if found}
    first = next(iter(held.values()), {})
    others = [r for r in first if r != primary]
    ordered = sorted(others, key=lambda r: -abs(first[r][0]))[:_SHOWN]
    places = [r for r in (primary, *ordered) if r in first]
    rows = {
        readable(r): {name: found[r] for name, found in held.items() if r in found} for r in places
    }
    return interval_chart(rows, "difference in SUVR, 95 % intervals") if rows else None


def _slope(table: pd.DataFrame, region: str) -> str | None:
    scans = table[table["level"] == "scan"]
    told = scans[(scans["region"] == "brain") & (scans["measure"] == CHANGE)]
    mmse = told.pivot(index="subject", columns="condition", values="told_mmse")
    suvr = scans[(scans["region"] == region) & (scans["measure"] == "SUVR")]
    suvr = suvr.pivot(index="subject", columns="condition", values="value")
    if not {OWN, SHUFFLED} <= set(mmse.columns) & set(suvr.columns):
        return None
    both = pd.concat([mmse[SHUFFLED] - mmse[OWN], suvr[SHUFFLED] - suvr[OWN]], axis=1).dropna()
    if both.empty:
        return None
    values = both.to_numpy(float)
    labels = ("change in the MMSE told", f"change in {readable(region)}, SUVR")
    return change_chart(values[:, 0], values[:, 1], labels)


def _auc(findings: pd.DataFrame, sources: str) -> str | None:
    alone = _estimates(findings[findings["measure"] == AUC], "condition")
    moved = _estimates(findings[findings["measure"] == TRANSFER], "condition")
    if SOURCES not in alone:
        return None
    rows = {f"{sources}, no imputed scan": {"trained and tested alike": alone[SOURCES]}}
    for condition in (ACQUIRED, *MEANINGS):
        if condition not in alone:
            continue
        name = "acquired scan" if condition == ACQUIRED else f"imputed, {condition}"
        rows[name] = {"trained and tested alike": alone[condition]}
        if condition in moved:
            rows[name]["trained on own prompts"] = moved[condition]
    return interval_chart(rows, "AUC of AD against CN, 95 % intervals", 0.5)


def _gain(findings: pd.DataFrame) -> str | None:
    found = _estimates(findings[findings["measure"] == GAIN], "condition")
    order = [c for c in (ACQUIRED, *MEANINGS) if c in found]
    rows = {c if c == ACQUIRED else f"imputed, {c}": {"gain": found[c]} for c in order}
    return interval_chart(rows, "AUC gained over the sources alone") if rows else None
