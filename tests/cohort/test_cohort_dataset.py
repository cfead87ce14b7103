import pytest
from makers import HEADER, write_cohort

from acadiff.cohort.dataset import HIDDEN, hidden_truth, read_cohort
from acadiff.cohort.table import Cohort, Diagnosis, Scores
from acadiff.errors import CohortError, MissingInputError
from acadiff.modality import Modality

ANNA = "sub-0123\tAD\t71.5\tF\t1\t22\t28.33\t4.5"
BEN = "sub-012\tCN\tn/a\tn/a\tn/a\tn/a\t\tn/a"


def test_a_line_becomes_a_subject(tmp_path):
    root = write_cohort(tmp_path, [ANNA, BEN], lacking={("012", Modality.FDG)})
    cohort = read_cohort(root)
    assert cohort.ids == ("012", "0123")
    ben, anna = cohort.subjects
    assert (anna.diagnosis, anna.age, anna.sex, anna.apoe4) == (Diagnosis.AD, 71.5, "F", 1)
    assert anna.scores == Scores(22, 28.33, 4.5)
    assert ben.scores == Scores()
    assert (ben.age, ben.sex, ben.apoe4) == (None, None, None)
    assert anna.available == tuple(Modality)
    assert ben.available == (Modality.MRI, Modality.AV45)
    assert cohort.simulated


def test_ids_that_begin_alike_never_share_a_scan(tmp_path):
    rows = [f"sub-{identity}\tCN" + "\tn/a" * 6 for identity in ("1", "11", "111", "0111")]
    for subject in read_cohort(write_cohort(tmp_path, rows)).subjects:
        assert len(subject.scans) == 3
        for path in subject.scans.values():
            assert path.name.startswith(f"sub-{subject.id}_")


def test_sessions_are_part_of_the_key(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path, [ANNA], session="M12"))
    assert cohort.subjects[0].key == "sub-0123_ses-M12"
    assert len(cohort.subjects[0].scans) == 3


def test_without_takes_scans_and_nothing_else(tmp_path):
    (anna,) = read_cohort(write_cohort(tmp_path, [ANNA])).subjects
    poorer = anna.without(Modality.FDG, Modality.AV45)
    assert poorer.available == (Modality.MRI,)
    assert anna.available == tuple(Modality)
    assert poorer.scores == anna.scores


def test_text_that_tables_like_to_change_stays(tmp_path):
    rows = [f"{identity}\tCN" + "\tn/a" * 6 for identity in ("007", "1E5", "NA", "None", "1")]
    assert read_cohort(write_cohort(tmp_path, rows)).ids == ("007", "1", "1E5", "NA", "None")


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    root = write_cohort(tmp_path, [ANNA, BEN])
    before = read_cohort(root)
    table = root / "participants.tsv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    assert read_cohort(root) == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ANNA.replace("\t22\t", "\t34\t"), "line 2, sub-0123: MMSE is 34, the scale ends at 30"),
        (ANNA.replace("\t22\t", "\t-4\t"), "MMSE is -4, the scale starts at 0"),
        (ANNA.replace("\t22\t", "\t>20\t"), "MMSE is '>20', which is not a number"),
        (ANNA.replace("\t22\t", "\tinf\t"), "MMSE is 'inf'"),
        (ANNA.replace("28.33", "86"), "ADAS13 is 86, the scale ends at 85"),
        (ANNA.replace("4.5", "18.5"), "CDRSB is 18.5, the scale ends at 18"),
        (ANNA.replace("\tAD\t", "\tDementia\t"), "diagnosis is 'Dementia', known are CN, MCI, AD"),
        (ANNA.replace("F\t1", "F\t3"), "apoe4 is 3"),
        (ANNA.replace("sub-0123", "sub-../../etc"), "BIDS label"),
        (ANNA.replace("sub-0123", ""), "BIDS label"),
        (ANNA + "\t", "line 2: '9 cells' are in this row, 8 in the header"),
        (BEN + "\n" + ANNA + "\n" + BEN, "line 4, sub-012: the id is on line 2 already"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_value(tmp_path, row, message):
    root = write_cohort(tmp_path, [ANNA])
    (root / "participants.tsv").write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(CohortError) as caught:
        read_cohort(root)
    assert message in str(caught.value)


def test_ids_that_differ_in_case_only_are_one(tmp_path):
    root = write_cohort(tmp_path, [ANNA])
    lines = [HEADER, *(f"{i}\tCN" + "\tn/a" * 6 for i in ("0123", "s1", "S1"))]
    (root / "participants.tsv").write_text("\n".join(lines))
    with pytest.raises(CohortError, match="line 4, S1: the id is on line 3"):
        read_cohort(root)


@pytest.mark.parametrize(
    "header", ["", "id\tage", "participant_id\tage\tage", "participant_id,age"]
)
def test_a_wrong_header_is_refused(tmp_path, header):
    (tmp_path / "participants.tsv").write_text(header)
    with pytest.raises(CohortError, match="line 1"):
        read_cohort(tmp_path)


def test_a_table_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "participants.tsv").write_bytes("participant_id\nMüller".encode("latin-1"))
    with pytest.raises(CohortError, match="byte 16 is not UTF-8"):
        read_cohort(tmp_path)


def test_an_empty_cohort_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match=r"participants\.tsv"):
        read_cohort(tmp_path / "absent")
    (tmp_path / "participants.tsv").write_text(HEADER + "\n")
    with pytest.raises(CohortError, match="empty"):
        read_cohort(tmp_path)
    (tmp_path / "participants.tsv").write_text(f"{HEADER}\n{ANNA}\n")
    with pytest.raises(CohortError, match="empty"):
        read_cohort(tmp_path)
    with pytest.raises(CohortError, match="empty"):
        Cohort(tmp_path, ())


def test_scans_of_nobody_are_refused(tmp_path):
    root = write_cohort(tmp_path, [ANNA, BEN])
    (root / "participants.tsv").write_text(f"{HEADER}\n{ANNA}\n")
    with pytest.raises(CohortError, match="sub-012 has scans but no line"):
        read_cohort(root)


def test_two_visits_are_refused(tmp_path):
    write_cohort(tmp_path, [ANNA], session="M00")
    with pytest.raises(CohortError, match="several"):
        read_cohort(write_cohort(tmp_path, [ANNA], session="M12"))


def test_a_dangling_link_is_a_missing_file(tmp_path):
    (anna,) = read_cohort(write_cohort(tmp_path, [ANNA])).subjects
    path = anna.scans[Modality.FDG]
    path.unlink()
    path.symlink_to(tmp_path / "annex" / "object")
    with pytest.raises(MissingInputError, match="links to nothing"):
        read_cohort(tmp_path)


def test_a_scan_in_a_strange_folder_is_refused(tmp_path):
    (anna,) = read_cohort(write_cohort(tmp_path, [ANNA])).subjects
    path = anna.scans[Modality.FDG]
    path.rename(path.parents[1] / "anat" / path.name)
    with pytest.raises(CohortError, match="folder that its name does not tell"):
        read_cohort(tmp_path)


def test_derivatives_are_not_acquired(tmp_path):
    (anna,) = read_cohort(write_cohort(tmp_path, [ANNA])).subjects
    path = anna.scans[Modality.FDG]
    path.rename(path.with_name("sub-0123_trc-18FFDG_desc-synth_pet.nii.gz"))
    assert read_cohort(tmp_path).subjects[0].available == (Modality.MRI, Modality.AV45)


def test_named_keeps_who_is_named(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path, [ANNA, BEN]))
    assert cohort.named(["0123"]).ids == ("0123",)
    with pytest.raises(CohortError, match="there is no sub-12"):
        cohort.named(["12"])


def test_hidden_scans_are_known_but_not_the_subjects(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path, [ANNA, BEN]))
    assert hidden_truth(cohort) == {}
    shown = cohort.subjects[1].scans[Modality.FDG]
    hidden = tmp_path / HIDDEN / shown.relative_to(tmp_path)
    hidden.parent.mkdir(parents=True)
    shown.rename(hidden)
    cohort = read_cohort(tmp_path)
    assert Modality.FDG not in cohort.subjects[1].scans
    assert hidden_truth(cohort) == {("sub-0123", Modality.FDG): hidden}
    assert hidden_truth(cohort.named(["012"])) == {}


VISITS = "participant_id\tsession_id\tmri\tfdg\tav45\tdiagnosis\tMMSE"


def write_visits(root, *lines):
    """A prepared dataset: `cohort.tsv` and the (empty) files it names."""
    for line in lines:
        for cell in line.split("\t")[2:5]:
            if cell.endswith(".nii.gz") and ".." not in cell:
                (root / cell).parent.mkdir(parents=True, exist_ok=True)
                (root / cell).touch()
    (root / "cohort.tsv").write_text("\n".join([VISITS, *lines, ""]))
    return root


def test_a_person_may_come_twice_and_is_one_person(tmp_path):
    first = "sub-A1\tses-M000\tsub-A1/m0.nii.gz\tn/a\tsub-A1/a0.nii.gz\tMCI\t27"
    later = "sub-A1\tses-M012\tsub-A1/m12.nii.gz\tn/a\tn/a\tAD\t22"
    other = "sub-B2\tn/a\tn/a\tsub-B2/f.nii.gz\tn/a\tCN\tn/a"
    cohort = read_cohort(write_visits(tmp_path, later, other, first))
    keys = [subject.key for subject in cohort.subjects]
    assert keys == ["sub-A1_ses-M000", "sub-A1_ses-M012", "sub-B2"]
    assert cohort.ids == ("A1", "B2")
    assert [s.scores.mmse for s in cohort.subjects] == [27, 22, None]
    assert cohort.subjects[0].available == (Modality.MRI, Modality.AV45)
    assert cohort.subjects[2].scans == {Modality.FDG: tmp_path / "sub-B2/f.nii.gz"}
    assert [s.key for s in cohort.named(["A1"]).subjects] == keys[:2]


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("sub-A1\tM00/..\tm.nii.gz\tn/a\tn/a\tAD\t22", CohortError, "session_id is 'M00/..'"),
        ("sub-A1\tM00\t../m.nii.gz\tn/a\tn/a\tAD\t22", CohortError, "which is not below"),
        ("sub-A1\tM00\t/etc/m.nii.gz\tn/a\tn/a\tAD\t22", CohortError, "which is not below"),
        ("sub-A1\tM00\tm.mgz\tn/a\tn/a\tAD\t22", MissingInputError, "m.mgz: is not there"),
        ("sub-A1\tM00\tn/a\tn/a\tn/a\tAD\t22", CohortError, "the cohort is empty"),
    ],
)
def test_a_wrong_line_of_a_prepared_dataset_is_one_sentence(tmp_path, line, error, message):
    with pytest.raises(error, match=message):
        read_cohort(write_visits(tmp_path, line))


def test_one_visit_on_two_lines_is_refused(tmp_path):
    line = "sub-A1\tM00\tm.nii.gz\tn/a\tn/a\tAD\t22"
    with pytest.raises(CohortError, match=r"cohort\.tsv line 3, sub-A1: the id is on line 2"):
        read_cohort(write_visits(tmp_path, line, line))
