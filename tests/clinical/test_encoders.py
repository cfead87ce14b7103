"""The contract of every text encoder, run over the registry."""

from dataclasses import replace

import pytest
import torch

from acadiff.clinical import ENCODERS, Detail, Person, Prompt, make_encoder
from acadiff.clinical.scores import told_diagnoses, told_numbers
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import EncoderError
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
PAPER = Prompt(FDG, (MRI, AV45), Diagnosis.AD, Scores(22, 28, 4.5))
OFFLINE = [name for name in ENCODERS if name != "openai"]
"""The remote one is held to the same against a server of its own, in test_remote.py."""


@pytest.fixture(scope="module", params=OFFLINE)
def encoder(request):
    return make_encoder(request.param, {})


def test_a_prompt_is_encoded_alone_as_among_others(encoder):
    others = [PAPER.without_clinical(), PAPER, PAPER.told(Detail.SCORES), PAPER]
    text = encoder.encode(others)
    assert text.tokens.shape[::2] == (4, encoder.width)
    assert text.tokens.dtype == torch.float32
    assert text.mask.shape == text.tokens.shape[:2]
    assert not text.tokens[~text.mask].any()
    for prompt, row in zip(others, text.rows(), strict=True):
        assert torch.equal(row, encoder.encode([prompt]).rows()[0])


def test_nobody_is_no_row(encoder):
    assert encoder.encode([]).tokens.shape == (0, 0, encoder.width)


def test_it_is_made_again_from_its_settings(encoder, request):
    key = request.node.callspec.params["encoder"]
    again = make_encoder(key, encoder.settings())
    assert (again.identity, again.width, again.embed) == (
        encoder.identity, encoder.width, encoder.embed,
    )  # fmt: skip
    assert len(encoder.identity) == 64
    assert encoder.name


CHANGES = [
    PAPER.told(Detail.SCORES),
    PAPER.without_clinical(),
    replace(PAPER, available=(MRI,)),
    replace(PAPER, target=MRI, available=(FDG, AV45)),
    replace(PAPER, diagnosis=Diagnosis.CN),
    *(replace(PAPER, scores=replace(PAPER.scores, **{f: v}))
      for f, v in (("mmse", 23), ("adas13", 29), ("cdrsb", 5), ("cdrsb", None))),
    *(replace(PAPER, person=p) for p in (Person(age=71), Person(sex="F"), Person(apoe4=2))),
]  # fmt: skip


@pytest.mark.parametrize("changed", CHANGES, ids=str)
def test_whatever_is_told_otherwise_gives_other_vectors(encoder, changed):
    same = torch.equal(*(encoder.encode([p]).tokens.sum(dim=1) for p in (PAPER, changed)))
    assert same == (encoder.name == "none")


@pytest.mark.parametrize("field", ["mmse", "adas13", "cdrsb"])
def test_embedded_scores_lie_between_those_of_their_neighbours(field):
    scores = make_encoder("scores", {})

    def vector(value):
        prompt = Prompt(FDG, (MRI,), None, Scores(**{field: value}))
        return scores.encode([prompt]).tokens[0, -1]

    low, high = 4.0, 4.25  # between two knots of every scale
    torch.testing.assert_close(vector((low + high) / 2), (vector(low) + vector(high)) / 2)
    assert vector(low).sum() == pytest.approx(1)
    assert all(vector(v).sum() == pytest.approx(1) for v in (0, 18))


def test_an_unknown_encoder_is_one_sentence():
    with pytest.raises(EncoderError, match="'parrot'; known are local, "):
        make_encoder("parrot", {})


def test_a_model_that_is_not_here_is_one_sentence(tmp_path):
    for name in (str(tmp_path), "somebody/some-model"):
        with pytest.raises(EncoderError, match="is not on this machine: .*config.json") as caught:
            make_encoder("local", {"model": name})
        assert "hf download" in str(caught.value)


def test_any_model_of_the_same_files_gives_the_same_vectors(tmp_path):
    """The general reader against the one of the encoder that comes along."""
    import acadiff.clinical.local as packaged

    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(packaged._packaged() / name)
    ours = make_encoder("local", {}).encode([PAPER])
    general = make_encoder("local", {"model": str(tmp_path)})
    torch.testing.assert_close(general.encode([PAPER]).tokens, ours.tokens, atol=1e-5, rtol=0)
    assert general.settings() == {"model": str(tmp_path)}
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        make_encoder("local", {"model": str(tmp_path)}).encode([PAPER])


def test_the_diagnosis_can_be_read_back_from_what_scores_are_encoded_to():
    said = [replace(PAPER, diagnosis=d) for d in (*Diagnosis, None)]
    text = make_encoder("scores", {}).encode(said)
    expected = torch.cat([torch.eye(len(Diagnosis)), torch.zeros(1, len(Diagnosis))])
    assert torch.equal(told_diagnoses(text), expected)
    junk = text.tokens.masked_fill(~text.mask[..., None], torch.nan)
    assert torch.equal(told_diagnoses(text._replace(tokens=junk)), expected)


@pytest.mark.parametrize("key", ENCODERS)
def test_settings_that_an_encoder_does_not_have_are_one_sentence(key):
    with pytest.raises(EncoderError, match="settings that it does not have.*'parrot'"):
        make_encoder(key, {"parrot": 1})


def test_numbers_are_read_back_from_their_knots():
    told = [Scores(27.5, 12, 0.5), Scores(mmse=0), Scores(), Scores(adas13=85, cdrsb=18)]
    prompts = [replace(PAPER, scores=scores) for scores in told]
    text = make_encoder("scores", {}).encode(prompts)
    values, there = told_numbers(text, ("mmse", "adas13", "cdrsb"))
    expected = [[27.5, 12, 0.5], [0, 0, 0], [0, 0, 0], [0, 85, 18]]
    torch.testing.assert_close(values, torch.tensor(expected))
    assert there.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 1, 1]]
