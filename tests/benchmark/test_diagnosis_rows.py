import json

import pytest

from acadiff.benchmark.diagnosis.rows import SIMPLE, rows_of, trained, withheld
from acadiff.clinical.prompt import Detail
from acadiff.errors import MissingInputError, UsageError
from acadiff.evaluation.paper_diagnosis import TABLE_1, impossible
from acadiff.evaluation.row_titles import TITLES, place_of, title_of
from acadiff.generators import GENERATORS
from acadiff.modality import Modality


@pytest.fixture
def work(tmp_path):
    """Weights of two methods for all targets, and of a third for one."""
    for method, encoder in (("ldm", None), ("acadiff", {"key": "local"})):
        for modality in Modality:
            folder = tmp_path / "generators" / f"{method}-{modality.name}"
            folder.mkdir(parents=True)
            record = json.dumps({"format": 1, "encoder": encoder})
            (folder / "generator.json").write_text(record)
    (tmp_path / "generators" / "ficd-MRI").mkdir()
    return tmp_path


def test_all_is_what_is_trained_and_acadiff_also_told_less(work):
    assert trained(work) == ("acadiff", "ldm")
    names = [row.name for row in rows_of("all", work)]
    assert names[: len(SIMPLE)] == ["oracle", "drop", "zerofill", "observed-mean"]
    assert names[len(SIMPLE) :] == ["acadiff", "acadiff:scores", "acadiff:none", "ldm"]


def test_a_name_may_withhold(work):
    row = rows_of("acadiff:scores", work)[-1]
    assert (row.method, row.detail) == ("acadiff", Detail.SCORES)
    assert row.title == "ACADiff, no diagnosis"
    assert rows_of("ldm:none,ldm", work)[len(SIMPLE) :] == rows_of("ldm", work)[len(SIMPLE) :]


def test_of_those_who_are_judged_no_row_is_told_anything(work):
    rows = withheld(rows_of("all", work))
    assert all(row.detail is Detail.NONE for row in rows if row.told)
    assert [row.name for row in rows if row.method] == ["acadiff:none", "ldm"]


@pytest.mark.parametrize("name", ["acadif", "acadiff:all", "", "acadiff,magic"])
def test_what_there_is_not_is_refused(work, name):
    with pytest.raises(UsageError, match="--methods") as raised:
        rows_of(name, work)
    assert raised.value.code == "E_NO_METHOD"


def test_what_is_not_trained_for_every_target_is_refused(work):
    with pytest.raises(MissingInputError, match="no weights of ficd") as raised:
        rows_of("ficd", work)
    assert raised.value.code == "E_NO_WEIGHTS"


def test_every_method_has_a_title_and_a_place():
    assert set(GENERATORS) <= set(TITLES)
    assert title_of("acadiff:none") == "ACADiff, no clinical data"
    order = sorted(["acadiff:none", "ldm", "acadiff", "oracle", "mine@x"], key=place_of)
    assert order[0] == "oracle"
    assert order[-2:] == ["acadiff", "acadiff:none"]


def test_the_papers_table_is_whole_and_contradicts_itself():
    assert len(TABLE_1) == 1 + 4 * 9
    assert {method for _, method in TABLE_1} <= set(TITLES)
    assert TABLE_1[80, "acadiff"]["ACC"] == (0.775, 0.046)
    assert impossible() == 36
