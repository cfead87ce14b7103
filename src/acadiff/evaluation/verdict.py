"""The findings of an audit in plain sentences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from acadiff.cohort.told import (
    ACQUIRED,
    APART,
    AUC,
    EFFECT,
    GAIN,
    OF_IMPUTED,
    OF_TRUE,
    OWN,
    SOURCES,
    TOLD_AD,
    WITHHELD,
)
from acadiff.evaluation.leak import value_of
from acadiff.evaluation.readings import PRIMARY
from acadiff.modality import Modality

NAMES = {Modality.AV45: "cortical SUVR", Modality.FDG: "meta-ROI SUVR"}
_FEW = "too few people of CN or AD were audited"

Found = Mapping[str, float] | None


def verdict(findings: pd.DataFrame, target: Modality, sources: Sequence[Modality]) -> list[str]:
    """What was found, the most important first.

    Args:
        findings: as `leak.table`.
        target: what was imputed.
        sources: from which scans.
    """
    region, what = PRIMARY[target][0], f"{target.name} {NAMES[target]}"
    scans = " and ".join(m.title for m in sources)
    return [
        _imputed(findings, region, what),
        _true(findings, region, what),
        _gain(findings, scans),
    ]


def _imputed(findings: pd.DataFrame, region: str, what: str) -> str:
    own = value_of(findings, APART, OWN, region)
    left = value_of(findings, APART, WITHHELD, region)
    share = value_of(findings, OF_IMPUTED, OWN, region)
    if own is None or left is None or share is None or _loose(own):
        lost = f"How much of the AD–CN difference in imputed {what} comes from the prompt"
        return f"{lost} cannot be told: {_FEW}."
    return (
        f"Of the AD–CN difference in imputed {what} ({_signed(own)}), {_percent(share)} comes "
        f"from the prompt: told nothing clinical, the model leaves {_signed(left)}."
    )


def _true(findings: pd.DataFrame, region: str, what: str) -> str:
    effect = value_of(findings, EFFECT, TOLD_AD, region)
    if effect is None:
        return f"What the words CN and AD write into {what} cannot be told: {_FEW}."
    said = f"Told AD instead of CN of the same scans, it changes {what} by {_signed(effect)}"
    truth = value_of(findings, APART, ACQUIRED, region)
    share = value_of(findings, OF_TRUE, TOLD_AD, region)
    if truth is None or share is None or _loose(truth):
        return f"{said}; how much of the true difference that is, is not known."
    if truth["low"] <= 0 <= truth["high"]:
        ends = " to ".join(f"{truth[end]:+.2f}".replace("-", "−") for end in ("low", "high"))
        span = f"{_signed(truth)}, 95 % interval {ends}"
        return f"{said}; the true one ({span}) is too uncertain for a share."
    return f"{said}: {_percent(share)} of the true difference ({_signed(truth)})."


def _gain(findings: pd.DataFrame, scans: str) -> str:
    alone = value_of(findings, AUC, SOURCES, "all")
    own, without = (value_of(findings, AUC, c, "all") for c in (OWN, WITHHELD))
    gain, left = (value_of(findings, GAIN, c, "all") for c in (OWN, WITHHELD))
    if alone is None or own is None or without is None or gain is None or left is None:
        return f"Whether imputed scans help to tell AD from CN cannot be told: {_FEW}."
    truth = value_of(findings, AUC, ACQUIRED, "all")
    real = f", the acquired scans {truth['value']:.2f}" if truth else ""
    return (
        f"Imputed scans tell AD from CN with an AUC of {own['value']:.2f}, {without['value']:.2f} "
        f"when the prompt is withheld ({scans} alone {alone['value']:.2f}{real}); beside {scans} "
        f"they add {_signed(gain)}, and {_signed(left)} when it is withheld."
    )


def _loose(found: Mapping[str, float]) -> bool:
    """Whether there were too few people for an interval, and so for a sentence."""
    return not np.isfinite(found["low"])


def _signed(found: Mapping[str, float]) -> str:
    return f"{found['value']:+.2f}".replace("-", "−")


def _percent(found: Mapping[str, float]) -> str:
    text = f"{100 * found['value']:.0f} %"
    if np.isfinite(found["low"]) and np.isfinite(found["high"]):
        text += f" (95 % interval {100 * found['low']:.0f} to {100 * found['high']:.0f})"
    return text.replace("-", "−")
