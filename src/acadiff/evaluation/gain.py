"""Does an imputed scan help to tell AD from CN, and does it still when the prompt is withheld?

Logistic regression on regional values, trained and tested on different people. Trained and tested
on imputed scans, it may read the label that the prompt wrote; so every condition is judged, and a
classifier that was trained on scans with their own prompts is asked about all others.
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from acadiff.cohort.told import ACQUIRED, AUC, GAIN, OWN, SOURCES, TOLD_AD, TOLD_CN, TRANSFER
from acadiff.evaluation.leak import Found, Rows, finding, interval, over

_FOLDS, _REPEATS = 5, 5
_STRENGTH = 0.1  # inverse of the ridge [ours: few people, many regions]
_LEFT_OUT = ("cortical_composite", "fdg_meta_roi", "brainstem", "cerebellum")

Features = Float[np.ndarray, "n f"]
Scores = Float[np.ndarray, " n"]
Labels = Bool[np.ndarray, " n"]


def gains(readings: pd.DataFrame) -> Rows:
    """AUC of AD against CN for the sources, the acquired scan and each condition.

    Args:
        readings: subject, diagnosis, condition, region, value.

    Returns:
        Rows for the sources alone, each kind of scan alone (`AUC`), after training on own prompts
        (`AUC of a classifier …`), beside the sources (`AUC`, named `sources + …`), and the gain of
        those over the sources. None if either group has fewer than five people.
    """
    kept = readings[readings["diagnosis"].isin(["CN", "AD"])]
    tables = {str(c): _features(g) for c, g in kept.groupby("condition", sort=False)}
    tables = {c: t for c, t in tables.items() if c not in (TOLD_CN, TOLD_AD)}
    people = sorted(set.intersection(*(set(t.index) for t in tables.values()))) if tables else []
    ill = kept.drop_duplicates("subject").set_index("subject")["diagnosis"].reindex(people) == "AD"
    label = ill.to_numpy(bool)
    if min(int(label.sum()), int((~label).sum())) < _FOLDS or SOURCES not in tables:
        return []
    held = {c: t.loc[people].to_numpy(float) for c, t in tables.items()}
    return _judged(held, label)


def _judged(held: dict[str, Features], label: Labels) -> Rows:
    groups, n = [np.flatnonzero(~label), np.flatnonzero(label)], len(label)
    base = out_of_fold(held[SOURCES], held[SOURCES], label)
    rows = [_row(AUC, SOURCES, base, label)]
    for condition, values in held.items():
        if condition == SOURCES:
            continue
        rows.append(_row(AUC, condition, out_of_fold(values, values, label), label))
        if condition not in (ACQUIRED, OWN) and OWN in held:
            moved = out_of_fold(held[OWN], values, label)
            rows.append(_row(TRANSFER, condition, moved, label))
        joint = np.concatenate([held[SOURCES], values], axis=1)
        both = out_of_fold(joint, joint, label)
        rows.append(_row(AUC, f"{SOURCES} + {condition}", both, label))
        gain = interval(over(_gained, both, base, label), groups)
        rows.append(finding(GAIN, condition, "all", n, gain))
    return rows


def _gained(
    both: Float[np.ndarray, "*b n"],
    base: Float[np.ndarray, "*b n"],
    label: Bool[np.ndarray, "*b n"],
) -> Found:
    return np.asarray(auc(both, label) - auc(base, label))


def _row(measure: str, condition: str, scores: Scores, label: Labels) -> dict[str, object]:
    groups = [np.flatnonzero(~label), np.flatnonzero(label)]
    found = interval(over(auc, scores, label), groups)
    return finding(measure, condition, "all", len(label), found)


def _features(group: pd.DataFrame) -> pd.DataFrame:
    wide = group.pivot(index="subject", columns="region", values="value")
    kept = [c for c in wide.columns if str(c).split(" ")[-1] not in _LEFT_OUT]
    return wide[sorted(kept)].dropna()


def auc(scores: Float[np.ndarray, "*b n"], label: Bool[np.ndarray, "*b n"]) -> Found:
    """Chance that somebody ill scores above somebody well, ties counted half; last axis."""
    ranks = np.where(label, rankdata(scores, axis=-1), 0).sum(-1)
    ill, well = label.sum(-1), (~label).sum(-1)
    above = ranks - ill * (ill + 1) / 2
    return np.asarray(np.where(ill * well > 0, above / np.maximum(ill * well, 1), np.nan))


def out_of_fold(train: Features, test: Features, label: Labels) -> Scores:
    """Scores of everyone by classifiers that had not seen them, averaged over repeats.

    Args:
        train: what classifiers learn from.
        test: the same people's values that they are asked about.
        label: who is ill; at least five on either side.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    total = np.zeros(len(label))
    for repeat in range(_REPEATS):
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=repeat)
        for known, asked in folds.split(train, label):
            scale = StandardScaler().fit(train[known])
            model = LogisticRegression(C=_STRENGTH, max_iter=1000, class_weight="balanced")
            model.fit(scale.transform(train[known]), label[known])
            total[asked] += model.decision_function(scale.transform(test[asked]))
    return np.asarray(total / _REPEATS)
