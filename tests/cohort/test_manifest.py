import datetime
import os

import pytest
from trees import codes, grow, keys, tell

from acadiff.cohort.files.manifest import read_manifest, read_pairs
from acadiff.errors import CohortError, MissingInputError
from acadiff.modality import Modality

HEADER = "participant_id\tsession_id\tmri\tfdg\tav45"
ROWS = ["sub-1\tses-M00\ta.nii.gz\tb.nii\tn/a", "011\tn/a\tsub/c.nii.gz\t\tn/a"]


@pytest.fixture
def folder(tmp_path):
    return grow(tmp_path, "a.nii.gz", "b.nii", "sub/c.nii.gz", "d.nii.gz")


def manifest(folder, *rows, header=HEADER):
    """Read a table of these rows."""
    (folder / "cohort.tsv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return read_manifest(folder / "cohort.tsv")


def test_a_row_is_a_visit(folder):
    found = manifest(folder, *ROWS)
    assert keys(found) == [("011", None, "MRI"), ("1", "M000", "MRI"), ("1", "M000", "FDG")]
    assert found.candidates[0].path == folder / "sub/c.nii.gz"
    assert (found.root, found.layout, found.problems) == (folder, "manifest", ())


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_same_table_in_other_clothes(folder, delimiter, encoding, ends):
    expected = manifest(folder, *ROWS).candidates
    text = ends.join([HEADER, *ROWS, "", ""]).replace("\t", delimiter)
    (folder / "cohort.tsv").write_bytes(text.encode(encoding))
    assert read_manifest(folder / "cohort.tsv").candidates == expected


def test_columns_in_any_order_and_case_and_others_beside(folder):
    header = "Diagnosis\tAV45\tMRI\tParticipant_ID"
    found = manifest(folder, "CN\tn/a\ta.nii.gz\t7", header=header)
    assert keys(found) == [("7", None, "MRI")]


def test_dates_and_the_space_of_a_row(folder):
    header = f"{HEADER}\tmri_date\tfdg_date\tspace"
    found = manifest(folder, f"{ROWS[0]}\t2010-02-28\t\tMNI152NLin2009cSym", header=header)
    mri, fdg = found.candidates
    assert (mri.date, fdg.date) == (datetime.date(2010, 2, 28), None)
    assert (mri.space, fdg.space) == ("MNI152NLin2009cSym",) * 2


def test_absolute_paths_and_paths_upwards_are_the_users_own(folder):
    other = grow(folder.parent / f"{folder.name}-other", "e.nii.gz")
    rows = [f"1\tn/a\t{other / 'e.nii.gz'}\t../{folder.name}/b.nii\tn/a"]
    assert manifest(folder, *rows).problems == ()


def test_a_name_of_bids_and_a_sidecar_tell_more(folder):
    grow(folder, "sub-1_trc-18FFDG_rec-coregavg_space-X_desc-preproc_pet.nii.gz")
    tell(folder, "b.json", {"Units": "SUVR", "SUVRReferenceRegion": "pons"})
    row = "1\tn/a\ta.nii.gz\tsub-1_trc-18FFDG_rec-coregavg_space-X_desc-preproc_pet.nii.gz\tb.nii"
    mri, fdg, av45 = manifest(folder, row).candidates
    assert (fdg.reconstruction, fdg.space, fdg.desc) == ("coregavg", "X", "preproc")
    assert (mri.space, mri.suvr, fdg.suvr, av45.suvr) == (None, None, None, "pons")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        *(("gone.nii.gz", "E_MISSING"), ("sub", "E_FORMAT"), ("a.mgz", "E_FORMAT")),
        *(("fifo.nii", "E_FILE"), ("folder.nii.gz", "E_FILE"), ("dangling.nii.gz", "E_MISSING")),
        *(("loop.nii.gz", "E_MISSING"), ("sub-1_desc-synth_T1w.nii.gz", "E_SYNTHETIC_INPUT")),
        *(("told.nii.gz", "E_SYNTHETIC_INPUT"), ("broken.nii.gz", "E_SIDECAR")),
        *(("x" * 5000 + ".nii", "E_MISSING"), ("/dev/null", "E_FORMAT")),
        ("\u202e\x1b[31m.nii", "E_MISSING"),
    ],
    ids=ascii,
)
def test_a_wrong_cell_is_named_and_the_others_are_used(folder, cell, code):
    os.mkfifo(folder / "fifo.nii")
    (folder / "folder.nii.gz").mkdir()
    (folder / "dangling.nii.gz").symlink_to("nothing")
    (folder / "loop.nii.gz").symlink_to("loop.nii.gz")
    grow(folder, "sub-1_desc-synth_T1w.nii.gz", "told.nii.gz", "broken.nii.gz")
    tell(folder, "told.json", {"Synthetic": True})
    tell(folder, "broken.json", b"{")
    found = manifest(folder, ROWS[0], f"2\tM012\td.nii.gz\t{cell}\tn/a")
    assert codes(found) == [(code, "cohort.tsv line 3, sub-2_ses-M012 FDG")]
    assert keys(found) == [("1", "M000", "MRI"), ("1", "M000", "FDG"), ("2", "M012", "MRI")]
    assert "line 3, column fdg" in found.problems[0].text or code == "E_SIDECAR"
    assert found.problems[0].text.isprintable()


@pytest.mark.parametrize(
    ("row", "header", "code"),
    [
        ("../x\tn/a\ta.nii.gz\tn/a\tn/a", HEADER, "E_ID"),
        ("\tn/a\ta.nii.gz\tn/a\tn/a", HEADER, "E_ID"),
        ("2\tses-a/b\ta.nii.gz\tn/a\tn/a", HEADER, "E_ID"),
        ("2\tn/a\td.nii.gz\tn/a\tn/a\t../x", f"{HEADER}\tspace", "E_ID"),
        ("2\tn/a\td.nii.gz\tn/a\tn/a\t2010-02-30", f"{HEADER}\tmri_date", "E_DATE"),
        ("2\tn/a\td.nii.gz\tn/a\tn/a\t01/02/2010", f"{HEADER}\tmri_date", "E_DATE"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(folder, row, header, code):
    found = manifest(folder, row, header=header)
    assert [problem.code for problem in found.problems] == [code]
    assert "line 2" in found.problems[0].where
    assert "line 2" in found.problems[0].text
    assert found.candidates == ()


def test_rows_of_one_visit_count_once_if_they_say_the_same(folder):
    found = manifest(folder, ROWS[0], ROWS[0].replace("sub-1\tses-M00", "1\tM000"), ROWS[1])
    assert len(found.candidates) == 3
    assert codes(found) == [("W_DUPLICATE", "cohort.tsv line 2 and 3, sub-1_ses-M000")]


def test_rows_of_one_visit_that_differ_are_all_refused(folder):
    found = manifest(folder, ROWS[0], ROWS[1], "1\tM0\td.nii.gz\tb.nii\tn/a")
    assert keys(found) == [("011", None, "MRI")]
    assert codes(found) == [("E_DUPLICATE", "cohort.tsv line 2 and 4, sub-1_ses-M000")]


def test_one_file_for_two_scans_is_refused(folder):
    (folder / "link.nii").symlink_to("a.nii.gz")
    (folder / "again.nii.gz").symlink_to("a.nii.gz")
    found = manifest(folder, ROWS[0], "2\tn/a\tagain.nii.gz\td.nii.gz\tn/a")
    assert keys(found) == [("1", "M000", "FDG"), ("2", None, "FDG")]
    assert [problem.code for problem in found.problems] == ["E_DUPLICATE"]
    assert "sub-1_ses-M000 MRI and sub-2 MRI" in found.problems[0].text


def test_ids_that_clash_are_refused(folder):
    rows = [f"{i}\tn/a\t{f}\tn/a\tn/a" for i, f in (("7", "a.nii.gz"), ("007", "b.nii"))]
    assert codes(manifest(folder, *rows)) == [("E_ID_CLASH", "sub-007 and sub-7")]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("mri\tfdg", "a.nii.gz\tb.nii"),
        ("participant_id\tage", "1\t70"),
        ("participant_id\tmri\tMRI", "1\ta.nii.gz\tb.nii"),
        (HEADER, "1\ta.nii.gz"),
        (HEADER, f"{ROWS[0]}\t"),
    ],
)
def test_what_is_not_plainly_one_table_is_refused_whole(folder, header, row):
    with pytest.raises(CohortError, match=r"cohort\.tsv"):
        manifest(folder, row, header=header)


def test_pairs_choose_persons_and_visits(tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text("participant_id\tsession_id\nsub-1\tses-M00\n1\tM000\n2\tn/a\n")
    assert read_pairs(path) == (("1", "M000"), ("2", None))
    path.write_text("participant_id\nsub-1\n")
    assert read_pairs(path) == (("1", None),)
    path.write_text("participant_id\tsession_id\nsub-1\tses-M00\n../2\tM000\n")
    with pytest.raises(CohortError, match="line 3"):
        read_pairs(path)
    path.write_text("subject\tsession_id\n1\tses-M00\n")
    with pytest.raises(CohortError, match="participant_id"):
        read_pairs(path)
    with pytest.raises(MissingInputError):
        read_pairs(tmp_path / "absent.tsv")


def test_every_modality_has_its_column(folder):
    header = "participant_id," + ",".join(m.name.lower() for m in Modality)
    found = manifest(folder, "1,a.nii.gz,b.nii,d.nii.gz", header=header)
    assert [c.modality for c in found.candidates] == list(Modality)
