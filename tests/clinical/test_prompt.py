import itertools
import random
import re

import pytest

from acadiff.clinical import Prompt
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import CohortError
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
FULL = Scores(mmse=22.0, adas13=28.0, cdrsb=4.5)
NAMES = {"mmse": "MMSE=22", "adas13": "ADAS13=28", "cdrsb": "CDR-SOB=4.5"}
SENTENCE = re.compile(
    r"Generate (MRI|FDG-PET|AV45-PET) from (MRI|FDG-PET|AV45-PET)(, (FDG-PET|AV45-PET))?"
    r"( for ((CN|MCI|AD) )?patient( with [A-Z0-9=., -]+)?)?"
)


def test_is_the_sentence_of_the_paper():
    assert str(Prompt(FDG, (MRI, AV45), Diagnosis.AD, FULL)) == (
        "Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5"
    )


@pytest.mark.parametrize("diagnosis", [None, *Diagnosis])
@pytest.mark.parametrize(
    "kept", [c for n in range(4) for c in itertools.combinations(NAMES, n)], ids="+".join
)
def test_every_subset_of_the_scores_reads_as_a_sentence(kept, diagnosis):
    scores = Scores(**{name: getattr(FULL, name) for name in kept})
    who = f" for {diagnosis.name} patient" if diagnosis else " for patient" if kept else ""
    told = " with " + ", ".join(NAMES[name] for name in kept) if kept else ""
    assert str(Prompt(MRI, (FDG,), diagnosis, scores)) == f"Generate MRI from FDG-PET{who}{told}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (10.0, "10"),
        (0.5, "0.5"),
        (9.33, "9.33"),
        (9.3333, "9.33"),
        (20.0, "20"),
    ],
)
def test_equal_scores_are_equal_text(value, text):
    prompt = Prompt(MRI, (FDG,), None, Scores(adas13=value))
    assert str(prompt) == f"Generate MRI from FDG-PET for patient with ADAS13={text}"


def test_any_record_gives_a_well_formed_sentence_without_none_or_nan():
    rng = random.Random(0)
    for _ in range(500):
        target = rng.choice(list(Modality))
        sources = rng.choice([target.others, target.others[:1], target.others[1:]])
        scores = Scores(
            *(rng.choice([None, 0.0, top, rng.uniform(0, top)]) for top in (30.0, 85.0, 18.0))
        )
        text = str(Prompt(target, sources, rng.choice([None, *Diagnosis]), scores))
        assert SENTENCE.fullmatch(text), text
        assert len(text) < 100


def test_order_of_the_sources_does_not_matter():
    one, other = (Prompt(FDG, s, Diagnosis.CN, FULL) for s in ((MRI, AV45), (AV45, MRI)))
    assert one == other
    assert str(one) == str(other)


def test_without_clinical_keeps_the_request_and_nothing_else():
    prompt = Prompt(FDG, (AV45,), Diagnosis.MCI, FULL).without_clinical()
    assert str(prompt) == "Generate FDG-PET from AV45-PET"
    assert prompt == prompt.without_clinical()


def test_refuses_a_target_that_is_its_own_source():
    with pytest.raises(CohortError, match="MRI is asked for and also given as a source"):
        Prompt(MRI, (MRI, FDG), None, Scores())


def test_refuses_a_target_without_any_source():
    with pytest.raises(CohortError, match="FDG-PET cannot be generated from nothing.*MRI or AV45"):
        Prompt(FDG, (), None, Scores())
