import re
from pathlib import Path

import pytest

from acadiff.cohort.ledger import (
    KEY,
    PARTS,
    Ledger,
    ledger_key,
    person_hash,
    read_ledger,
    read_split,
    write_split,
)
from acadiff.cohort.split import head_counts
from acadiff.cohort.table import Cohort, Scores, Subject
from acadiff.errors import CohortError, MissingInputError

IDS = tuple(f"A{n:02}" for n in range(10))
SPLIT = {"train": IDS[:6], "validation": IDS[6:7], "test": IDS[7:9], "classifier": IDS[9:]}


def people(root, simulated=False, ids=IDS):
    subjects = tuple(Subject(name, None, None, Scores(), {}) for name in ids)
    return Cohort(root, subjects, simulated)


def test_what_is_written_is_read(tmp_path):
    written = write_split(tmp_path, people(tmp_path), SPLIT)
    assert read_ledger(tmp_path, people(tmp_path)) == written
    assert write_split(tmp_path, people(tmp_path), SPLIT) == written
    assert dict(written.parts) == SPLIT
    with pytest.raises(CohortError, match="holds another split"):
        write_split(tmp_path, people(tmp_path), {**SPLIT, "test": IDS[8:9]})


def test_hashes_need_the_key_and_the_key_stays(tmp_path):
    ours = write_split(tmp_path / "a", people(tmp_path), SPLIT)
    theirs = write_split(tmp_path / "b", people(tmp_path), SPLIT)
    assert not set(ours.hashed(*PARTS)) & set(theirs.hashed(*PARTS))
    assert (tmp_path / "a" / KEY).stat().st_mode & 0o077 == 0
    (tmp_path / "a" / KEY).unlink()
    assert ledger_key(tmp_path / "a", people(tmp_path)) is None
    with pytest.raises(MissingInputError, match=re.escape(KEY)):
        read_ledger(tmp_path / "a", people(tmp_path))


def test_a_damaged_key_is_one_sentence(tmp_path):
    write_split(tmp_path, people(tmp_path), SPLIT)
    (tmp_path / KEY).write_text("no hexadecimal")
    with pytest.raises(CohortError, match="is damaged"):
        read_ledger(tmp_path, people(tmp_path))


def test_simulated_people_of_other_cohorts_are_other_people(tmp_path):
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        root.mkdir()
        (root / "participants.tsv").write_text(f"made up for {root.name}")
    one, other = (ledger_key(tmp_path, people(root, simulated=True)) for root in roots)
    assert one
    assert other
    assert person_hash(one, "A01") != person_hash(other, "A01")
    assert ledger_key(Path("/absent"), people(roots[0], simulated=True)) == one


@pytest.mark.parametrize("part", ["test", "classifier"])
def test_what_was_fitted_on_those_who_judge_is_refused(part):
    ledger = Ledger(SPLIT, b"key")
    ledger.refuse_crossing("codec", ledger.hashed("train", "validation"))
    spoilt = [*ledger.hashed("train"), *ledger.hashed(part)[:1]]
    with pytest.raises(CohortError, match=f"codec: was trained on 1 of the {part}") as caught:
        ledger.refuse_crossing("codec", spoilt)
    assert caught.value.code == "E_LEAK"


def test_shares_use_everybody():
    sizes = {"train": 0.48, "validation": 0.06, "test": 0.06, "classifier": 0.4}
    for n in (40, 97, 1028):
        counts = head_counts(sizes, n)
        assert sum(counts.values()) == n
        assert all(abs(counts[part] - share * n) <= 1 for part, share in sizes.items())
    assert head_counts({"train": 480, "test": 0}, 1000) == {"train": 480, "test": 0}
    with pytest.raises(CohortError, match=r"split\.test is 0\.06 of 5 subjects"):
        head_counts(sizes, 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: there is no header"),
        ("participant_id\tperson_hash\nsub-1\tx\n", "line 1: lacks the column part"),
        ("participant_id\tpart\nsub-1\n", "line 2: '1 cells' are in this row"),
        ("participant_id\tpart\nsub-1\ttrain\nsub-1\ttest\n", "line 3: sub-1 is twice"),
    ],
)
def test_a_split_that_is_no_table_is_one_sentence(tmp_path, text, told):
    path = tmp_path / "split.tsv"
    path.write_text(text)
    with pytest.raises(CohortError, match=told):
        read_split(path)
