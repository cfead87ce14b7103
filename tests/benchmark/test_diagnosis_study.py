from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from makers import write_cohort

from acadiff.benchmark.diagnosis.completion import Completion, lacking
from acadiff.benchmark.diagnosis.rows import Kind, Row
from acadiff.benchmark.diagnosis.shelf import Acquire, Shelf
from acadiff.benchmark.diagnosis.study import PARTS, TWO, Study, complete, study
from acadiff.benchmark.diagnosis.utility import lacking_rate
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.table import Diagnosis
from acadiff.errors import CohortError, UsageError
from acadiff.latent.kept import kept_volume
from acadiff.modality import Modality
from acadiff.recipe.diagnosis import People

SHARES = People(fit=0.5, validation=0.1, test=0.4)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Twenty with CN and twenty with AD; one of each lacks a scan."""
    rows = [f"sub-{d}{n:02}\t{d}\t70\tF\t0\t28\t8\t0" for n in range(20) for d in ("CN", "AD")]
    lacking_some = {("CN07", Modality.FDG), ("AD07", Modality.MRI)}
    root = tmp_path_factory.mktemp("people") / "cohort"
    return read_cohort(write_cohort(root, rows, lacking_some))


@pytest.fixture(scope="module")
def divided(people, tmp_path_factory):
    return study(people, tmp_path_factory.mktemp("work"), [], SHARES, simulated_model=True)


def test_parts_are_of_whole_people_mixed_alike_and_nobody_stands_in_two(divided):
    ids = [set(divided.parts[part].ids) for part in PARTS]
    assert not set.intersection(*ids[:2]) | ids[2] & (ids[0] | ids[1])
    assert len(set.union(*ids)) == 38
    assert divided.left_out == 2
    for part, count in (("fit", 19), ("test", 15)):
        sizes = [len(divided.of(part, (kind,))) for kind in TWO]
        assert sum(sizes) == pytest.approx(count, abs=1)
        assert abs(sizes[0] - sizes[1]) <= 1


def test_masks_are_nested_and_leave_everybody_a_scan(divided):
    masks = divided.masks("fit", (80, 20, 40), 3)
    assert list(masks) == [20, 40, 80]
    assert masks[20].items() <= masks[40].items() <= masks[80].items()
    assert all(1 <= len(lost) <= 2 for lost in masks[80].values())
    assert masks[80] != divided.masks("fit", (80,), 4)[80]


@pytest.mark.parametrize("rates", [(0,), (101,), (20, -1), ()])
def test_a_rate_that_is_none_is_refused(divided, rates):
    with pytest.raises(UsageError, match="missing rate") as raised:
        divided.masks("fit", rates, 0)
    assert raised.value.code == "E_RATE"


def test_a_person_without_a_diagnosis_is_refused(people):
    first = replace(people.subjects[0], diagnosis=None)
    with pytest.raises(CohortError, match="has no diagnosis") as raised:
        complete(replace(people, subjects=(first, *people.subjects[1:])))
    assert raised.value.code == "E_NO_LABEL"


def test_too_few_of_a_class_are_refused(divided, people):
    with pytest.raises(CohortError, match="has 0 people with MCI") as raised:
        divided.require(tuple(Diagnosis))
    assert raised.value.code == "E_FEW_PEOPLE"
    nobody = tuple(s.without(Modality.MRI) for s in people.subjects)
    with pytest.raises(CohortError, match="nobody has all three scans"):
        complete(replace(people, subjects=nobody))


def test_the_fingerprint_knows_parts_labels_and_scans(divided):
    fit, test = divided.parts["fit"], divided.parts["test"]
    swapped = Study({**divided.parts, "fit": test, "test": fit}, "", 0, True)
    label = replace(fit.subjects[0], diagnosis=Diagnosis.MCI)
    relabelled = replace(fit, subjects=(label, *fit.subjects[1:]))
    others = [swapped, Study({**divided.parts, "fit": relabelled}, "", 0, True)]
    prints = {divided.fingerprint, *(other.fingerprint for other in others)}
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("simulated", "changed", "same"),
    [(True, 1e-6, True), (True, 0.1, False), (False, 1e-6, False), (False, 0.0, True)],
)
def test_simulated_scans_are_known_by_their_looks_acquired_ones_by_every_bit(
    divided, tmp_path, simulated, changed, same
):
    fit = divided.parts["fit"]
    first = fit.subjects[0]
    image = nib.load(first.scans[Modality.FDG])
    data = image.get_fdata(dtype=np.float32)
    data *= np.float32(1 + changed)
    path = tmp_path / "other.nii.gz"
    if changed:
        nib.save(nib.Nifti1Image(data, image.affine, image.header), path)
    else:
        path.write_bytes(first.scans[Modality.FDG].read_bytes())
    again = replace(first, scans={**first.scans, Modality.FDG: path})
    people = replace(fit, subjects=(again, *fit.subjects[1:]))
    before = Study(divided.parts, "", 0, simulated)
    after = Study({**divided.parts, "fit": people}, "", 0, simulated)
    assert (before.fingerprint == after.fingerprint) == same


def test_one_file_serves_every_rate(divided):
    masks = divided.masks("fit", (20, 40, 80), 0)
    subjects = divided.parts["fit"].subjects
    assert lacking(subjects, list(masks.values())) == lacking(subjects, [masks[80]])


@pytest.fixture(scope="module")
def shelf(divided, tmp_path_factory):
    """All acquired scans of those who fit."""
    made = Shelf(tmp_path_factory.mktemp("shelf"), 8)
    for subject in divided.parts["fit"].subjects:
        for modality in Modality:
            Acquire(made, subject, modality).make()
    return made


def test_the_mean_is_of_the_scans_that_are_left_and_of_no_label(divided, shelf):
    fit = divided.parts["fit"].subjects
    lost = divided.masks("fit", (60,), 0)[60]
    observed = [s for s in fit if Modality.FDG not in lost.get(s.key, ())]
    assert 0 < len(observed) < len(fit)
    cases = Completion(shelf, lost, fit, TWO).cases(fit, Row(Kind.MEAN), 0)
    case = next(c for c in cases if Modality.FDG in lost.get(c.key, ()))
    mean = np.mean([kept_volume(shelf.acquired(s, Modality.FDG), 0) for s in observed], axis=0)
    found = kept_volume(*case.pieces[Modality.FDG])
    np.testing.assert_allclose(found, mean, atol=2e-3)
    other = {Diagnosis.AD: Diagnosis.CN, Diagnosis.CN: Diagnosis.AD}
    flipped = [replace(s, diagnosis=other[s.diagnosis]) for s in fit]
    again = Completion(shelf, lost, flipped, TWO).cases(flipped, Row(Kind.MEAN), 0)
    assert [c.pieces for c in again] == [c.pieces for c in cases]


def test_a_template_is_found_once_for_all_people_and_runs(divided, shelf, monkeypatch):
    fit, asked = divided.parts["fit"].subjects, []

    def template(self, modality, observed):
        asked.append(modality)
        return self.acquired(observed[0], modality)

    monkeypatch.setattr(Shelf, "template", template)
    people = Completion(shelf, divided.masks("fit", (80,), 0)[80], fit, TWO)
    for run in range(3):
        people.cases(fit, Row(Kind.MEAN), run)
    assert len(asked) == len(set(asked)) > 1


def test_each_row_does_what_its_name_says(divided, shelf):
    fit = divided.parts["fit"].subjects
    lost = divided.masks("fit", (60,), 0)[60]
    whole = Completion(shelf, lost, fit, TWO)
    real = {s.key: {m: (shelf.acquired(s, m), 0) for m in Modality} for s in fit}
    assert {c.key: c.pieces for c in whole.cases(fit, Row(Kind.ORACLE), 0)} == real
    left = whole.cases(fit, Row(Kind.DROP), 0)
    assert {c.key for c in left} == set(real) - set(lost)
    zero = next(c for c in whole.cases(fit, Row(Kind.ZERO), 0) if c.key in lost)
    for modality, piece in zero.pieces.items():
        if modality in lost[zero.key]:
            assert (kept_volume(*piece) == -1).all()
        else:
            assert piece == real[zero.key][modality]
    row = Row(Kind.GENERATOR, "ldm")
    drawn = next(c for c in whole.cases(fit, row, 7) if c.key in lost)
    paths = [drawn.pieces[m] for m in lost[drawn.key]]
    assert all(path.parent.name == "ldm" and draw == 7 for path, draw in paths)


def test_the_rate_of_a_cohort_is_its_own(people):
    assert lacking_rate(people, Modality.FDG) == 2  # one of forty, rounded
    assert lacking_rate(people, Modality.AV45) == 60
