import datetime

import pytest

from acadiff.cohort.files.scan_dates import scan_dates
from acadiff.errors import MissingInputError

MAY = datetime.date(2009, 5, 17)


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_scans_know_their_day(tmp_path):
    put(
        tmp_path,
        "sub-A/ses-M00/sub-A_ses-M00_scans.tsv",
        "filename\tacq_time\n"
        "anat/sub-A_ses-M00_T1w.nii.gz\t2009-05-17T10:00:00\n"
        "pet/sub-A_ses-M00_pet.nii.gz\tn/a\n",
    )
    put(tmp_path, "sub-A/sub-A_sessions.tsv", "session_id\tacq_time\nses-M00\t2009-06-01\n")
    put(tmp_path, "sub-B/sub-B_scans.tsv", "filename\tacq_time\nanat/sub-B_T1w.nii\t2009-05-17\n")
    put(
        tmp_path,
        "sessions.tsv",
        "participant_id\tsession_id\tacq_time\nsub-C\tses-m12\t17/05/2009\n",
    )
    dates = scan_dates(tmp_path)
    assert dates.problems == ()
    session = tmp_path / "sub-A" / "ses-M00"
    assert dates.of(session / "anat" / "sub-A_ses-M00_T1w.nii.gz", "A", "M000") == MAY
    june = datetime.date(2009, 6, 1)
    assert dates.of(session / "pet" / "sub-A_ses-M00_pet.nii.gz", "A", "M000") == june
    assert dates.of(tmp_path / "sub-B/anat/sub-B_T1w.nii", "B", None) == MAY
    assert dates.of(tmp_path / "elsewhere.nii", "C", "M012") == MAY
    assert dates.of(tmp_path.parent / "elsewhere.nii", "C", "M000") is None


def test_a_table_of_days_that_cannot_be_read_is_told(tmp_path):
    put(tmp_path, "sub-A/sub-A_scans.tsv", "filename\tacq_time\na.nii\t2009-05-17\nb.nii\tMay\n")
    put(tmp_path, "sub-B/sub-B_scans.tsv", "filename\tacq_time\na.nii\n")
    put(tmp_path, "sub-C/sub-C_scans.tsv", "filename\tnote\na.nii\tx\n")
    put(tmp_path, "sub-D/sub-D_sessions.tsv", "session_id\tacq_time\nses M\t2009-05-17\n")
    put(tmp_path, "sub-é/sub-é_scans.tsv", "filename\tacq_time\na.nii\t2009-05-17\n")
    dates = scan_dates(tmp_path)
    assert [p.code for p in dates.problems] == ["E_DATE", "E_ROW", "E_ID"]
    assert dates.files == {"sub-A/a.nii": MAY}
    assert dates.sessions == {}


def test_without_tables_no_day_is_known(tmp_path):
    assert scan_dates(tmp_path).of(tmp_path / "a.nii", "A", None) is None
    with pytest.raises(MissingInputError):
        scan_dates(tmp_path / "absent")
