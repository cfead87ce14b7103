"""Rows of regional read-outs: which there are, and of what."""

import numpy as np
import pytest
from makers import GRID, brain

from acadiff.evaluation.regional import COLUMNS, SUMMARIES, compare, reader, table
from acadiff.modality import Modality
from acadiff.volume.composites import centiloid
from acadiff.volume.regions import NAMES

WHOLE = np.ones(GRID.shape, bool)
ABOUT = {"subject": "1", "diagnosis": "AD", "target": "T", "sources": "MRI", "method": "M"}


def rows(modality, draws=2):
    truth = brain(modality).data[0]
    single = [truth * (1 + 0.1 * n) for n in range(draws)]
    made = np.mean(single, axis=0).astype(np.float32) if draws else truth
    return compare(reader(modality, WHOLE, 8), truth, made, single)


def named(modality, draws=2):
    return {(r["kind"], r["draw"], r["region"], r["unit"]): r for r in rows(modality, draws)}


@pytest.mark.parametrize(
    ("modality", "summary"),
    [
        (Modality.FDG, {("fdg_meta_roi", "SUVR")}),
        (Modality.AV45, {("cortical_composite", "SUVR"), ("cortical_composite", "CL")}),
        (Modality.MRI, {("hippocampal_volume", "mL")}),
    ],
)
def test_means_have_all_regions_and_draws_the_summaries(modality, summary):
    found = named(modality)
    regions = {(name, "SUVR") for name in NAMES} if modality.is_pet else set()
    assert {k[2:] for k in found if k[0] == "mean"} == summary | regions
    assert {k[2:] for k in found if k[:2] == ("draw", 1)} == summary
    assert summary <= set(SUMMARIES)


def test_nothing_is_scaled_anew():
    found = named(Modality.FDG)
    for name in NAMES:
        row = found["mean", None, name, "SUVR"]
        assert row["imputed"] == pytest.approx(1.05 * row["acquired"])
        assert row["sd_over_draws"] == pytest.approx(0.1 * row["acquired"] / np.sqrt(2))


def test_centiloids_are_those_of_the_composite():
    found = named(Modality.AV45)
    for side in ("acquired", "imputed"):
        suvr = found["mean", None, "cortical_composite", "SUVR"][side]
        assert found["mean", None, "cortical_composite", "CL"][side] == centiloid(suvr)


@pytest.mark.parametrize("draws", [0, 1])
def test_without_two_draws_there_is_no_spread(draws):
    assert all(r["sd_over_draws"] is None for r in rows(Modality.FDG, draws))


def test_the_table_is_in_one_order_whatever_that_of_its_rows():
    made = [{**ABOUT, **row} for row in rows(Modality.AV45, 11)]
    first, second = table(made), table(made[::-1])
    assert first.equals(second)
    assert tuple(first.columns) == COLUMNS
    assert first.kind.tolist() == ["mean"] * (len(NAMES) + 2) + ["draw"] * 22
    assert first.region.tolist()[:3] == ["cortical_composite", "cortical_composite", NAMES[0]]
    assert first.draw.tolist()[-2:] == ["10", "10"]
    assert table([]).empty
