"""What a text encoder would read is shown, each sentence once, and nothing is sent."""

import pytest
from makers import write_cohort

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import write_split
from acadiff.errors import EncoderError, RecipeError
from acadiff.modality import Modality
from acadiff.recipe import load_recipe
from acadiff.stages import prompts

MRI, FDG, AV45 = Modality
ROWS = (
    "sub-A\tAD\t70\tF\t1\t21\t30\t5",
    "sub-B\tAD\t80\tM\t0\t21\t30\t5",
    "sub-C\tCN\t75\tF\t0\t29\t8\t0",
)
OPENAI = ("conditioning.encoder=openai", "conditioning.model=some-model")


@pytest.fixture
def cohort(tmp_path):
    """A and B share a record; C has no FDG."""
    return write_cohort(tmp_path / "cohort", ROWS, {("C", FDG)})


def shown(cohort, *changes, targets=(FDG,), work=None):
    return prompts.run(cohort, load_recipe("phantom-4mm", changes), targets, work)


def test_people_who_share_a_record_make_one_sentence(cohort):
    found = shown(cohort)
    assert list(found.sentences) == sorted(set(found.sentences))
    assert found.people == 3
    # Two records and none, from MRI, AV45 or both.
    assert len(found.sentences) == 9
    record = "for AD patient with MMSE=21, ADAS13=30, CDR-SOB=5"
    assert f"Generate FDG-PET from MRI, AV45-PET {record}" in found.sentences
    assert (found.server, found.bodies) == (None, ())


def test_no_more_is_shown_than_the_recipe_lets_prompts_tell(cohort):
    told = shown(cohort, "conditioning.detail=scores").sentences
    assert not any("AD patient" in sentence for sentence in told)
    assert len(shown(cohort, "conditioning.detail=none").sentences) == 3


def test_a_remote_encoder_would_be_sent_these_sentences_and_the_public_one(cohort):
    found = shown(cohort, *OPENAI)
    assert found.server == "api.openai.com"
    first, *rest = (body["input"] for body in found.bodies)
    assert len(first) == 1
    assert sum(rest, []) == list(found.sentences)


def test_the_split_says_who_is_spoken_of(cohort, tmp_path):
    """B is for tests and has an FDG: nothing is said. C is kept for classifiers."""
    parts = {"train": ("A",), "validation": (), "test": ("B",), "classifier": ("C",)}
    work = tmp_path / "work"
    work.mkdir()
    write_split(work, read_cohort(cohort), parts)
    found = shown(cohort, work=work)
    assert found.people == 2
    assert not any("CN" in sentence for sentence in found.sentences)
    assert len(found.sentences) == 6


def test_age_sex_and_genotype_are_refused_as_they_would_be_when_sending(cohort):
    with pytest.raises(EncoderError) as caught:
        shown(cohort, *OPENAI, "conditioning.person=true")
    assert caught.value.code == "E_PROMPT"
    assert any("age=70" in s for s in shown(cohort, "conditioning.person=true").sentences)


def test_an_unknown_encoder_is_one_sentence(cohort):
    with pytest.raises(RecipeError, match="conditioning.encoder is 'oracle'"):
        shown(cohort, "conditioning.encoder=oracle")
