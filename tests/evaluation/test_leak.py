"""A world in which the share that the prompt writes is known."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.cohort.told import (
    ACQUIRED,
    APART,
    AUC,
    CHANGE,
    EFFECT,
    FLIPPED,
    GAIN,
    OF_IMPUTED,
    OF_TRUE,
    OPPOSITE,
    OWN,
    SHUFFLED,
    SOURCES,
    TOLD_AD,
    TRANSFER,
    WITHHELD,
    conditions,
)
from acadiff.evaluation.gain import auc, gains
from acadiff.evaluation.leak import (
    group_differences,
    image_changes,
    slopes,
    table,
    value_of,
    written,
)
from acadiff.evaluation.observed import changes_of, scan_rows
from acadiff.evaluation.verdict import verdict
from acadiff.modality import Modality

CN, MCI, AD = Diagnosis
REGION = "cortical_composite"
MMSE = {CN: 29.0, MCI: 27.0, AD: 22.0}


def people(each=12):
    """Persons whose scores vary a little about those of their group."""
    random, found = np.random.default_rng(1), []
    for group in (CN, MCI, AD):
        for n in range(each):
            mmse = float(MMSE[group] + random.integers(-1, 2))
            scores = Scores(mmse, 40 - mmse, (30 - mmse) / 2)
            found.append(Subject(f"{group.value}{n:02}", None, group, scores, {}))
    return found


@cache
def world(prompt, scans, each=12, noise=0.01):
    """Readings where imputed SUVR falls by `prompt` per MMSE told and `scans` per true MMSE."""
    random, rows = np.random.default_rng(2), []
    subjects = people(each)
    for person, told in zip(subjects, conditions(subjects, 0), strict=True):
        own = person.scores.mmse
        kept, made = random.normal(0, noise, 2), []
        for condition, said in told.items():
            mmse = 27.0 if said.scores.mmse is None else said.scores.mmse
            value = 1.2 + prompt * (27 - mmse) + scans * (27 - own) + kept[0]
            change = abs(prompt * (mmse - own))
            regions = {REGION: value, "angular": value + kept[1], "precuneus": 1 + kept[1]}
            made.append({"condition": condition, "regions": regions, "change": change, "sd": 0.1})
        truth = 1.2 + 0.04 * (27 - own) + kept[1]
        sources = {"MRI angular": 0.5 + 0.005 * own + random.normal(0, 0.02)}
        rows += scan_rows(told, made, {REGION: truth, "angular": truth}, sources)
    return pd.DataFrame(rows)


@cache
def found_in(prompt, scans):
    return findings(world(prompt, scans))


def findings(scans):
    readings, changes = scans[scans["measure"] == "SUVR"], changes_of(scans)
    found = image_changes(changes) + slopes(readings, changes) + group_differences(readings)
    return table(found + written(readings) + gains(scans[scans["region"] != "brain"]))


@pytest.mark.parametrize(("prompt", "scans"), [(0.04, 0.0), (0.0, 0.04), (0.03, 0.01)])
def test_the_share_that_the_prompt_writes_is_found(prompt, scans):
    found = found_in(prompt, scans)
    share = prompt / (prompt + scans)
    imputed = value_of(found, OF_IMPUTED, OWN, REGION)
    assert imputed["value"] == pytest.approx(share, abs=0.05)
    assert imputed["low"] <= imputed["value"] <= imputed["high"]
    true = value_of(found, OF_TRUE, TOLD_AD, REGION)
    assert true["value"] == pytest.approx(prompt / 0.04, abs=0.1)
    slope = value_of(found, "slope per MMSE point", SHUFFLED, REGION)
    assert slope["value"] == pytest.approx(-prompt, abs=1e-6)
    effect = value_of(found, EFFECT, TOLD_AD, REGION)["value"]
    assert effect == pytest.approx(7 * prompt, abs=prompt)


def test_a_label_that_the_prompt_wrote_is_no_gain_once_it_is_withheld():
    found = found_in(0.04, 0.0)
    assert value_of(found, AUC, OWN, "all")["value"] > 0.95
    assert value_of(found, AUC, WITHHELD, "all")["value"] < 0.8
    gained, left = (value_of(found, GAIN, c, "all")["value"] for c in (OWN, WITHHELD))
    assert left < gained
    assert value_of(found, TRANSFER, OPPOSITE, "all")["value"] < 0.05


def test_what_the_scans_tell_remains():
    found = found_in(0.0, 0.04)
    for condition in (OWN, WITHHELD, SHUFFLED, FLIPPED):
        assert value_of(found, AUC, condition, "all")["value"] > 0.95
    assert value_of(found, CHANGE, WITHHELD, "brain")["value"] == 0


def test_the_verdict_says_so_in_words():
    sentences = verdict(found_in(0.03, 0.01), Modality.AV45, (Modality.MRI,))
    assert sentences[0].startswith("Of the AD–CN difference in imputed AV45 cortical SUVR (+0.")
    assert re.search("7[0-9] % .95 % interval", sentences[0])
    assert "of the true difference" in sentences[1]
    assert "MRI alone" in sentences[2]


def test_too_few_people_give_no_numbers_but_a_sentence():
    found = findings(world(0.03, 0.01, each=1))
    assert not len(found[found["measure"] == AUC])
    assert "cannot be told" in verdict(found, Modality.AV45, (Modality.MRI,))[0]
    assert "is not known" in verdict(found, Modality.AV45, (Modality.MRI,))[1]
    assert np.isnan(value_of(found, APART, OWN, REGION)["low"])
    sentences = verdict(findings(world(0.03, 0.01).query("diagnosis == 'MCI'")), Modality.AV45, ())
    assert all("cannot be told" in sentence for sentence in (sentences[0], sentences[2]))


def test_no_acquired_scan_no_true_share():
    scans = world(0.03, 0.01)
    found = findings(scans[scans["condition"] != ACQUIRED])
    assert value_of(found, OF_TRUE, TOLD_AD, REGION) is None
    assert "is not known" in verdict(found, Modality.AV45, (Modality.MRI,))[1]
    assert SOURCES in set(found["condition"])


def test_auc_counts_pairs():
    scores, label = np.array([0.0, 1.0, 1.0, 2.0]), np.array([False, False, True, True])
    assert auc(scores, label) == (1 + 0.5 + 1 + 1) / 4
    assert np.isnan(auc(scores, np.ones(4, bool)))
