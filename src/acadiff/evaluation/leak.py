"""What of an imputed scan comes from the prompt: changes, slopes and shares with their intervals.

All conditions of a person share scans and noise, so that differences between them are the
prompt's. Intervals are percentiles of a bootstrap over persons.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from acadiff.cohort.told import (
    ACQUIRED,
    APART,
    CHANGE,
    EFFECT,
    OF_IMPUTED,
    OF_TRUE,
    OWN,
    SHUFFLED,
    SOURCES,
    TOLD_AD,
    TOLD_CN,
    WITHHELD,
)

FINDING = ("measure", "condition", "region", "value", "low", "high", "n")

_RESAMPLES, _INTERVAL, _LEAST = 1000, (2.5, 97.5), 5

Rows = list[dict[str, object]]
Values = Float[np.ndarray, "*b n"]
Mask = Bool[np.ndarray, "*b n"]
Found = Float[np.ndarray, "*b"]
Index = Int[np.ndarray, "b n"]


def finding(
    measure: str, condition: str, region: str, n: int, estimate: tuple[float, float, float]
) -> dict[str, object]:
    """One row of `FINDING`: a value with the ends of its interval, NaN where there is none."""
    return dict(zip(FINDING, (measure, condition, region, *estimate, n), strict=True))


def interval(
    statistic: Callable[[Index], Float[np.ndarray, " b"]],
    groups: Iterable[Int[np.ndarray, " n"]],
) -> tuple[float, float, float]:
    """A statistic and its 95 % interval over resamples within each group of persons.

    Args:
        statistic: of the persons with these places, a resample a row.
        groups: places of the persons of each group; fewer than five in one give no interval.
    """
    held = [np.asarray(group) for group in groups]
    whole = np.concatenate(held)
    value = float(statistic(whole[None])[0]) if whole.size else float("nan")
    if any(group.size < _LEAST for group in held):
        return value, float("nan"), float("nan")
    random = np.random.default_rng(0)
    drawn = [random.choice(group, (_RESAMPLES, group.size)) for group in held]
    found = statistic(np.concatenate(drawn, axis=1))
    known = found[np.isfinite(found)]
    low, high = np.percentile(known, _INTERVAL) if known.size else (np.nan, np.nan)
    return value, float(low), float(high)


def over(
    function: Callable[..., Found], *arrays: Shaped[np.ndarray, " n"]
) -> Callable[[Index], Found]:
    """A function of arrays with a place a person, as a function of places."""
    return lambda at: function(*(array[at] for array in arrays))


def image_changes(changes: pd.DataFrame) -> Rows:
    """How much the image changes, RMS in SUVR and in dB of the SD between draws.

    Args:
        changes: subject, condition, change, sd; a row an imputation.
    """
    rows: Rows = []
    for condition, group in changes.groupby("condition", sort=False):
        if condition == OWN:
            continue
        people, change = np.arange(len(group)), group["change"].to_numpy(float)
        ratio = change / group["sd"].to_numpy(float)
        decibel = 20 * np.log10(np.where(ratio > 0, ratio, np.nan))
        for measure, values in ((CHANGE, change), ("change against draws, dB", decibel)):
            found = interval(over(_mean, values), [people])
            rows.append(finding(measure, str(condition), "brain", len(group), found))
    return rows


def slopes(readings: pd.DataFrame, changes: pd.DataFrame) -> Rows:
    """Change of every region per point of MMSE that the prompt gained by shuffling, and its R².

    Args:
        readings: subject, condition, region, value.
        changes: subject, condition, mmse (as told).
    """
    told = changes.pivot(index="subject", columns="condition", values="mmse")
    if not {OWN, SHUFFLED} <= set(told.columns):
        return []
    moved = (told[SHUFFLED] - told[OWN]).dropna()
    rows: Rows = []
    for region, group in readings.groupby("region", sort=False):
        wide = group.pivot(index="subject", columns="condition", values="value")
        if not {OWN, SHUFFLED} <= set(wide.columns):
            continue
        both = pd.concat([moved, wide[SHUFFLED] - wide[OWN]], axis=1).dropna().to_numpy(float)
        x, y, people = both[:, 0], both[:, 1], np.arange(len(both))
        found = interval(over(_slope, x, y), [people])
        rows.append(finding("slope per MMSE point", SHUFFLED, str(region), len(both), found))
        fit = interval(over(_squared, x, y), [people])
        rows.append(finding("R² of the change", SHUFFLED, str(region), len(both), fit))
    return rows


def group_differences(readings: pd.DataFrame) -> Rows:
    """AD minus CN of every region: in acquired scans and imputed under each condition."""
    rows: Rows = []
    kept = readings[readings["diagnosis"].isin(["CN", "AD"])]
    for (region, condition), group in kept.groupby(["region", "condition"], sort=False):
        if condition in (SOURCES, TOLD_CN, TOLD_AD):
            continue
        values, ill = group["value"].to_numpy(float), (group["diagnosis"] == "AD").to_numpy()
        groups = [np.flatnonzero(~ill), np.flatnonzero(ill)]
        if min(map(len, groups)) == 0:
            continue
        found = interval(over(_apart, values, ill, ~ill), groups)
        rows.append(finding(APART, str(condition), str(region), len(group), found))
    return rows


def written(readings: pd.DataFrame) -> Rows:
    """What the prompt alone writes: the same person told AD minus told CN, and as a share.

    `share of the true difference` is that over AD minus CN of the acquired scans;
    `share of the imputed difference` is what of AD minus CN of scans imputed with their own prompt
    vanishes when the prompt is withheld.
    """
    rows: Rows = []
    for region, group in readings.groupby("region", sort=False):
        wide = group.pivot(index="subject", columns="condition", values="value")
        if not {TOLD_CN, TOLD_AD} <= set(wide.columns):
            continue
        wide = wide.join(group.drop_duplicates("subject").set_index("subject")["diagnosis"])
        effect = (wide[TOLD_AD] - wide[TOLD_CN]).to_numpy(float)
        found = interval(over(_mean, effect), [np.arange(len(effect))])
        rows.append(finding(EFFECT, TOLD_AD, str(region), len(effect), found))
        rows += _shares(str(region), wide, effect)
    return rows


def _shares(region: str, wide: pd.DataFrame, effect: Values) -> Rows:
    ill = (wide["diagnosis"] == "AD").to_numpy()
    well = (wide["diagnosis"] == "CN").to_numpy()
    others = np.flatnonzero(~ill & ~well)
    groups = [np.flatnonzero(well), np.flatnonzero(ill), *([others] if others.size >= 5 else [])]
    if min(map(len, groups[:2])) == 0:
        return []
    rows: Rows = []

    if ACQUIRED in wide:
        truth = wide[ACQUIRED].to_numpy(float)
        found = interval(over(_share, effect, truth, ill, well), groups)
        rows.append(finding(OF_TRUE, TOLD_AD, region, len(wide), found))
    if {OWN, WITHHELD} <= set(wide.columns):
        own, without = (wide[name].to_numpy(float) for name in (OWN, WITHHELD))
        found = interval(over(_vanished, own, without, ill, well), groups)
        rows.append(finding(OF_IMPUTED, OWN, region, len(wide), found))
    return rows


def table(rows: Rows) -> pd.DataFrame:
    """Findings as a table."""
    return pd.DataFrame(rows, columns=list(FINDING))


def value_of(
    findings: pd.DataFrame, measure: str, condition: str, region: str
) -> Mapping[str, float] | None:
    """One finding, if it is there and a number."""
    key = (findings["measure"] == measure) & (findings["condition"] == condition)
    found = findings[key & (findings["region"] == region)]
    if found.empty or not np.isfinite(found.iloc[0]["value"]):
        return None
    return {name: float(found.iloc[0][name]) for name in ("value", "low", "high", "n")}


def _share(effect: Values, truth: Values, ill: Mask, well: Mask) -> Found:
    return np.asarray(_mean(effect) / _apart(truth, ill, well))


def _vanished(own: Values, without: Values, ill: Mask, well: Mask) -> Found:
    return np.asarray(1 - _apart(without, ill, well) / _apart(own, ill, well))


def _apart(values: Values, ill: Mask, well: Mask) -> Found:
    return np.asarray(_mean(np.where(ill, values, np.nan)) - _mean(np.where(well, values, np.nan)))


def _mean(values: Values) -> Found:
    """Of what is known along the last axis; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(-1)
    total = np.where(known, values, 0).sum(-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _slope(x: Values, y: Values) -> Found:
    x, y = (v - v.mean(-1, keepdims=True) for v in (x, y))
    spread = (x * x).sum(-1)
    return np.asarray(np.where(spread > 0, (x * y).sum(-1) / np.maximum(spread, 1e-12), np.nan))


def _squared(x: Values, y: Values) -> Found:
    x, y = (v - v.mean(-1, keepdims=True) for v in (x, y))
    spread = (x * x).sum(-1) * (y * y).sum(-1)
    return np.asarray(
        np.where(spread > 1e-24, (x * y).sum(-1) ** 2 / np.maximum(spread, 1e-24), np.nan)
    )
