import numpy as np
import pandas as pd
import pytest
from makers import brain, imputation, record, write_cohort

from acadiff.bids import Name
from acadiff.cohort.dataset import HIDDEN
from acadiff.errors import CohortError, ScanError, UsageError
from acadiff.evaluation.metrics import mae, psnr
from acadiff.evaluation.tables import read_table
from acadiff.modality import Modality
from acadiff.outputs.derivative import write_derivative
from acadiff.stages.score import run, score
from acadiff.volume.grid import Grid
from acadiff.volume.image import read_scan, write_scan
from acadiff.volume.intensity import Window, robust_scale
from acadiff.volume.mask import brain_mask

ROWS = ["sub-001\tAD" + "\tn/a" * 6, "sub-002\tn/a" + "\tn/a" * 6]
FDG, MRI, AV45 = Modality.FDG, Modality.MRI, Modality.AV45


@pytest.fixture
def cohort(tmp_path):
    return write_cohort(tmp_path / "raw", ROWS)


def _impute(root, cohort, subject, target, sources, **how):
    truth = read_scan(cohort / Name(subject, target).path(), target)
    given = imputation(truth, **how)
    return given, write_derivative(root, Name(subject, target), given, record(*sources))


def test_scores_equal_the_metrics_of_the_files(tmp_path, cohort):
    given, _ = _impute(tmp_path / "d", cohort, "001", FDG, [AV45, MRI], draws=2)
    table = score([tmp_path / "d"], cohort)
    truth = read_scan(cohort / Name("001", FDG).path(), FDG)
    mask = brain_mask(brain(MRI, 0))
    on = Window().to_unit
    assert list(table.kind) == ["draw", "draw", "mean"]
    assert set(table.sources) == {"MRI+AV45"}
    assert set(table.diagnosis) == {"AD"}
    mean = table[table.kind == "mean"].iloc[0]
    assert mean.psnr == pytest.approx(psnr(on(truth.data[0]), on(given.mean.data[0]), mask))
    first = table[table.draw == "0"].iloc[0]
    assert first.mae == pytest.approx(mae(on(truth.data[0]), on(given.kept[0]), mask))
    assert mean.psnr > first.psnr
    assert np.isfinite(mean.sd_error_rho)
    assert np.isnan(first.sd_error_rho)


def test_each_mri_is_brought_to_unit_by_its_own_scale(tmp_path, cohort):
    given, _ = _impute(tmp_path / "d", cohort, "001", MRI, [FDG], keep=False)
    table = score([tmp_path / "d"], cohort)
    truth = brain(MRI, 0)
    mask = brain_mask(truth)
    on = robust_scale(truth.data, mask).to_unit
    stated = Window().to_unit
    expected = psnr(on(truth.data[0]), stated(given.mean.data[0]), mask)
    assert table.psnr.tolist() == [pytest.approx(expected)]


def test_a_hidden_scan_is_the_truth(tmp_path, cohort):
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    whole = score([tmp_path / "d"], cohort)
    name = Name("001", FDG).path()
    (cohort / HIDDEN / name).parent.mkdir(parents=True)
    (cohort / name).rename(cohort / HIDDEN / name)
    pd.testing.assert_frame_equal(score([tmp_path / "d"], cohort), whole)


def test_run_writes_both_tables_and_two_processes_change_nothing(tmp_path, cohort):
    for root, sources in (("one", [MRI]), ("two", [MRI, AV45])):
        for subject in ("001", "002"):
            _impute(tmp_path / root, cohort, subject, FDG, sources)
    roots = [tmp_path / "one", tmp_path / "two"]
    told = []
    brief = run(roots, cohort, tmp_path / "results", jobs=2, on_step=told.append)
    table = read_table(tmp_path / "results" / "generation.tsv")
    alone = score(roots[::-1], cohort, jobs=1)
    pd.testing.assert_frame_equal(table, alone.astype(table.dtypes), rtol=1e-5)
    assert len(told) == 4
    assert set(table.subject) == {"001", "002"}
    assert brief.n.tolist() == [2, 2, 2, 2]
    assert list(read_table(tmp_path / "results" / "summary.tsv").columns) == list(brief.columns)


def test_an_imputation_without_known_truth_is_left_out(tmp_path, cohort):
    for subject in ("001", "002"):
        _impute(tmp_path / "d", cohort, subject, FDG, [MRI])
    (cohort / Name("001", FDG).path()).unlink()
    assert set(score([tmp_path / "d"], cohort).subject) == {"002"}
    (cohort / Name("002", FDG).path()).unlink()
    with pytest.raises(CohortError, match="no imputed scan"):
        score([tmp_path / "d"], cohort)


def test_a_scan_is_never_scored_against_itself(tmp_path, cohort):
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI, FDG])
    with pytest.raises(CohortError, match="among its sources"):
        score([tmp_path / "d"], cohort)


def test_one_imputation_is_not_scored_twice(tmp_path, cohort):
    for root in ("one", "two"):
        _impute(tmp_path / root, cohort, "001", FDG, [MRI])
    with pytest.raises(CohortError, match="the same imputation as"):
        score([tmp_path / "one", tmp_path / "two"], cohort)


def test_another_grid_is_refused(tmp_path, cohort):
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    truth = cohort / Name("001", FDG).path()
    write_scan(truth, brain(FDG, 0, Grid(4)), "SIMULATED test brain")
    with pytest.raises(ScanError, match="another grid"):
        score([tmp_path / "d"], cohort)


def test_no_process_is_no_way_to_score(cohort, tmp_path):
    with pytest.raises(UsageError, match="one or more"):
        score([tmp_path], cohort, jobs=0)


@pytest.mark.parametrize("desc", ["synth", "synthstd", "synthdraws"])
def test_an_image_changed_since_it_was_recorded_is_refused(tmp_path, cohort, desc):
    _, record = _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    path = record.image(desc)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ScanError, match="not the image that was recorded"):
        score([tmp_path / "d"], cohort)
