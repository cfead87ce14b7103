import pytest

from acadiff.outputs.journal import Journal


def test_what_was_added_is_read_and_the_last_word_counts(tmp_path):
    journal = Journal(tmp_path / "new" / "work.jsonl")
    assert journal.read() == {}
    journal.add("a", {"value": 1})
    journal.add("b", {"value": 2})
    journal.add("a", {"value": 3})
    assert journal.read() == {"a": {"value": 3}, "b": {"value": 2}}


def test_a_line_cut_short_is_not_done_and_spoils_no_other(tmp_path):
    journal = Journal(tmp_path / "work.jsonl")
    journal.add("a", {"value": 1})
    with journal.path.open("a") as stream:
        stream.write('{"key": "b", "val')
    journal.add("c", {"value": 3})
    assert journal.read() == {"a": {"value": 1}, "c": {"value": 3}}
    journal.path.write_text('[1]\n"text"\n{"value": 2}\n7\n')
    assert journal.read() == {}


def test_what_is_read_has_the_order_in_which_it_was_given(tmp_path):
    journal = Journal(tmp_path / "work.jsonl")
    journal.add("a", {"z": {"b": 1, "a": 2}, "y": 3})
    assert list(journal.read()["a"]) == ["z", "y"]
    assert list(journal.read()["a"]["z"]) == ["b", "a"]


def test_what_is_no_number_is_neither_added_nor_taken_as_done(tmp_path):
    journal = Journal(tmp_path / "work.jsonl")
    journal.add("a", {"told": [0.5]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.add("b", {"told": [float("nan")]})
    with journal.path.open("a") as stream:
        stream.write('{"key": "c", "told": [NaN]}\n')
    assert journal.read() == {"a": {"told": [0.5]}}
