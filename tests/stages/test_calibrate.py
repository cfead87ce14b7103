import json
import shutil

import numpy as np
import pytest
from brook import contents

from acadiff.clinical import Detail
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.errors import CohortError, ScanError
from acadiff.evaluation.trust import load_trust
from acadiff.imputer import Imputer
from acadiff.imputer.doubt import refuse_doubtful, trial_name
from acadiff.modality import Modality
from acadiff.stages.calibrate import Order, run
from acadiff.volume.regions import NAMES

MRI, FDG, AV45 = Modality
ORDER = Order(targets=(FDG,), details=(Detail.FULL,), draws=2)


def quiet(_):
    """Nobody looks at the progress."""


@pytest.fixture(scope="module")
def place(river, tmp_path_factory):
    """A copy whose test scans nobody can read, all hidden scans given back, calibrated."""
    root = tmp_path_factory.mktemp("calibrated")
    shutil.copytree(river / "cohort", root / "cohort")
    shutil.copytree(river / "work", root / "work")
    hidden = root / "cohort" / "sourcedata" / "hidden"
    for path in hidden.rglob("sub-*.nii.gz"):
        back = root / "cohort" / path.relative_to(hidden)
        back.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, back)
    for person in read_split(root / "work" / "split.tsv")["test"]:
        for path in (root / "cohort" / f"sub-{person}").rglob("*.nii.gz"):
            path.write_bytes(b"not for you")
    run(root / "cohort", root / "work", "acadiff", ORDER, quiet)
    return root


@pytest.fixture(scope="module")
def imputer(place):
    return Imputer.load(place / "work")


@pytest.fixture(scope="module")
def subject(place):
    parts = read_split(place / "work" / "split.tsv")
    return read_cohort(place / "cohort").named(parts["validation"]).subjects[0].without(FDG)


def test_test_subjects_are_never_read_and_every_pattern_is_calibrated(imputer):
    trust = imputer.generators[FDG].trust
    assert set(trust.trials) == {"MRI+AV45-full", "MRI-full", "AV45-full"}
    assert imputer.generators[AV45].trust is None
    assert all(found.subjects == 2 for found in trust.trials.values())
    assert set(trust.population) == set(NAMES)


def test_two_people_bound_half_of_the_errors_and_nothing_more(imputer):
    scale = imputer.generators[FDG].trust.trials["MRI-full"].voxels
    assert all(value is not None for value in scale.factors["50"].values())
    assert all(value is None for value in scale.factors["90"].values())


def test_again_measures_nothing_and_writes_the_same(place):
    before, steps = contents(place / "work"), []
    run(place / "cohort", place / "work", "acadiff", ORDER, steps.append)
    assert contents(place / "work") == before
    assert sum("measured before" in step for step in steps) == 3


def test_what_was_interrupted_goes_on_to_the_same_bytes(place, tmp_path):
    shutil.copytree(place / "work", tmp_path / "work")
    (tmp_path / "work" / "trust" / "acadiff-FDG" / "MRI-full.json").unlink()
    (tmp_path / "work" / "generators" / "acadiff-FDG" / "trust.json").unlink()
    run(place / "cohort", tmp_path / "work", "acadiff", ORDER, quiet)
    assert contents(tmp_path / "work") == contents(place / "work")


def test_the_record_tells_intervals_and_regions_better_not_read(imputer, subject):
    made = imputer.impute(subject, FDG, draws=2)
    told = json.loads(json.dumps(made.trust, allow_nan=False))
    assert told["Calibrated"] is True
    assert set(told["VoxelIntervals90"]["Factor"]) >= set(NAMES)
    assert set(told["Abstain"]) == set(NAMES), "two people bound nothing, so all is left open"
    assert told["RegionIntervals90"] == {}
    assert told["Inputs"]["MRI"]["Verdict"] == "unknown"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"draws": 3}, "calibrated for 2 draws, not for 3"),
        ({"draws": 2, "guidance": 2.0}, "guidance of 1, not of 2"),
        ({"draws": 2, "detail": Detail.NONE}, "not for MRI"),
    ],
)
def test_what_was_not_calibrated_is_not_promised(imputer, subject, how, why):
    told = imputer.impute(subject, FDG, **how).trust
    assert told["Calibrated"] is False
    assert why in told["Why"]
    assert "VoxelIntervals90" not in told


def test_a_score_beyond_training_is_told(imputer, subject):
    from dataclasses import replace

    ends = imputer.generators[FDG].trust.conditions["mmse"]
    assert ends[0] > 0
    ill = replace(subject, scores=replace(subject.scores, mmse=ends[0] - 1))
    told = imputer.impute(ill, FDG, draws=2).trust
    assert [code for code, _ in told["Warnings"]] == ["W_COND_OOD"]
    assert f"training saw {ends[0]:g} to {ends[1]:g}" in told["Warnings"][0][1]
    with pytest.raises(ScanError, match="MMSE is") as caught:
        refuse_doubtful(told)
    assert caught.value.code == "E_OOD"
    refuse_doubtful(imputer.impute(subject, FDG, draws=2).trust)


def test_a_prompt_that_tells_nothing_counts_as_none(imputer, subject):
    prompt = imputer.prompt(subject, FDG)
    sources = "+".join(m.name for m in prompt.available)
    assert trial_name(prompt, Detail.FULL) == f"{sources}-full"
    assert trial_name(prompt.told(Detail.SCORES), Detail.FULL) == f"{sources}-scores"
    assert trial_name(prompt.without_clinical(), Detail.FULL) == f"{sources}-none"


def test_without_validation_subjects_it_is_one_sentence(place, tmp_path):
    shutil.copytree(place / "work", tmp_path / "work")
    split = tmp_path / "work" / "split.tsv"
    split.write_text(split.read_text().replace("\tvalidation\t", "\ttest\t"))
    with pytest.raises(CohortError, match="no validation subject"):
        run(place / "cohort", tmp_path / "work", "acadiff", ORDER, quiet)


def test_regional_intervals_are_told_where_enough_people_bound_them(place, imputer, subject):
    """With the bounds of half of all errors, a region is mean, low and high."""
    from dataclasses import replace

    from acadiff.evaluation.intervals import Scale

    found = imputer.generators[FDG]
    name = trial_name(imputer.prompt(subject, FDG), Detail.FULL)
    trial = found.trust.trials[name]
    scale = Scale(trial.regions.floor, {"90": trial.regions.factors["50"]})
    trust = replace(found.trust, trials={name: replace(trial, regions=scale)})
    generators = {**imputer.generators, FDG: replace(found, trust=trust)}
    other = Imputer(imputer.folder, imputer.codecs, generators, imputer.encoder)
    told = other.impute(subject, FDG, draws=2).trust
    assert set(told["RegionIntervals90"]) == set(NAMES)
    for region, (mean, low, high) in told["RegionIntervals90"].items():
        assert 0 <= low <= mean <= high
        wide = high - mean >= trust.population[region].half - 1e-4
        assert not wide or region in told["Abstain"]
    assert np.isfinite(list(told["RegionIntervals90"].values())).all()
    assert load_trust(place / "work" / "generators" / "acadiff-AV45", "x") is None
