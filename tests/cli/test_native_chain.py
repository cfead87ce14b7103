"""Raw scans in their own spaces → prepared → imputed → back where each T1w lies."""

import json

import native
import nibabel
import numpy as np
import pytest

from acadiff.cli import main
from acadiff.modality import Modality
from acadiff.volume.image import Volume, read_scan, read_synthetic
from acadiff.volume.resample import onto

MRI, FDG, AV45 = Modality


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three people in template space, and raw scans: the second lacks FDG, the third AV45."""
    pytest.importorskip("ants", reason="antspyx is not installed")
    root = tmp_path_factory.mktemp("study")
    truth = native.people(root / "truth")
    rng = np.random.default_rng(5)
    scans, lacking = {}, (None, FDG, AV45)
    for index, subject in enumerate(truth.subjects):
        orientation = native.ORIENTATIONS[index]
        acquired = {
            m: native.acquire(
                read_scan(path, m), native.motion(rng), orientation=orientation, oblique=4.0
            )
            for m, path in subject.scans.items()
        }
        scans[subject.id] = {m: a for m, a in acquired.items() if m is not lacking[index]}
    return truth, native.bids(root / "bids", truth, scans), scans


def run(*arguments):
    assert main([str(a) for a in arguments]) == 0


@pytest.mark.slow
def test_what_is_imputed_lies_on_the_persons_own_t1w(study, tmp_path, capsys):
    truth, raw, scans = study
    prepared, imputed = tmp_path / "prepared", tmp_path / "imputed"
    run("check", raw, "--out", tmp_path / "check")
    counts = json.loads((tmp_path / "check" / "check.json").read_text())
    assert counts["problems"] == [] or all(p["code"].startswith("W_") for p in counts["problems"])
    run("prepare", raw, prepared, "--voxel", 4)
    run("impute", prepared, imputed, "--draws", 2, "--output-space", "T1w")
    made = sorted(imputed.rglob("*_space-T1w_*_desc-synth_*.nii.gz"))
    assert len(made) == 2
    for path, target, subject in zip(made, (FDG, AV45), truth.subjects[1:], strict=True):
        like = nibabel.load(raw / f"sub-{subject.id}" / "anat" / f"sub-{subject.id}_T1w.nii.gz")
        image = nibabel.load(path)
        assert image.shape == like.shape
        np.testing.assert_allclose(image.affine, like.affine, atol=1e-4)
        move = scans[subject.id][MRI].motion
        scan = read_synthetic(path, target)
        own = onto(
            read_scan(subject.scans[target], target),
            scan.data.shape[1:],
            scan.affine,
            np.linalg.inv(move),
        )
        mask = own.data[0] > 0.1
        assert native.in_brain(scan, own, mask) > 0.6
        assert abs(scan.data[0][mask].mean() / own.data[0][mask].mean() - 1) < 0.1
        sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert sidecar["Synthetic"] is True
        assert sidecar["OutputSpace"] == "T1w"
        assert sidecar["SpatialReference"].endswith("_T1w.nii.gz")
    again = {p: p.read_bytes() for p in imputed.rglob("*.nii.gz")}
    run("impute", prepared, imputed, "--draws", 2, "--output-space", "T1w")
    assert {p: p.read_bytes() for p in imputed.rglob("*.nii.gz")} == again


@pytest.mark.slow
def test_the_way_back_undoes_the_way_in(study, tmp_path):
    truth, raw, _ = study
    subject = truth.subjects[0]
    run("prepare", raw, tmp_path / "p", "--voxel", 2, "--participant-label", subject.id)
    from acadiff.registration.back import to_scan

    (mri,) = (tmp_path / "p").rglob("*desc-preproc_T1w.nii.gz")
    sidecar = json.loads(mri.with_name(mri.name.replace(".nii.gz", ".json")).read_text())
    way = mri.with_name(f"sub-{subject.id}_from-MNI152NLin2009aSym_to-T1w_mode-image_xfm")
    back = to_scan(read_scan(mri, MRI), sidecar, way)
    raw_t1 = nibabel.load(raw / f"sub-{subject.id}" / "anat" / f"sub-{subject.id}_T1w.nii.gz")
    np.testing.assert_array_equal(back.affine, raw_t1.affine)
    original = Volume(raw_t1.get_fdata(dtype=np.float32)[None], raw_t1.affine, MRI)
    assert native.in_brain(back, original, back.data[0] > 0) > 0.9
