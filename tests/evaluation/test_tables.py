import numpy as np
import pandas as pd
import pytest

from acadiff.errors import MissingInputError
from acadiff.evaluation.tables import from_rows, read_table, summary, write_table


def _row(subject, kind, draw, mae, **other):
    keys = {"diagnosis": "AD", "target": "FDG", "sources": "MRI", "method": "M"}
    return {
        "subject": subject,
        "session": None,
        "kind": kind,
        "draw": draw,
        "mae": mae,
        **keys,
        **other,
    }


ROWS = [
    _row("1E5", "draw", 1, 0.3),
    _row("1E5", "draw", 0, 0.1),
    _row("007", "draw", 0, 0.4, diagnosis=None),
    _row("007", "mean", None, 0.1),
]


def test_a_table_survives_its_file(tmp_path):
    table = from_rows(ROWS, ["mae"])
    write_table(tmp_path / "t.tsv", table)
    back = read_table(tmp_path / "t.tsv")
    pd.testing.assert_frame_equal(back, table.astype(back.dtypes), rtol=1e-5)
    assert back.subject.tolist() == ["007", "007", "1E5", "1E5"]
    assert back.draw.isna().sum() == 1
    assert back.mae.dtype == np.float64


def test_missing_is_written_as_bids_does(tmp_path):
    write_table(tmp_path / "t.tsv", from_rows(ROWS, ["mae"]))
    lines = (tmp_path / "t.tsv").read_text().splitlines()
    assert lines[0] == "subject\tsession\tdiagnosis\ttarget\tsources\tkind\tdraw\tmethod\tmae"
    assert lines[1] == "007\tn/a\tn/a\tFDG\tMRI\tdraw\t0\tM\t0.4"
    assert lines[2] == "007\tn/a\tAD\tFDG\tMRI\tmean\tn/a\tM\t0.1"


def test_draws_are_sorted_by_number():
    rows = [_row("1", "draw", draw, 0.1) for draw in (10, 9, 1)]
    assert from_rows(rows, ["mae"]).draw.tolist() == ["1", "9", "10"]


def test_the_order_of_rows_does_not_matter():
    pd.testing.assert_frame_equal(from_rows(ROWS, ["mae"]), from_rows(ROWS[::-1], ["mae"]))


def test_each_subject_counts_once():
    brief = summary(from_rows(ROWS, ["mae"])).set_index("kind")
    assert brief.loc["draw", "n"] == 2
    assert brief.loc["draw", "mae"] == pytest.approx((0.2 + 0.4) / 2)
    assert brief.loc["draw", "mae_sd"] == pytest.approx(np.std([0.2, 0.4], ddof=1))
    assert brief.loc["mean", "n"] == 1
    assert np.isnan(brief.loc["mean", "mae_sd"])


def test_methods_and_tasks_are_kept_apart():
    rows = [_row("1", "mean", None, m / 10, method=str(m)) for m in (1, 2)]
    rows.append(_row("1", "mean", None, 0.5, sources="MRI+AV45"))
    assert len(summary(from_rows(rows, ["mae"]))) == 3


def test_an_absent_table_is_a_missing_input(tmp_path):
    with pytest.raises(MissingInputError, match="run acadiff score"):
        read_table(tmp_path / "t.tsv")
