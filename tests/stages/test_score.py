from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from makers import GRID, brain, imputation, record, write_cohort

from acadiff.bids import Name
from acadiff.cli import main
from acadiff.cohort.dataset import HIDDEN
from acadiff.errors import CohortError, ScanError, UsageError
from acadiff.evaluation.metrics import mae, psnr
from acadiff.evaluation.tables import read_table
from acadiff.modality import Modality
from acadiff.outputs.derivative import write_derivative
from acadiff.outputs.prepared import Place
from acadiff.stages.score import run, score
from acadiff.volume import image
from acadiff.volume.composites import meta_roi, uptake
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, read_scan, write_mask, write_scan
from acadiff.volume.intensity import Window, robust_scale
from acadiff.volume.mask import brain_mask
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

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
    table = score([tmp_path / "d"], cohort).generation
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
    table = score([tmp_path / "d"], cohort).generation
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
    now = score([tmp_path / "d"], cohort)
    pd.testing.assert_frame_equal(now.generation, whole.generation)
    pd.testing.assert_frame_equal(now.regional, whole.regional)


def test_run_writes_all_tables_and_two_processes_change_nothing(tmp_path, cohort):
    for root, sources in (("one", [MRI]), ("two", [MRI, AV45])):
        for subject in ("001", "002"):
            _impute(tmp_path / root, cohort, subject, FDG, sources)
    roots = [tmp_path / "one", tmp_path / "two"]
    told = []
    found = run(roots, cohort, tmp_path / "results", jobs=2, on_step=told.append)
    table = read_table(tmp_path / "results" / "generation.tsv")
    alone = score(roots[::-1], cohort, jobs=1)
    pd.testing.assert_frame_equal(table, alone.generation.astype(table.dtypes), rtol=1e-5)
    for name in ("summary", "regional", "agreement"):
        written = read_table(tmp_path / "results" / f"{name}.tsv")
        made = getattr(alone, name)
        pd.testing.assert_frame_equal(written, made.astype(written.dtypes), rtol=1e-5)
    assert len(told) == 4
    assert set(table.subject) == {"001", "002"}
    assert found.summary.n.tolist() == [2, 2, 2, 2]
    assert not found.left_out


def test_an_imputation_without_known_truth_is_left_out(tmp_path, cohort):
    for subject in ("001", "002"):
        _impute(tmp_path / "d", cohort, subject, FDG, [MRI])
    (cohort / Name("001", FDG).path()).unlink()
    assert set(score([tmp_path / "d"], cohort).generation.subject) == {"002"}
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


def test_regions_are_read_from_the_files_in_their_own_unit(tmp_path, cohort):
    given, _ = _impute(tmp_path / "d", cohort, "001", FDG, [MRI], draws=4)
    table = score([tmp_path / "d"], cohort).regional
    mask = brain_mask(brain(MRI, 0))
    truth = read_scan(cohort / Name("001", FDG).path(), FDG)
    meta = table[(table.region == "fdg_meta_roi") & (table.unit == "SUVR")]
    assert meta.kind.tolist() == ["mean"] + 4 * ["draw"]
    read = [meta_roi(uptake(d, mask, 8)) for d in (truth.data[0], given.mean.data[0], *given.kept)]
    assert meta.acquired.tolist() == pytest.approx(5 * [read[0]])
    assert meta.imputed.tolist() == pytest.approx(read[1:])
    assert meta.sd_over_draws.iloc[0] == pytest.approx(np.std(read[2:], ddof=1))
    assert set(table.subject) == {"001"}
    assert set(table.diagnosis) == {"AD"}


def test_without_an_mri_the_prepared_mask_is_the_brain_as_it_is(tmp_path, cohort):
    given, _ = _impute(tmp_path / "d", cohort, "001", FDG, [AV45])
    mask = brain_mask(brain(MRI, 0))
    mask[8:12, 10:14, 8:12] = False
    path = cohort / Place("001", None, 8).mask()
    write_mask(path, mask, GRID.affine, "SIMULATED test brain")
    (cohort / Name("001", MRI).path()).unlink()
    found = score([tmp_path / "d"], cohort)
    truth = read_scan(cohort / Name("001", FDG).path(), FDG)
    on = Window().to_unit
    expected = psnr(on(truth.data[0]), on(given.mean.data[0]), mask)
    assert found.generation.query("kind == 'mean'").psnr.item() == pytest.approx(expected)
    thalamus = found.regional.query("region == 'thalamus'").acquired.item()
    assert thalamus == pytest.approx(uptake(truth.data[0], mask, 8).mean("thalamus"))
    assert not found.left_out


def test_without_any_brain_only_regions_are_read_and_that_is_said(tmp_path, cohort, capsys):
    for subject in ("001", "002"):
        _impute(tmp_path / "d", cohort, subject, FDG, [AV45])
    (cohort / Name("001", MRI).path()).unlink()
    found = score([tmp_path / "d"], cohort)
    assert set(found.generation.subject) == {"002"}
    assert set(found.regional.subject) == {"001", "002"}
    truth = read_scan(cohort / Name("001", FDG).path(), FDG)
    inside = uptake(truth.data[0], template(8).brain > 0.5, 8)
    own = found.regional.query("subject == '001' and kind == 'mean'").set_index("region").acquired
    assert own[list(NAMES)].tolist() == pytest.approx([inside.mean(name) for name in NAMES])
    assert len(found.left_out) == 1
    assert "has neither an MRI nor a brain mask" in found.left_out[0]
    out = tmp_path / "results"
    arguments = ["score", str(tmp_path / "d"), "--cohort", str(cohort), "--out", str(out)]
    assert main([*arguments, "--jobs", "1"]) == 0
    assert "1 left out in part; the first: " in capsys.readouterr().out


def test_scans_on_no_grid_of_the_model_have_no_regions_and_that_is_said(tmp_path, cohort):
    shifted = replace(brain(FDG, 0), affine=GRID.affine + np.diag([0, 0, 0, 0.0]))
    shifted.affine[0, 3] += 3
    for modality in Modality:
        moved = replace(brain(modality, 0), affine=shifted.affine)
        write_scan(cohort / Name("001", modality).path(), moved, "SIMULATED test brain")
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    found = score([tmp_path / "d"], cohort)
    assert len(found.generation) == 4
    assert found.regional.empty
    assert found.agreement.empty
    assert "no region can be read" in found.left_out[0]


def test_a_box_that_is_whole_voxels_off_is_read_like_the_models(tmp_path, cohort):
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    whole = score([tmp_path / "d"], cohort).regional
    for modality in Modality:
        path = cohort / Name("001", modality).path()
        scan = read_scan(path, modality)
        affine = scan.affine.copy()
        affine[:3, 3] -= 8
        padded = Volume(np.pad(scan.data, ((0, 0), *3 * ((1, 1),))), affine, modality)
        write_scan(path, padded, "SIMULATED test brain")
    given, _ = _impute(tmp_path / "e", cohort, "001", FDG, [MRI])
    again = score([tmp_path / "e"], cohort).regional
    assert again.acquired.tolist() == pytest.approx(whole.acquired.tolist())


def test_a_derivative_in_native_space_is_refused(tmp_path, cohort):
    truth = read_scan(cohort / Name("001", FDG).path(), FDG)
    given = imputation(truth, keep=False)
    write_derivative(tmp_path / "d", Name("001", FDG), given, record(MRI), space="T1w")
    with pytest.raises(CohortError, match="lies in T1w space") as caught:
        score([tmp_path / "d"], cohort)
    assert caught.value.code == "E_SPACE"


def test_every_image_is_read_once(tmp_path, cohort, monkeypatch):
    _impute(tmp_path / "d", cohort, "001", FDG, [MRI])
    read = []
    original = image.read_nifti
    monkeypatch.setattr(image, "read_nifti", lambda p, **k: read.append(p) or original(p, **k))
    score([tmp_path / "d"], cohort)
    assert len(read) == len(set(read)) == 5
