import os

import pytest
from trees import AV45, FDG, MRI, T1W, grow, keys, tell

from acadiff.cohort.files.sources import read_inventory
from acadiff.errors import CohortError, MissingInputError, UsageError
from acadiff.modality import Modality

CAPS = "subjects/sub-1/ses-1/t1_linear/sub-1_ses-1_space-MNI152NLin2009cSym_res-1x1x1_T1w.nii.gz"
SITE = "000_S_"
LONI = f"{SITE}0295/MPRAGE/2010-01-01_00_00_00.0/I1/ADNI_{SITE}0295_MR_MPRAGE_br_raw_S1_I1.nii"


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        ([MRI], "bids"),
        ([MRI, "subjects/x"], "bids"),
        ([MRI, f"derivatives/caps/{CAPS}"], "bids"),
        ([CAPS], "caps"),
        ([CAPS, "groups/x"], "caps"),
    ],
)
def test_a_folder_is_told_by_its_files(tmp_path, names, layout):
    tell(tmp_path, "dataset_description.json", {"Name": "x", "BIDSVersion": "1.10.0"})
    found = read_inventory(grow(tmp_path, *names))
    assert (found.layout, found.root, len(found.candidates)) == (layout, tmp_path, 1)


@pytest.mark.parametrize("name", ["paths.csv", "paths.TSV", "paths.txt"])
def test_a_table_is_a_table_of_paths(tmp_path, name):
    grow(tmp_path, "a.nii.gz")
    (tmp_path / name).write_text("participant_id,mri\n1,a.nii.gz\n")
    found = read_inventory(tmp_path / name)
    assert (found.layout, found.root, keys(found)) == ("manifest", tmp_path, [("1", None, "MRI")])


def test_the_three_layouts_tell_the_same_of_the_same_scan(tmp_path):
    grow(tmp_path, f"caps/{CAPS}", "bids/sub-1/ses-1/anat/sub-1_ses-1_T1w.nii.gz", "a.nii")
    (tmp_path / "paths.tsv").write_text("participant_id\tsession_id\tmri\nsub-1\tses-1\ta.nii\n")
    sources = [tmp_path / name for name in ("bids", "caps", "paths.tsv")]
    assert {tuple(keys(read_inventory(source))) for source in sources} == {(("1", "1", "MRI"),)}


def test_the_users_tracers_reach_every_reader(tmp_path):
    grow(tmp_path, "bids/sub-1/pet/sub-1_trc-XY_pet.nii", f"caps/{CAPS}")
    name = CAPS.replace("t1_linear", "pet_linear").replace("ses-1_", "ses-1_trc-XY_")
    grow(tmp_path, f"caps/{name.replace('T1w', 'pet')}")
    for source in ("bids", "caps"):
        found = read_inventory(tmp_path / source, tracers={"XY": Modality.AV45})
        assert [m for _, _, m in keys(found)][-1] == "AV45"
        assert found.problems == ()


@pytest.mark.parametrize(
    ("names", "source", "message"),
    [
        ([], "", "there is no file in it; give a BIDS dataset"),
        (["a/b/.hidden"], "", "there is no file in it"),
        ([LONI], "", "ADNI as it comes from LONI; convert it with `clinica convert adni-to-bids`"),
        ([f"ADNI/{LONI}"], "", "clinica convert adni-to-bids"),
        ([LONI], f"{SITE}0295", "clinica convert adni-to-bids"),
        ([LONI.replace(".nii", ".dcm")], "", "clinica convert adni-to-bids"),
        (["a/b/1.dcm", "a/b/2.dcm"], "", "holds DICOM files; convert it to BIDS first"),
        (["a/x.IMA"], "", "holds DICOM files"),
        (["DICOMDIR", "A/1"], "", "holds DICOM files"),
        ([MRI], "sub-1", "the folder of one person; give the dataset"),
        ([f"bids/{MRI}"], "", "is not a dataset itself; give "),
        ([f"x/{CAPS}"], "", "is not a dataset itself; give "),
        ([CAPS], "subjects", "the inside of a CAPS folder; give "),
        (["a.nii.gz"], "", "holds images, but no folder of a person (sub-…); name them as BIDS"),
        (["a/b/c.nii"], "", "list them in a table (participant_id, session_id, mri, fdg, av45)"),
        (["README"], "", "holds no folder of a person (sub-…)"),
        (["a.nii.gz"], "a.nii.gz", "is neither a folder nor a table"),
        (["sub-1/anat/sub-1_T2w.nii.gz"], "", "no T1w, FDG or AV45 scan (1 other images)"),
        (["sub-1/README"], "", "no T1w, FDG or AV45 scan (0 other images)"),
    ],
)
def test_what_is_none_of_the_layouts_is_called_by_its_name(tmp_path, names, source, message):
    with pytest.raises(CohortError) as caught:
        read_inventory(grow(tmp_path, *names) / source)
    assert message in str(caught.value)
    assert caught.value.code in ("E_LAYOUT", "E_NO_SCANS")


def test_scans_that_were_all_refused_are_problems_not_an_error(tmp_path):
    found = read_inventory(grow(tmp_path, "sub-1/sub-1_T1w.nii.gz"))
    assert found.candidates == ()
    assert [problem.code for problem in found.problems] == ["E_FOLDER"]


@pytest.mark.parametrize("layout", [None, "bids", "caps", "manifest"])
def test_a_source_that_is_not_there(tmp_path, layout):
    with pytest.raises(MissingInputError, match=r"absent"):
        read_inventory(tmp_path / "absent", layout=layout)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(MissingInputError, match=r"loop"):
        read_inventory(tmp_path / "loop", layout=layout)


def test_a_source_that_must_not_be_read(tmp_path, monkeypatch):
    def guarded(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(MissingInputError, match=r"\(Permission denied\); check"):
        read_inventory(tmp_path)


def test_a_layout_that_is_named_is_taken_at_its_word(tmp_path):
    grow(tmp_path, CAPS, *(scan.format("2") for scan in (T1W, FDG, AV45)))
    assert len(read_inventory(tmp_path, layout="caps").candidates) == 1
    assert len(read_inventory(tmp_path, layout="bids").candidates) == 3
    with pytest.raises(UsageError, match="choose bids, caps, manifest"):
        read_inventory(tmp_path, layout="dicom")
    with pytest.raises(MissingInputError, match="Not a directory"):
        read_inventory(tmp_path / T1W.format("2"), layout="bids")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "paths.csv")
    with pytest.raises(CohortError, match="not a regular file"):
        read_inventory(tmp_path / "paths.csv")
