import pytest
import torch

from acadiff.clinical import Prompt, Text
from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.diffusion.noise import generator
from acadiff.errors import CohortError
from acadiff.generators.examples import Dropout, Examples
from acadiff.latent.batch import pattern_of
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
USUAL = Dropout(both=0.5, clinical=0.1)


def encode(prompts):
    """Each word becomes the vector that its letters seed."""
    words = [str(prompt).split() for prompt in prompts]
    rows = [
        torch.stack([torch.randn(4, generator=generator("word", word)) for word in sentence])
        for sentence in words
    ]
    return Text.stack(rows, 4)


def person(number):
    scores = Scores(mmse=20 + number % 10, adas13=30 - number % 20)
    return Subject(f"S{number:02}", None, list(Diagnosis)[number % 3], scores, {})


def latents(having):
    """One latent per person and modality that `having` (id → modalities) lists."""
    return {
        m: {
            name: torch.randn(2, 2, 2, 2, generator=generator(name, m.name))
            for name, modalities in having.items()
            if m in modalities
        }
        for m in Modality
    }


def make(target=FDG, having=None, people=None, dropout=USUAL):
    people = people or [person(n) for n in range(12)]
    having = having or {s.key: tuple(Modality) for s in people}
    return Examples(target, people, latents(having), encode, dropout=dropout)


def same(one, other):
    return (
        one.batch.subjects == other.batch.subjects
        and torch.equal(one.batch.available, other.batch.available)
        and torch.equal(one.batch.images, other.batch.images)
        and torch.equal(one.truth, other.truth)
        and torch.equal(one.text.tokens, other.text.tokens)
        and torch.equal(one.random.get_state(), other.random.get_state())
    )


def test_an_example_depends_on_keys_target_and_step_alone():
    examples = make()
    seventh = examples.batch(7, 5, (0, "anchor"))
    torch.manual_seed(99)
    for step in (3, 8, 1):
        examples.batch(step, 5, (0, "anchor"))
    assert same(examples.batch(7, 5, (0, "anchor")), seventh)
    assert same(make().batch(7, 5, (0, "anchor")), seventh)
    for step, keys in ((8, (0, "anchor")), (7, (1, "anchor")), (7, (0, "diffusion"))):
        assert not same(examples.batch(step, 5, keys), seventh)
    other = make(AV45).batch(7, 5, (0, "anchor"))
    assert other.batch.subjects != seventh.batch.subjects


def test_what_is_drawn_later_goes_on_from_the_step():
    one, other = (make().batch(7, 5, (0,)).random for _ in range(2))
    assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other))


def test_truth_and_sources_are_those_of_the_person():
    examples = make()
    example = examples.batch(0, 8, (0,))
    for row, name in enumerate(example.batch.subjects):
        assert torch.equal(example.truth[row], examples.latents[FDG][name])
        for modality in pattern_of(example.batch.available[row]):
            mine = examples.latents[modality][name]
            assert torch.equal(example.batch.images[row, modality.index], mine)


def drawn(examples, steps=250, size=8):
    return [examples.batch(step, size, (0,)) for step in range(steps)]


@pytest.mark.parametrize("target", [MRI, AV45])
def test_modality_dropout_is_drawn_per_sample_half_and_quarters(target):
    rows = [pattern_of(r) for e in drawn(make(target)) for r in e.batch.available]
    shares = {pattern: rows.count(pattern) / len(rows) for pattern in set(rows)}
    first, second = target.others
    expected = {(first, second): 0.5, (first,): 0.25, (second,): 0.25}
    assert shares == pytest.approx(expected, abs=0.04)
    mixed = [len({pattern_of(r) for r in e.batch.available}) for e in drawn(make(target), 5)]
    assert max(mixed) > 1


def test_the_prompt_follows_the_sources_and_is_silenced_as_often_as_said():
    people = {s.key: s for s in (person(n) for n in range(12))}
    silent = []
    for example in drawn(make(dropout=Dropout(both=0.5, clinical=0.3)), 60):
        rows = zip(example.batch.subjects, example.batch.available, strict=True)
        for (name, available), said in zip(rows, example.text.rows(), strict=True):
            prompt = Prompt.of(people[name], FDG, pattern_of(available))
            spoken, withheld = encode([prompt, prompt.without_clinical()]).rows()
            silent.append(torch.equal(said, withheld))
            assert silent[-1] or torch.equal(said, spoken)
    assert sum(silent) / len(silent) == pytest.approx(0.3, abs=0.08)


def test_a_single_source_is_never_dropped():
    people = [person(n) for n in range(4)]
    having = dict(zip([s.key for s in people], [(MRI, FDG), (FDG, AV45)] * 2, strict=True))
    for example in drawn(make(having=having, people=people), 40):
        assert (example.batch.available.sum(dim=1) == 1).all()
        for name, row in zip(example.batch.subjects, example.batch.available, strict=True):
            assert set(pattern_of(row)) == set(having[name]) - {FDG}


def test_who_lacks_the_target_or_every_source_is_left_out():
    people = [person(n) for n in range(4)]
    having = {
        "sub-S00": (MRI, AV45),
        "sub-S01": (FDG,),
        "sub-S02": (MRI, FDG),
        "sub-S03": tuple(Modality),
    }
    examples = make(having=having, people=people)
    assert [s.id for s in examples.subjects] == ["S02", "S03"]
    shown = {name for e in drawn(examples, 10) for name in e.batch.subjects}
    assert shown == {"sub-S02", "sub-S03"}


def test_nobody_usable_is_one_sentence():
    people = [person(0)]
    with pytest.raises(CohortError, match="no training subject has FDG-PET together with"):
        make(having={"sub-S00": (FDG,)}, people=people)


def test_every_prompt_that_may_come_is_encoded_in_one_call():
    calls = []
    people = [person(n) for n in range(5)]
    having = {s.key: tuple(Modality) for s in people}

    def counted(prompts):
        calls.append(list(prompts))
        return encode(prompts)

    examples = Examples(FDG, people, latents(having), counted, dropout=USUAL)
    drawn(examples, 20)
    assert len(calls) == 1
    assert len(calls[0]) == len(set(calls[0])) == 3 * 5 + 3


def test_everybody_is_shown_under_every_pattern_they_have():
    people = [person(n) for n in range(3)]
    having = {
        "sub-S00": tuple(Modality),
        "sub-S01": (MRI, FDG),
        "sub-S02": tuple(Modality),
    }
    shown = [
        (name, pattern_of(row))
        for e in make(having=having, people=people).every(3, 2)
        for name, row in zip(e.batch.subjects, e.batch.available, strict=True)
    ]
    both = (MRI, AV45)
    full = [
        (name, pattern)
        for name in having
        if name != "sub-S01"
        for pattern in (both, (MRI,), (AV45,))
    ]
    assert sorted(shown, key=str) == sorted([*full, ("sub-S01", (MRI,))], key=str)
