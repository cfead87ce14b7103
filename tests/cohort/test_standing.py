import hashlib

import pytest

from acadiff.cohort.ledger import person_hash, write_split
from acadiff.cohort.standing import for_classifiers, strangers, unseen
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


def test_a_cohort_that_no_model_has_seen_is_for_classifiers_as_a_whole(tmp_path):
    people = cohort(tmp_path / "cohort")
    write_split(tmp_path / "work", people, {"train": IDS[:3], "test": IDS[3:]})
    for choose in (for_classifiers, strangers):
        found, why = choose(people, tmp_path / "work", ["0" * 16], simulated_model=False)
        assert found.ids == IDS
        assert "nobody of this cohort" in why


def test_of_a_cohort_that_was_trained_on_the_split_says_who_is_for_classifiers(tmp_path):
    people = cohort(tmp_path / "cohort")
    parts = {"train": IDS[:3], "test": IDS[3:4], "classifier": IDS[4:]}
    ledger = write_split(tmp_path / "work", people, parts)
    seen = ledger.hashed("train")
    found, _ = for_classifiers(people, tmp_path / "work", seen, simulated_model=False)
    assert found.ids == IDS[4:]
    found, why = strangers(people, tmp_path / "work", seen, simulated_model=False)
    assert found.ids == IDS[3:]
    assert "3 people" in why


@pytest.mark.parametrize("kept", [(), IDS[4:]])
def test_whom_a_model_has_seen_no_classifier_is_studied_on(kept, tmp_path):
    people = cohort(tmp_path / "cohort")
    ledger = write_split(tmp_path / "work", people, {"train": IDS[:3], "classifier": kept})
    seen = [*ledger.hashed("train"), person_hash(ledger.key, IDS[4])]
    with pytest.raises(CohortError, match="the model was trained on 4 of its people") as raised:
        for_classifiers(people, tmp_path / "work", seen, simulated_model=False)
    assert raised.value.code == "E_LEAK"
    everybody = [person_hash(ledger.key, name) for name in IDS]
    with pytest.raises(CohortError, match="trained on everybody"):
        strangers(people, tmp_path / "work", everybody, simulated_model=False)
