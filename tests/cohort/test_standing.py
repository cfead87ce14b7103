import hashlib

import pytest

from acadiff.cohort.ledger import person_hash, write_split
from acadiff.cohort.standing import unseen
from acadiff.cohort.table import Cohort, Scores, Subject
from acadiff.errors import CohortError

IDS = tuple(f"A{n}" for n in range(6))


def cohort(root, simulated=False):
    root.mkdir(exist_ok=True)
    (root / "participants.tsv").write_text("\n".join(IDS))
    return Cohort(root, tuple(Subject(n, None, None, Scores(), {}) for n in IDS), simulated)


def key(people):
    return hashlib.sha256((people.root / "participants.tsv").read_bytes()).digest()


def test_the_test_part_is_new_to_a_model(tmp_path):
    people = cohort(tmp_path / "cohort")
    parts = {"train": IDS[:3], "validation": IDS[3:4], "test": IDS[4:]}
    ledger = write_split(tmp_path / "work", people, parts)
    found, why = unseen(people, tmp_path / "work", ledger.hashed("train"), simulated_model=False)
    assert found.ids == IDS[4:]
    assert "test part" in why


def test_somebody_of_the_test_part_whom_the_weights_name_is_not_new(tmp_path):
    people = cohort(tmp_path / "cohort")
    ledger = write_split(tmp_path / "work", people, {"train": IDS[:3], "test": IDS[3:]})
    seen = [*ledger.hashed("train"), person_hash(ledger.key, IDS[3])]
    assert unseen(people, tmp_path / "work", seen, simulated_model=False)[0].ids == IDS[4:]


def test_without_a_key_nobody_can_tell(tmp_path):
    with pytest.raises(CohortError, match="nobody can tell whom the model has seen"):
        unseen(cohort(tmp_path / "cohort"), tmp_path, ["0" * 16], simulated_model=False)


def test_another_simulated_cohort_is_new_and_its_own_is_not(tmp_path):
    people = cohort(tmp_path / "cohort", simulated=True)
    found, why = unseen(people, tmp_path, ["0" * 16], simulated_model=True)
    assert found.ids == IDS
    assert "another seed" in why
    hashes = [person_hash(key(people), name) for name in IDS]
    found, why = unseen(people, tmp_path, hashes[:4], simulated_model=True)
    assert found.ids == IDS[4:]
    assert "weights" in why
    with pytest.raises(CohortError, match="has seen everybody"):
        unseen(people, tmp_path, hashes, simulated_model=True)


def test_patients_are_new_to_a_model_of_phantoms(tmp_path):
    people = cohort(tmp_path / "cohort")
    assert unseen(people, tmp_path, ["0" * 16], simulated_model=True)[0] == people
