import pytest

from acadiff.cohort.clinical.columns import check_overrides, near_misses, read_overrides, resolve
from acadiff.cohort.clinical.vocabulary import COLUMNS
from acadiff.errors import CohortError, MissingInputError

CLINICA = [
    "participant_id", "alternative_id_1", "sex", "education_level", "age_bl", "apoe4",
    "adni_rid", "mmse_bl",
]  # fmt: skip
ADNIMERGE = [
    "RID", "PTID", "VISCODE", "EXAMDATE", "DX_bl", "AGE", "PTGENDER", "PTEDUCAT", "APOE4",
    "CDRSB", "MMSE", "DX", "MMSE_bl",
]  # fmt: skip


def refused(call, code):
    with pytest.raises(CohortError) as caught:
        call()
    assert caught.value.code == code
    return str(caught.value)


def test_aliases_find_our_columns():
    found = resolve(ADNIMERGE, {}, "t")
    assert found["participant_id"] == ("PTID", "RID")
    assert found["session_id"] == ("VISCODE",)
    assert found["diagnosis"] == ("DX",)  # not DX_bl
    assert found["MMSE"] == ("MMSE",)
    assert found["sex"] == ("PTGENDER",)
    assert "ADAS13" not in found


def test_values_of_the_first_visit_count_where_there_are_no_visits():
    found = resolve(CLINICA, {}, "t")
    assert (found["MMSE"], found["age"]) == (("mmse_bl",), ("age_bl",))
    assert "MMSE" not in resolve([*CLINICA, "session_id"], {}, "t")
    assert "MMSE" not in resolve([*CLINICA, "wave"], {"session_id": "wave"}, "t")


def test_overrides_win():
    columns = [*ADNIMERGE, "mmse_mine"]
    assert resolve(columns, {"MMSE": "mmse_mine"}, "t")["MMSE"] == ("mmse_mine",)
    assert resolve(columns, {"MMSE": "elsewhere"}, "t")["MMSE"] == ("MMSE",)


def test_two_columns_of_one_meaning_are_refused_unless_one_is_chosen():
    columns = ["participant_id", "cdr_sb", "CDRSB"]
    told = refused(lambda: resolve(columns, {}, "t line 1"), "E_COLUMN")
    assert "'cdr_sb' and 'CDRSB' both mean CDRSB" in told
    assert resolve(columns, {"CDRSB": "cdr_sb"}, "t")["CDRSB"] == ("cdr_sb",)


def test_a_name_that_is_nearly_ours_is_told():
    columns = ["participant_id", "MMSSE", "diagnossis", "ADAS11", "FAQ", "МMSE"]
    problems = near_misses(columns, resolve(columns, {}, "t"), "t line 1")
    assert [p.value for p in problems] == ["'diagnossis'", "'MMSSE'", r"'\u041cMSE'"]
    assert all(p.code == "W_COLUMN" and "--clinical-map" in p.text for p in problems)
    assert not near_misses(ADNIMERGE, resolve(ADNIMERGE, {}, "t"), "t")
    assert not near_misses(CLINICA, resolve(CLINICA, {}, "t"), "t")


@pytest.mark.parametrize(
    ("name", "text"),
    [("map.toml", 'MMSE = "mm total"\n'), ("map.json", '{"MMSE": "mm total"}')],
)
def test_a_map_is_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_overrides(tmp_path / name) == {"MMSE": "mm total"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.toml", "MMSE = 3"),
        ("map.toml", "MMSE = "),
        ("map.toml", '[MMSE]\na = "b"'),
        ("map.toml", 'MMSE = "a"\nMMSE = "b"'),
        ("map.json", "[]"),
        ("map.json", '{"MMSE": "a", "MMSE": "b"}'),
        ("map.json", '{"MMSE": NaN}'),
        ("map.json", '{"MMSE": {"a": "b"}}'),
        ("map.json", "[" * 100_000),
        ("map.json", ""),
        ("map.json", '{"mmse": "a"}'),
        ("map.json", '{"password": "a"}'),
    ],
)
def test_a_map_that_is_none_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert len(refused(lambda: read_overrides(tmp_path / name), "E_MAP")) < 400


def test_a_map_is_not_a_page_nor_absent(tmp_path):
    (tmp_path / "map.toml").write_text("# " + "x" * 2**20)
    refused(lambda: read_overrides(tmp_path / "map.toml"), "E_LARGE")
    with pytest.raises(MissingInputError):
        read_overrides(tmp_path / "none.toml")


def test_names_of_a_map_are_ours():
    check_overrides(COLUMNS)
    assert "did you mean 'MMSE'?" in refused(lambda: check_overrides(["mmse"]), "E_MAP")
    assert "they are participant_id" in refused(lambda: check_overrides(["qqq"]), "E_MAP")
