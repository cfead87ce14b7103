import pytest

from acadiff.cohort.clinical.vocabulary import (
    BASELINE,
    COLUMNS,
    DIAGNOSES,
    PARTS,
    diagnosis,
    fold,
    is_code,
    sex,
    site,
)
from acadiff.cohort.table import Diagnosis
from acadiff.cohort.text.delimited import Cell
from acadiff.errors import CohortError

CN, MCI, AD = Diagnosis
GOLDEN = {
    "CN": CN, "cn": CN, " NL ": CN, "HC": CN, "SMC": CN, "Normal": CN, "control": CN,
    "cognitively  normal": CN, "Stable: NL": CN, "MCI to NL": CN, "Dementia to NL": CN,
    "MCI": MCI, "EMCI": MCI, "LMCI": MCI, "NL to MCI": MCI, "Dementia to MCI": MCI,
    "Stable: MCI to MCI": MCI, "Mild Cognitive Impairment": MCI,
    "AD": AD, "Dementia": AD, "DEMENTIA": AD, "MCI to Dementia": AD, "NL to Dementia": AD,
    "Conversion: MCI to Dementia": AD, "Alzheimer’s Disease": AD, "Dementia due to AD": AD,
    "n/a": None, "": None, "NaN": None, "-4": None, "-1": None, "-4.0": None,
}  # fmt: skip


def cell(text, column="diagnosis"):
    return Cell(text.strip(), "t.tsv", 4, column)


@pytest.mark.parametrize(("spelling", "group"), GOLDEN.items())
def test_every_spelling_has_its_group(spelling, group):
    assert diagnosis(cell(spelling)) == group


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [
        ("Demntia", "did you mean 'Dementia'?"),
        ("EMCII", "did you mean 'EMCI'?"),
        ("contrl", "did you mean 'control'?"),
        ("Démence", "known are"),
        ("sick", "known are CN, MCI, AD"),
        ("MCI to", "known are"),
        ("CN to sick", "known are"),
        ("sick to CN", "known are"),
        ("1", "known are"),
        ("AD?", "did you mean 'AD'?"),
        ("AD\u200b", "did you mean 'AD'?"),
        ("А\u0414", "known are"),
        ("0", "known are"),
        ("88", "known are"),
        ("x" * 5000, "known are"),
    ],
)
def test_an_unknown_label_is_refused_with_the_nearest(spelling, meant):
    with pytest.raises(CohortError) as caught:
        diagnosis(cell(spelling))
    assert caught.value.code == "E_LABEL"
    assert meant in str(caught.value)
    assert "t.tsv line 4, column diagnosis" in str(caught.value)


def test_numbers_are_diagnoses_in_adni_tables_only():
    groups = {"1": CN, "2": MCI, "3": AD, "3.0": AD}
    for text, group in groups.items():
        assert diagnosis(cell(text, "DIAGNOSIS"), adni=True) == group
        assert diagnosis(cell(text, "DXCURREN"), adni=True) == group
        with pytest.raises(CohortError):
            diagnosis(cell(text, "DIAGNOSIS"))
    changes = [diagnosis(cell(str(i), "DXCHANGE"), adni=True) for i in range(1, 10)]
    assert changes == [CN, MCI, AD, MCI, AD, AD, CN, MCI, CN]
    for column, text in (("DIAGNOSIS", "4"), ("DXCHANGE", "10"), ("DX", "1")):
        with pytest.raises(CohortError):
            diagnosis(cell(text, column), adni=True)


def test_sexes():
    known = {"M": "M", "female": "F", "Male": "M", "f": "F", "O": "O", "n/a": None, "-4": None}
    assert {text: sex(cell(text, "sex")) for text in known} == known
    assert sex(cell("2", "PTGENDER")) == "F"
    for text in ("1", "w", "männlich"):
        with pytest.raises(CohortError) as caught:
            sex(cell(text, "sex"))
        assert caught.value.code == "E_LABEL"


def test_only_the_code_of_a_site_is_kept():
    kept = {"11": "11", "107.0": "107", "site-A": "site-A", "n/a": None, "-4": None}
    assert {text: site(cell(text, "site")) for text in kept} == kept
    assert all(is_code(cell(text)) for text in kept)
    for text in ("St. Mary's, ward 3", "=HYPERLINK(1)", "Universitätsklinikum", "x" * 17):
        assert site(cell(text)) is None
        assert not is_code(cell(text))


def test_names_fold_alike():
    for name in ("cdr_sb", "CDR-SB", "Cdr SB", "CDRSB", " CDR.SB", "ＣＤＲＳＢ"):
        assert fold(name) == "cdrsb"
    assert fold("МMSE") != "mmse"  # a Cyrillic letter


def test_no_name_means_two_things():
    listed = [name for ranks in COLUMNS.values() for rank in ranks for name in rank]
    listed += [name for names in (*BASELINE.values(), *PARTS.values()) for name in names]
    assert len(set(listed)) == len(listed)
    assert all(name == fold(name) for name in listed)
    labels = [label.casefold() for labels in DIAGNOSES.values() for label in labels]
    assert len(set(labels)) == len(labels)
