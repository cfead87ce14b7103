import pytest
import torch
from miniatures import VOXEL, example, make, noise, sources, training
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from acadiff.clinical import ENCODERS, Prompt
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import CohortError
from acadiff.generators.base import Example
from acadiff.modality import Modality

SAID = ENCODERS["scores"]()


def told(*diagnoses):
    """Encoded prompts of people with these diagnoses."""
    return SAID.encode(
        [Prompt(Modality.FDG, (Modality.MRI,), d, Scores(mmse=20.0)) for d in diagnoses]
    )


def convolutions(generator):
    return [m for m in generator.critic.modules() if isinstance(m, nn.Conv3d)]


def test_spectral_norm_is_on_every_convolution_of_the_critic_or_on_none():
    critic = {"channels": 2, "layers": 3, "kernel": 4}
    papers, authors = (make(name, critic=critic) for name in ("dsgan", "dsgan_pan2019"))
    assert len(convolutions(papers)) == len(convolutions(authors)) == 5
    assert all(is_parametrized(m, "weight") and m.bias is not None for m in convolutions(papers))
    assert not [m for m in papers.critic.modules() if isinstance(m, nn.InstanceNorm3d)]
    assert not [m for m in authors.modules() if is_parametrized(m)]
    assert [m for m in authors.critic.modules() if isinstance(m, nn.InstanceNorm3d)]


def test_after_a_step_no_convolution_stretches_by_more_than_one():
    generator = make("dsgan").train()
    with torch.no_grad():
        for module in convolutions(generator):
            module.parametrizations.weight.original.mul_(30)
    for _ in range(20):
        generator.phases()[-1]["critic"].losses(example(generator))
    for module in convolutions(generator):
        assert torch.linalg.matrix_norm(module.weight.flatten(1), 2) < 1.1


def test_labels_are_four_channels_one_of_them_for_unknown():
    generator = make("dsgan")
    labels = generator._labels(told(Diagnosis.CN, Diagnosis.MCI, Diagnosis.AD, None))
    torch.testing.assert_close(labels, torch.eye(4))
    quiet = Prompt(Modality.FDG, (Modality.MRI,), Diagnosis.AD, Scores()).without_clinical()
    torch.testing.assert_close(generator._labels(SAID.encode([quiet])), torch.eye(4)[3:])


@pytest.mark.parametrize(("name", "matters"), [("dsgan", True), ("dsgan_pan2019", False)])
def test_the_diagnosis_alone_is_read_and_by_one_of_the_two(name, matters):
    generator = make(name)
    given = (sources(shape=VOXEL), noise(generator))

    def made(*diagnoses):
        return generator.sample(given[0], told(*diagnoses), given[1])

    healthy, ill = made(*[Diagnosis.CN] * 3), made(*[Diagnosis.AD] * 3)
    assert torch.allclose(healthy, ill, atol=1e-4) != matters
    assert torch.equal(ill[:, 0], ill[:, 1]), "draws are the same"


@pytest.mark.parametrize(("name", "channels"), [("dsgan", 5), ("dsgan_pan2019", 1)])
def test_the_critic_sees_the_scan_and_labels_but_no_sources(name, channels):
    generator, judged = make(name, shift=0), []
    generator.critic.network.register_forward_pre_hook(lambda _, x: judged.append(x[0]))
    given = example(generator)
    given = Example(given.batch, given.truth, told(Diagnosis.CN, Diagnosis.AD, None), given.random)
    generator.phases()[-1]["critic"].losses(given)
    acquired, _ = judged[0].chunk(2)
    assert acquired.shape[1] == channels
    assert torch.equal(generator.frame.cut(acquired[:, :1]), given.truth)
    assert torch.equal(acquired[:, 1:, 0, 0, 0], torch.eye(4)[[0, 2, 3]][:, : channels - 1])


def test_the_classifier_learns_of_acquired_scans_of_those_known_to_be_well_or_ill():
    generator = make("dsgan", shift=0)
    given = example(generator)

    def loss(*diagnoses):
        text = told(*diagnoses)
        losses = generator._classifier_losses(
            Example(given.batch, given.truth, text, given.random)
        )
        return losses["classifier"].detach()

    said = torch.log_softmax(generator.classifier(generator.frame.put(given.truth)), dim=1)
    torch.testing.assert_close(loss(Diagnosis.CN, None, Diagnosis.MCI), -said[0, 0])
    both = -(said[0, 0] + said[2, 1]) / 2
    torch.testing.assert_close(loss(Diagnosis.CN, Diagnosis.MCI, Diagnosis.AD), both)
    assert float(loss(Diagnosis.MCI, None, Diagnosis.MCI)) == 0


def test_all_five_levels_of_a_classifier_that_is_left_alone_pull_at_the_scan():
    generator = make("dsgan")
    levels = []
    for block in generator.classifier.blocks:
        block.register_forward_hook(lambda _, __, made: levels.append(made))
    losses = generator._losses(example(generator))
    assert len(levels) == 10
    pairs = zip(levels[:5], levels[5:], strict=True)
    torch.testing.assert_close(losses["features"], sum((a - b).abs().mean() for a, b in pairs))
    losses["features"].backward()
    assert all(p.grad is None for p in generator.classifier.parameters())
    assert all(p.grad.any() for p in generator.translator.parameters())
    assert generator.classifier.training == generator.training


@pytest.mark.parametrize("lacking", [Diagnosis.AD, Diagnosis.CN])
def test_people_of_whom_no_classifier_can_be_learnt_are_refused(lacking):
    generator = make("dsgan_pan2019")
    there = [d for d in Diagnosis if d is not lacking]
    generator.begin(training(generator, words=told(*there, lacking)))
    with pytest.raises(
        CohortError, match=f"known to be {lacking.value}.*conditioning.detail"
    ) as e:
        generator.begin(training(generator, words=told(*there)))
    assert e.value.code == "E_NO_DIAGNOSES"
