"""Other encoders of the record, from training to the sidecar of an imputed scan."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from brook import RECIPE, cpu

from acadiff.clinical import Detail, canary
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.errors import CheckpointError, EncoderError
from acadiff.generators.examples import spoken
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.stages import impute, prompts, train

sys.path.insert(0, str(Path(__file__).parents[1] / "clinical"))
from loopback import Server

MRI, FDG, AV45 = Modality


def asked(**conditioning):
    """The small recipe with another encoder."""
    told = RECIPE.conditioning.model_copy(update=conditioning)
    return RECIPE.model_copy(update={"conditioning": told})


def trained(river, folder, **conditioning):
    """A work folder with one generator."""
    shutil.copytree(river / "work", folder, ignore=shutil.ignore_patterns("generators"))
    recipe = asked(**conditioning)
    train.run(river / "cohort", folder, recipe, "acadiff", (FDG,), cpu(), lambda _: None)
    return folder


def imputed(river, work, out, **share):
    """The sidecars of FDG made from MRI for the test people."""
    people = read_cohort(river / "cohort")
    tests = set(read_split(work / "split.tsv")["test"])
    having = tuple(s.id for s in people.subjects if s.id in tests and MRI in s.scans)
    request = impute.Request(draws=2, sources=(MRI,), targets=(FDG,), subjects=having)
    imputer = Imputer.load(work, **share)
    failed = impute.run(river / "cohort", imputer, out, request, lambda _: None)
    assert not failed
    return [json.loads(p.read_text()) for p in sorted(out.rglob("*_desc-synth_pet.json"))]


@pytest.mark.parametrize("key", ["scores", "none"])
def test_without_a_language_model_the_chain_is_the_same(river, tmp_path, key):
    work = trained(river, tmp_path / "work", encoder=key, person=key == "scores")
    records = imputed(river, work, tmp_path / "out")
    assert records
    for record in records:
        if key == "none":
            assert record["TextEncoder"] is None
            assert record["ClinicalInputsUsed"] == []
        else:
            assert record["TextEncoder"]["key"] == "scores"
            assert record["TextEncoder"]["settings"] == {"embed": 512}
            assert {"age", "sex", "apoe4"} <= set(record["ClinicalInputsUsed"])


@pytest.fixture(scope="module")
def remote(river, tmp_path_factory):
    """A model trained with a remote encoder, and its server as training left it."""
    folder = tmp_path_factory.mktemp("remote")
    with Server() as server:
        told = {"encoder": "openai", "model": "some-model", "base_url": server.url}
        yield trained(river, folder / "work", **told), server


def test_what_is_shown_beforehand_is_what_training_asks(river, remote):
    """More is shown only for those whom FDG is not there to be trained on."""
    work, server = remote
    asked_ = {*server.sentences} - {str(canary.PROMPT)}
    recipe = asked(encoder="openai", model="some-model", base_url=server.url)
    shown = prompts.run(river / "cohort", recipe, (FDG,), work)
    assert asked_ <= {*shown.sentences}
    people = read_cohort(river / "cohort").subjects
    lacking = [str(p) for s in people if FDG not in s.scans for p in _of(s, recipe)]
    assert {*shown.sentences} - asked_ <= {*lacking}
    assert shown.remembered >= len(asked_)
    assert len(server.sentences) == len(asked_) + 1  # showing asked nobody


def _of(subject, recipe):
    having = [m for m in (MRI, AV45) if m in subject.scans]
    return spoken(subject, FDG, having, Detail(recipe.conditioning.detail))


def test_a_remote_encoder_is_asked_each_sentence_once_in_few_requests(remote):
    _, server = remote
    assert len(server.sentences) == len(set(server.sentences))
    assert len(server.seen) <= 4


def test_what_training_encoded_needs_no_server_any_more(river, remote, tmp_path):
    """Nothing new is asked for those whose prompts are known; others are asked in one request."""
    work, server = remote
    before = len(server.seen)
    records = imputed(river, work, tmp_path / "out")
    assert len(server.seen) - before <= 2
    between = len(server.seen)
    again = imputed(river, work, tmp_path / "again")
    assert len(server.seen) == between
    assert [r["PromptSHA256"] for r in again] == [r["PromptSHA256"] for r in records]
    assert {r["TextEncoder"]["name"] for r in records} == {"some-model"}


def test_another_service_needs_leave(river, remote, tmp_path):
    """The weights say where they were told; nothing goes there unless it is said again."""
    work, server = remote
    moved = tmp_path / "work"
    shutil.copytree(work, moved)
    (moved / "prompts.safetensors").unlink()
    for path in moved.rglob("generator.json"):
        record = json.loads(path.read_text())
        assert "share" not in path.read_text()
        record["encoder"]["settings"]["base_url"] = "https://embeddings.example.org/v1"
        path.write_text(json.dumps(record))
    with pytest.raises(EncoderError, match="--i-may-share-clinical-prompts"):
        imputed(river, moved, tmp_path / "out")


def test_weights_of_another_encoder_are_refused(remote, tmp_path):
    work, _ = remote
    moved = tmp_path / "work"
    shutil.copytree(work, moved)
    for path in moved.rglob("generator.json"):
        record = json.loads(path.read_text())
        record["encoder"] |= {"key": "scores", "settings": {}}
        path.write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="some-model of another hash"):
        Imputer.load(moved)
