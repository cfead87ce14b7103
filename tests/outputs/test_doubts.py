"""Counts of what is to be doubted: of every scan only the worse verdict, regions by scans."""

from pathlib import Path

import pytest

from acadiff.bids import Name
from acadiff.modality import Modality
from acadiff.outputs.derivative import Record
from acadiff.outputs.doubts import BEYOND, UNTRUSTED, UNUSUAL, by_target, doubts, summary, tally


def record(person, modality, *verdicts, beyond=False, abstain=None):
    """What `impute` writes; with regions it is calibrated."""
    trust = {
        "Inputs": {str(n): {"Verdict": word} for n, word in enumerate(verdicts)},
        "Warnings": [["W_OOD", "odd"], *([["W_COND_OOD", "MMSE is 2"]] if beyond else [])],
        "Calibrated": abstain is not None,
        "Abstain": dict.fromkeys(abstain or (), "± 1"),
    }
    return Record(Path("x.json"), Name(person, modality), {"Trust": trust})


@pytest.fixture
def records():
    return [
        record("A", Modality.FDG, "typical", "typical", abstain=["insula", "thalamus"]),
        record("A", Modality.AV45, UNUSUAL, UNTRUSTED, abstain=["insula"]),
        record("B", Modality.AV45, UNUSUAL, "typical", beyond=True, abstain=[]),
        record("C", Modality.AV45, "unknown"),
        Record(Path("x.json"), Name("D", Modality.MRI), {}),
    ]


def test_of_a_scan_only_the_worse_verdict_counts(records):
    found = doubts(records)
    assert found.flags == {UNTRUSTED: 1, UNUSUAL: 1, BEYOND: 1}
    assert (found.scans, found.flagged, found.uncalibrated) == (4, 2, 1)
    assert found.unjudged == 1


def test_regions_are_counted_over_scans_that_can_abstain(records):
    found = doubts(records)
    assert found.abstain == {"insula": 2, "thalamus": 1}
    assert list(found.abstain) == ["insula", "thalamus"]
    assert found.regions == 1.0


def test_targets_add_up_to_the_total(records):
    parts = by_target(records)
    total = doubts(records)
    assert sum(part.scans for part in parts.values()) == total.scans
    assert sum(part.flagged for part in parts.values()) == total.flagged
    assert sum(sum(part.abstain.values()) for part in parts.values()) == 3


def test_who_is_flagged_is_named_and_nobody_else(records):
    assert tally(records)["people"] == {
        "sub-A": {"AV45": [UNTRUSTED]},
        "sub-B": {"AV45": [UNUSUAL, BEYOND]},
    }


def test_one_line_says_the_counts(records):
    text = summary(tally(records)["total"])
    assert "of 4 imputed scans 1 are from one that is not to be trusted, 1 from an unusual" in text
    assert text.endswith("1.0 regions a scan are better not read")
    alone = summary(tally(records[3:4])["total"])
    assert "1 from one that nobody could judge; none has intervals" in alone
    assert summary(tally([])["total"]).startswith("nothing is known")
