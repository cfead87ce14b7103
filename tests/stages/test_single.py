import json

import nibabel
import numpy as np
import pytest

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.table import Scores
from acadiff.errors import OutputError, ScanError, UsageError
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.stages.single import Wish, run
from acadiff.volume.image import read_scan, read_synthetic

MRI, FDG, AV45 = Modality


def quiet(_):
    """Nobody looks at the progress."""


@pytest.fixture(scope="module")
def imputer(river):
    return Imputer.load(river / "work")


@pytest.fixture(scope="module")
def scans(river):
    """The scans of somebody who has all."""
    people = read_cohort(river / "cohort").subjects
    return dict(next(s for s in people if len(s.scans) == 3).scans)


def turned(path, out, axes):
    """The same scan with its voxels stored in another order."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    order = nibabel.orientations.axcodes2ornt(axes)
    start = nibabel.io_orientation(image.affine)
    image.as_reoriented(nibabel.orientations.ornt_transform(start, order)).to_filename(out)
    return out


def test_the_result_lies_where_the_first_scan_lies(imputer, scans, tmp_path):
    straight = tmp_path / "straight.nii.gz"
    run(Wish({MRI: scans[MRI]}, FDG, straight, draws=2), imputer, quiet)
    like, made = nibabel.load(scans[MRI]), nibabel.load(straight)
    assert made.shape == like.shape
    np.testing.assert_allclose(made.affine, like.affine, atol=1e-5)
    other = turned(scans[MRI], tmp_path / "mri.nii.gz", "LPI")
    run(Wish({MRI: other}, FDG, tmp_path / "turned.nii.gz", draws=2), imputer, quiet)
    back = nibabel.load(tmp_path / "turned.nii.gz")
    assert nibabel.aff2axcodes(back.affine) == ("L", "P", "I")
    np.testing.assert_allclose(back.affine, nibabel.load(other).affine, atol=1e-5)
    one, two = (read_synthetic(p, FDG) for p in (straight, tmp_path / "turned.nii.gz"))
    np.testing.assert_allclose(one.data, two.data, atol=1e-3)
    assert one.data.max() > 0.5


def test_all_of_it_says_that_it_is_synthetic(imputer, scans, tmp_path):
    out = tmp_path / "out.nii.gz"
    wish = Wish({FDG: scans[FDG]}, AV45, out, scores=Scores(mmse=22), draws=2, seed=3)
    run(wish, imputer, quiet)
    sidecar = json.loads((tmp_path / "out.json").read_text())
    assert sidecar["Synthetic"] is True
    assert sidecar["Units"] == "SUVR"
    assert sidecar["RandomSeed"] == 3
    assert sidecar["ClinicalInputsUsed"] == ["mmse"]
    assert set(sidecar["SHA256"]) == {"out.nii.gz", "out_std.nii.gz"}
    for path in (out, tmp_path / "out_std.nii.gz"):
        assert b"SYNTHETIC" in bytes(nibabel.load(path).header["descrip"].item())
        with pytest.raises(ScanError, match="is labelled SYNTHETIC"):
            read_scan(path, AV45)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "out.json",
        "out.nii.gz",
        "out_std.nii.gz",
    ]


def test_the_same_call_gives_the_same_bytes_and_may_replace_its_own(imputer, scans, tmp_path):
    wish = Wish({MRI: scans[MRI], FDG: scans[FDG]}, AV45, tmp_path / "o.nii.gz", draws=2)
    run(wish, imputer, quiet)
    first = [(tmp_path / name).read_bytes() for name in ("o.nii.gz", "o_std.nii.gz", "o.json")]
    run(wish, imputer, quiet)
    assert first == [
        (tmp_path / name).read_bytes() for name in ("o.nii.gz", "o_std.nii.gz", "o.json")
    ]


def test_an_acquired_scan_is_never_written_over(imputer, scans, tmp_path):
    out = tmp_path / "scan.nii.gz"
    out.write_bytes(scans[FDG].read_bytes())
    with pytest.raises(OutputError, match="is there already and is no imputed scan"):
        run(Wish({MRI: scans[MRI]}, FDG, out, draws=1), imputer, quiet)
    assert out.read_bytes() == scans[FDG].read_bytes()


def test_a_scan_that_cannot_be_used_is_named_and_nothing_written(imputer, scans, tmp_path):
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(scans[FDG].read_bytes()[:-9])
    with pytest.raises(ScanError, match=r"bad\.nii\.gz"):
        run(Wish({MRI: scans[MRI], FDG: bad}, AV45, tmp_path / "o.nii.gz"), imputer, quiet)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.nii.gz"]


@pytest.mark.parametrize(
    ("sources", "target", "name", "message"),
    [
        ((FDG,), FDG, "o.nii.gz", "FDG-PET is given already"),
        ((), FDG, "o.nii.gz", "FDG-PET needs at least one other scan"),
        ((MRI,), FDG, "o.nii", r"must end in \.nii\.gz"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(sources, target, name, message, scans, tmp_path):
    with pytest.raises(UsageError, match=message):
        Wish({m: scans[m] for m in sources}, target, tmp_path / name)
