import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from makers import brain, imputation, record, write_cohort

from acadiff.bids import Name, parse
from acadiff.cohort.dataset import read_cohort
from acadiff.errors import CohortError, OutputError, ScanError
from acadiff.modality import Modality
from acadiff.outputs import derivative
from acadiff.outputs.derivative import (
    Imputation,
    is_done,
    read_records,
    start_dataset,
    write_derivative,
)
from acadiff.volume.image import read_draws, read_scan, read_synthetic

FDG = Name("SIM0001", Modality.FDG)


def _write(root, **keys):
    given = imputation(brain(Modality.FDG))
    return given, write_derivative(root, FDG, given, {**record(Modality.MRI), **keys})


def test_what_is_written_is_read_back(tmp_path):
    given, written = _write(tmp_path)
    (found,) = read_records(tmp_path)
    assert found.path == written.path
    assert found.root == tmp_path
    assert found.sidecar == json.loads(json.dumps(written.sidecar))
    for desc, volume in {"synth": given.mean, "synthstd": given.sd}.items():
        back = read_synthetic(found.image(desc), Modality.FDG)
        assert np.array_equal(back.data, volume.data)
        assert np.array_equal(back.affine, volume.affine)
    assert np.array_equal(read_draws(found.image("synthdraws")), given.kept)


def test_every_image_says_in_three_places_that_it_is_synthetic(tmp_path):
    _write(tmp_path)
    images = list(tmp_path.rglob("*.nii.gz"))
    assert len(images) == 3
    for image in images:
        assert parse(image.name).desc.startswith("synth"), "a raw BIDS name"
        header = nib.load(image).header
        assert bytes(header["descrip"].item()).startswith(b"SYNTHETIC acadiff")
        assert header["intent_name"].item() == b"SYNTHETIC"
        sidecar = json.loads(image.with_name(image.name[: -len(".nii.gz")] + ".json").read_text())
        assert sidecar["Synthetic"] is True
        assert sidecar["Description"].startswith("SYNTHETIC")


def test_a_synthetic_scan_is_refused_as_a_source(tmp_path):
    _, written = _write(tmp_path)
    with pytest.raises(ScanError, match="SYNTHETIC; only acquired scans"):
        read_scan(written.image("synth"), Modality.FDG)


def test_a_synthetic_scan_among_the_acquired_ones_joins_no_cohort(tmp_path):
    cohort = write_cohort(tmp_path, ["sub-SIM0001\tAD" + "\tn/a" * 6], {("SIM0001", Modality.FDG)})
    write_derivative(cohort, FDG, imputation(brain(Modality.FDG)), record(Modality.MRI))
    assert Modality.FDG not in read_cohort(cohort).subjects[0].scans


def test_the_record_is_written_last(tmp_path, monkeypatch):
    committed = []
    for writer in ("write_scan", "write_draws", "write_json"):
        real = getattr(derivative, writer)
        monkeypatch.setattr(
            derivative,
            writer,
            lambda path, *rest, real=real: (committed.append(path), real(path, *rest)),
        )
    _, written = _write(tmp_path)
    assert len(committed) == 6
    assert committed[-1] == written.path


def test_a_run_that_breaks_off_leaves_no_record_of_the_one_before(tmp_path, monkeypatch):
    _write(tmp_path)
    images = []

    def break_off(path, *rest):
        images.append(path)
        raise OutputError("the disk is full")

    monkeypatch.setattr(derivative, "write_draws", break_off)
    with pytest.raises(OutputError, match="full"):
        _write(tmp_path)
    assert images
    assert read_records(tmp_path) == []


@pytest.mark.parametrize("desc", ["synth", "synthstd", "synthdraws"])
def test_one_changed_byte_undoes_it(tmp_path, desc):
    _, written = _write(tmp_path)
    assert is_done(tmp_path, FDG, {"RandomSeed": 1})
    image = written.image(desc)
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1
    image.write_bytes(content)
    assert not is_done(tmp_path, FDG, {"RandomSeed": 1})


def test_it_is_done_only_as_expected(tmp_path):
    _write(tmp_path, RandomSeed=5)
    assert is_done(tmp_path, FDG, {})
    assert is_done(tmp_path, FDG, {"RandomSeed": 5, "AvailableModalities": ("MRI",)})
    assert not is_done(tmp_path, FDG, {"RandomSeed": 6})
    assert not is_done(tmp_path, FDG, {"Unknown": 1})
    assert not is_done(tmp_path, Name("SIM0002", Modality.FDG), {})
    assert not is_done(tmp_path, Name("SIM0001", Modality.AV45), {})
    assert not is_done(tmp_path, Name("SIM0001", Modality.FDG, session="M12"), {})


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"SHA256": {}}'])
def test_a_damaged_record_is_not_done(tmp_path, damage):
    _, written = _write(tmp_path)
    written.path.write_text(damage)
    assert not is_done(tmp_path, FDG, {})
    with pytest.raises(CohortError, match="damaged or lacks"):
        read_records(tmp_path)


def test_writing_again_without_draws_leaves_none(tmp_path):
    _write(tmp_path)
    given = imputation(brain(Modality.FDG), keep=False)
    written = write_derivative(tmp_path, FDG, given, record(Modality.MRI))
    assert written.image("synthdraws") is None
    assert not list(tmp_path.rglob("*synthdraws*"))


def test_the_same_imputation_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        _write(tmp_path / folder)
    one, other = (
        {p.relative_to(tmp_path / f): p.read_bytes() for p in (tmp_path / f).rglob("*.*")}
        for f in ("a", "b")
    )
    assert one == other


def test_a_record_without_provenance_is_refused(tmp_path):
    keys = record(Modality.MRI)
    del keys["RandomSeed"]
    with pytest.raises(OutputError, match="lacks RandomSeed"):
        write_derivative(tmp_path, FDG, imputation(brain(Modality.FDG)), keys)
    assert not list(tmp_path.iterdir())


def test_parts_on_two_grids_are_refused():
    given = imputation(brain(Modality.FDG))
    with pytest.raises(OutputError, match="one grid"):
        Imputation(given.mean, given.sd, 2, given.kept)


def test_a_dataset_never_lies_among_acquired_scans(tmp_path):
    for inside in (tmp_path, tmp_path / "sub-1"):
        with pytest.raises(OutputError, match="among the acquired"):
            start_dataset(inside, tmp_path)
    start_dataset(tmp_path / "derivatives" / "acadiff", tmp_path)
    start_dataset(tmp_path / "derivatives" / "acadiff", tmp_path)
    with pytest.raises(OutputError, match="another dataset"):
        start_dataset(tmp_path / "derivatives" / "acadiff", tmp_path / "elsewhere")


def test_the_dataset_links_to_its_source(tmp_path):
    root = tmp_path / "out"
    start_dataset(root, tmp_path / "raw")
    description = json.loads((root / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "acadiff"
    assert (root / description["DatasetLinks"]["raw"]).resolve() == tmp_path / "raw"


@pytest.mark.slow
@pytest.mark.parametrize("session", [None, "M000"])
def test_the_bids_validator_accepts_it(tmp_path, session):
    validator = shutil.which("bids-validator-deno", path=Path(sys.executable).parent)
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    root = tmp_path / "derivatives" / "acadiff"
    start_dataset(root, tmp_path)
    for modality in Modality:
        name = Name("SIM0001", modality, session)
        write_derivative(root, name, imputation(brain(modality)), record(*modality.others))
    done = subprocess.run(
        [validator, str(root), "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue["severity"] == "error"]
    assert not errors, errors
