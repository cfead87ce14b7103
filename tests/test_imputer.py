import shutil
from dataclasses import replace

import numpy as np
import pytest
from brook import contents
from makers import brain

from acadiff.clinical import TextEncoder
from acadiff.cohort.dataset import read_cohort
from acadiff.errors import CheckpointError, CohortError, MissingInputError, ScanError
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.training import arithmetic
from acadiff.training.arithmetic import HALF, SINGLE
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_scan

MRI, FDG, AV45 = Modality


@pytest.fixture(scope="module")
def imputer(river):
    return Imputer.load(river / "work")


@pytest.fixture(scope="module")
def mean(river):
    return Imputer.load(river / "work", "mean")


@pytest.fixture(scope="module")
def people(river):
    """Who has all three scans."""
    return [s for s in read_cohort(river / "cohort").subjects if len(s.scans) == 3]


@pytest.fixture
def subject(people):
    return people[0].without(FDG)


def same(one, other):
    return (
        np.array_equal(one.mean.data, other.mean.data)
        and np.array_equal(one.sd.data, other.sd.data)
        and np.array_equal(one.kept, other.kept)
    )


@pytest.mark.parametrize("target", Modality)
def test_an_imputed_scan_is_in_the_unit_and_on_the_grid_of_an_acquired_one(
    imputer, people, target
):
    made = imputer.impute(people[0].without(target), target, draws=2)
    for volume in (made.mean, made.sd):
        assert volume.modality is target
        assert volume.data.shape == (1, *Grid(8).shape)
        assert np.array_equal(volume.affine, Grid(8).affine)
        assert volume.data.min() >= 0
    assert made.kept.shape == (2, *Grid(8).shape)
    assert made.mean.data.max() > 0


def test_the_sd_is_that_of_the_draws(imputer, subject):
    made = imputer.impute(subject, FDG, draws=4)
    np.testing.assert_allclose(made.sd.data[0], made.kept.std(axis=0, ddof=1), rtol=1e-5)
    assert made.sd.data.max() > 0
    assert made.draws == 4


def test_a_draw_is_the_same_whatever_else_is_asked_for(imputer, subject):
    two, twelve = (imputer.impute(subject, FDG, draws=n) for n in (2, 12))
    assert np.array_equal(two.kept, twelve.kept[:2])
    assert same(imputer.impute(subject, FDG, draws=2), two)


def test_single_precision_can_be_asked_for_where_there_is_half(
    river, imputer, subject, monkeypatch
):
    """What every processor can give is what one without bfloat16 gives."""
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda _: True)
    halved, single = (Imputer.load(river / "work", precision=p) for p in (HALF, SINGLE))
    told = [i.provenance(subject, FDG, 1, 0)["Precision"] for i in (halved, single)]
    assert told == [HALF, SINGLE]
    wanted = imputer.impute(subject, FDG, draws=1)
    assert same(single.impute(subject, FDG, draws=1), wanted)
    assert not same(halved.impute(subject, FDG, draws=1), wanted)


def test_a_seed_is_another_answer(imputer, subject):
    one, other = (imputer.impute(subject, FDG, draws=2, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.kept, other.kept)


def test_people_get_noise_of_their_own(imputer, subject):
    other = replace(subject, id="SOMEBODY")
    one, two = (imputer.impute(s, FDG, draws=1) for s in (subject, other))
    assert not np.array_equal(one.kept, two.kept)


def test_the_scan_itself_is_no_source_of_its_own_imputation(imputer, people):
    """Whether or not the target was acquired: the answer is the same, bit by bit."""
    whole = people[0]
    assert same(
        imputer.impute(whole, FDG, draws=1), imputer.impute(whole.without(FDG), FDG, draws=1)
    )


def test_the_mean_baseline_has_no_spread_and_knows_nobody(mean, people):
    one, other = (mean.impute(s.without(FDG), FDG, draws=3) for s in people[:2])
    assert not one.sd.data.any()
    assert same(one, other)
    assert 0.5 < one.mean.data.max() < 2.5, "it is in SUVR"


def test_without_any_source_it_is_one_sentence(imputer, people):
    with pytest.raises(CohortError, match="no scan to make FDG-PET from"):
        imputer.impute(people[0].without(MRI, AV45), FDG)


def test_less_than_one_draw_is_refused(imputer, subject):
    with pytest.raises(CohortError, match="draws is 0"):
        imputer.impute(subject, FDG, draws=0)


def _volume(how):
    usual = brain(MRI)
    if how == "constant":
        return Volume(np.ones_like(usual.data), usual.affine, MRI)
    return brain(MRI, grid=Grid(4))


@pytest.mark.parametrize(
    ("how", "why"), [("constant", "every voxel is 1"), ("grid", "lies on another grid")]
)
def test_a_scan_that_cannot_be_used_is_named_with_its_subject(
    imputer, subject, tmp_path, how, why
):
    path = tmp_path / "scan.nii.gz"
    write_scan(path, _volume(how), "SIMULATED test brain")
    spoilt = replace(subject, scans={**subject.scans, MRI: path})
    with pytest.raises(ScanError, match=rf"{subject.key}: .*scan\.nii\.gz: .*{why}"):
        imputer.impute(spoilt, FDG)


@pytest.mark.parametrize("method", ["acadiff", "mean"])
def test_a_model_goes_round_the_hub_format_offline(river, subject, tmp_path, monkeypatch, method):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    first = Imputer.from_pretrained(river / "work", method=method)
    first.save_pretrained(tmp_path / "model")
    again = Imputer.from_pretrained(tmp_path / "model", method=method)
    again.save_pretrained(tmp_path / "twice")
    assert same(again.impute(subject, FDG, draws=1), first.impute(subject, FDG, draws=1))
    one, two = (contents(tmp_path / name) for name in ("model", "twice"))
    assert not [name for name in one if "checkpoint" in name or name.endswith((".pkl", ".pt"))]
    parts = [name for name in one if name.endswith((".safetensors", ".toml", ".json"))]
    assert len(parts) > 3 * 4
    assert all(two[name] == one[name] for name in parts)


def test_a_folder_is_found_by_its_text_too(river):
    assert isinstance(Imputer.from_pretrained(str(river / "work")), Imputer)


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path):
    with pytest.raises(MissingInputError, match="no such model folder"):
        Imputer.load(tmp_path / "nowhere")
    with pytest.raises(MissingInputError, match="holds no codec"):
        Imputer.load(tmp_path)


def test_a_method_that_was_not_trained_is_one_sentence(river):
    with pytest.raises(MissingInputError, match="holds no trained magic"):
        Imputer.load(river / "work", "magic")


def test_a_target_without_a_generator_is_one_sentence(river, people, tmp_path):
    shutil.copytree(river / "work", tmp_path / "work")
    shutil.rmtree(tmp_path / "work" / "generators" / "acadiff-AV45")
    with pytest.raises(CohortError, match="holds no generator for AV45-PET"):
        Imputer.load(tmp_path / "work").impute(people[0].without(AV45), AV45)


class Other(TextEncoder):
    """An encoder that has learnt something else."""

    name, width, identity = "other", 384, "0" * 64

    def encode(self, prompts):
        raise AssertionError(f"must not be asked about {prompts}")


@pytest.mark.parametrize("encoder", [None, Other()])
def test_another_text_encoder_is_refused(imputer, encoder):
    with pytest.raises(CheckpointError, match="all-MiniLM-L6-v2 of another hash"):
        Imputer(imputer.folder, imputer.codecs, imputer.generators, encoder)


def test_damage_to_any_part_is_noticed(river, tmp_path):
    shutil.copytree(river / "work", tmp_path / "work")
    for name in ("codecs/AV45/codec.safetensors", "generators/acadiff-MRI/generator.safetensors"):
        path = tmp_path / "work" / name
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(CheckpointError, match=f"{path.name}: its SHA-256"):
            Imputer.load(tmp_path / "work")
        path.write_bytes(good)
