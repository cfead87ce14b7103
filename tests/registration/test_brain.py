"""The brain is taken from where it is known best."""

import stat
import sys

import numpy as np
import pytest
from makers import brain

from acadiff.cohort.candidate import Candidate
from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.registration import brain as module
from acadiff.registration.brain import STRIPPED, TEMPLATE, beside, extract
from acadiff.registration.options import Options
from acadiff.registration.placed import read
from acadiff.volume.grid import Grid
from acadiff.volume.image import write_mask, write_scan

MRI = Modality.MRI
SCAN = brain(MRI, grid=Grid(4))
NAME = "sub-1_space-MNI152NLin2009aSym_desc-preproc_T1w.nii.gz"


@pytest.fixture
def given(tmp_path, monkeypatch):
    """An MRI on disk; no program that strips is installed."""
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    write_scan(tmp_path / NAME, SCAN, "test")
    return read(Candidate(tmp_path / NAME, "1", None, MRI), Options(voxel=4), NAME)


def mask_beside(given, mask):
    path = given.candidate.path.with_name("sub-1_space-MNI152NLin2009aSym_desc-brain_mask.nii.gz")
    write_mask(path, mask, SCAN.affine, "test")
    return path


def test_a_mask_beside_the_scan_comes_first(given):
    mask = np.zeros(Grid(4).shape, bool)
    mask[10:20, 10:20, 10:20] = True
    path = mask_beside(given, mask)
    assert beside(given.candidate.path) == path
    found, how = extract(given, "auto", stripped=True)
    assert how == "mask"
    assert np.array_equal(found.data[0] == 1, mask)


@pytest.mark.parametrize("name", ["sub-1_T1w.nii", "sub-1_desc-a_T1w.nii.gz", "t1.nii.gz"])
def test_without_one_there_is_none(tmp_path, name):
    assert beside(tmp_path / name) is None


def test_an_empty_mask_is_refused(given):
    mask_beside(given, np.zeros(Grid(4).shape, bool))
    with pytest.raises(ScanError, match="no voxel of the brain mask") as caught:
        extract(given, "auto", stripped=True)
    assert caught.value.code == "E_EMPTY_MASK"


def test_a_scan_without_a_head_tells_its_brain_itself(given):
    assert extract(given, "auto", stripped=True) == (None, STRIPPED)
    assert extract(given, "auto", stripped=False) == (None, TEMPLATE)
    assert extract(given, "template", stripped=True) == (None, TEMPLATE)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [("mask", "no brain mask beside"), ("synthstrip", "mri_synthstrip is not installed")],
)
def test_what_is_asked_for_and_not_there_is_refused(given, wanted, sentence):
    with pytest.raises(ScanError, match=sentence) as caught:
        extract(given, wanted, stripped=True)
    assert caught.value.code == "E_BRAIN"


def program(folder, body):
    """A program called mri_synthstrip on the path."""
    path = folder / "mri_synthstrip"
    path.write_text(f"#!{sys.executable}\nimport sys, shutil\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_program_on_the_path_is_asked(given, tmp_path, monkeypatch):
    made = program(tmp_path, "shutil.copy(sys.argv[2], sys.argv[4])")
    monkeypatch.setattr(module.shutil, "which", lambda n: str(made) if "synth" in n else None)
    found, how = extract(given, "auto", stripped=False)
    assert how == "synthstrip"
    assert np.array_equal(found.data[0] == 1, SCAN.data[0] > 0)


@pytest.mark.parametrize("body", ["sys.exit('no licence')", "pass"])
def test_a_program_that_fails_is_told(given, tmp_path, monkeypatch, body):
    made = program(tmp_path, body)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(made))
    with pytest.raises(ScanError, match="mri_synthstrip failed with") as caught:
        extract(given, "synthstrip", stripped=False)
    assert caught.value.code == "E_BRAIN"


def test_one_that_would_fetch_its_weights_is_not(given, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda n: "/bin/false" if n == "hd-bet" else None)
    monkeypatch.setattr(module.Path, "home", lambda: tmp_path)
    assert extract(given, "auto", stripped=False) == (None, TEMPLATE)
    (tmp_path / "hd-bet_params").mkdir()
    with pytest.raises(ScanError, match="hd-bet failed"):
        extract(given, "auto", stripped=False)
