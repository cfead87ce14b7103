from dataclasses import replace

import pytest
import torch
from miniatures import VOXEL, example, make, noise, sources, text, training

from acadiff.clinical import ENCODERS, Prompt
from acadiff.cohort.table import Scores
from acadiff.generators.pasta import PASTA, _Side
from acadiff.modality import Modality


def losses_of(generator, given):
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    return objective.losses(given)


def said(*scores):
    """Prompts that tell these scores and nothing else."""
    prompts = [Prompt(Modality.FDG, (Modality.MRI,), None, each) for each in scores]
    return ENCODERS["scores"]().encode(prompts)


def test_it_exchanges_parts_both_ways(monkeypatch):
    generator, made = make("pasta"), []
    usual = PASTA._make

    def noted(self, given, wanted, arm, *rest):
        made.append((given.image.shape[1], wanted.image.shape[1], arm is self.target_arm))
        return usual(self, given, wanted, arm, *rest)

    monkeypatch.setattr(PASTA, "_make", noted)
    losses_of(generator, example(generator))
    there, back = (2, 1, True), (1, 2, False)
    assert made == [there, back, back, there]
    made.clear()
    losses_of(make("pasta", cycle=0.0), example(generator))
    assert made == [there]


def test_what_was_made_is_read_with_its_gradient():
    """The target's arm learns from how well the sources are made from what it made."""
    generator = make("pasta")
    seen = example(generator)
    starts, told = [0, 1, 2], generator._told(seen.text)
    images = generator.stacks.some(torch.randn(3, 2, *VOXEL[1:]), starts)
    side = _Side(images, torch.ones(3, 2))
    target = _Side(generator.stacks.some(seen.truth, starts), torch.ones(3, 1))
    made, _ = generator._make(side, target, generator.target_arm, told, seen.random)
    made.image.retain_grad()
    _, back = generator._make(made, side, generator.source_arm, told, seen.random)
    back["clean"].backward()
    assert made.image.grad.any()


@pytest.mark.parametrize("junk", [5.0, float("nan")])
def test_what_an_absent_source_holds_is_in_no_loss(junk):
    generator = make("pasta")
    seen, other = example(generator), example(generator)
    slots = seen.batch.available[..., None, None, None, None]
    images = torch.where(slots, seen.batch.images, junk)
    other = replace(other, batch=replace(seen.batch, images=images))
    one, another = losses_of(generator, seen), losses_of(generator, other)
    assert all(torch.equal(one[name], another[name]) for name in one)


def test_losses_are_over_the_sources_that_are_there():
    generator = make("pasta")
    told = generator._told(text())
    images = torch.rand(3, 2, 4, 8, 12)
    there = torch.tensor([[1.0, 0.0]] * 3)
    given = _Side(torch.rand(3, 1, 4, 8, 12), torch.ones(3, 1))
    found = []
    for absent in (0.0, 1.0):
        wanted = images.clone()
        wanted[:, 1] = -1.0
        side = _Side(wanted, there)
        random = torch.Generator().manual_seed(0)
        usual = generator._cut

        def spoilt(answer, like, usual=usual, absent=absent):
            cut = usual(answer, like).clone()
            cut[:, 1] += absent
            return cut

        generator._cut = spoilt
        found.append(generator._make(given, side, generator.source_arm, told, random)[1])
        del generator._cut
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_ssim_is_on_the_scale_from_zero_to_one():
    generator = make("pasta")
    one = torch.rand(2, 1, 4, 8, 12, generator=torch.manual_seed(0)) * 2 - 1
    assert generator._dissimilarity(one, one).abs().max() < 1e-6
    dim = generator._dissimilarity(one, one - 0.2)
    assert 0 < dim.max() < 0.6, "a shift by a tenth of the range costs little"


def test_scores_are_standardised_over_the_training_prompts_and_reach_the_scan():
    generator = make("pasta")
    told = [Scores(30, 5, 0), Scores(24, 20, 2), Scores(21, 35, 4.5)]
    words = said(*told)
    generator.begin(training(generator, words=words))
    torch.testing.assert_close(generator.score_mean, torch.tensor([25.0, 20.0, 6.5 / 3]))
    expected = torch.tensor([[30.0, 24, 21], [5, 20, 35], [0, 2, 4.5]]).std(dim=1, correction=0)
    torch.testing.assert_close(generator.score_sd, expected)
    first = generator.facts
    generator.facts = torch.nn.Identity()
    scaled, flags = generator._told(words).chunk(2, dim=1)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std(dim=0, correction=0), torch.ones(3))
    assert flags.all()
    generator.facts = first
    batch, start = sources(shape=VOXEL), noise(generator)
    made, other = (generator.sample(batch, w, start) for w in (words, said(*told[::-1])))
    assert not torch.allclose(made[0], other[0], atol=1e-5)
    torch.testing.assert_close(made[1], other[1])


def test_a_score_that_is_missing_is_flagged_not_taken_for_the_mean():
    generator = make("pasta")
    generator.begin(training(generator, words=said(Scores(mmse=30), Scores(mmse=20))))
    assert not torch.allclose(
        generator._told(said(Scores())), generator._told(said(Scores(mmse=25))), atol=1e-4
    )


def test_overlapping_stacks_share_their_noise_and_fill_the_volume():
    generator = make("pasta")
    made = generator.sample(sources(shape=VOXEL), text(), noise(generator))
    assert made.abs().max() <= 1 + 1e-6
    assert (made.std(dim=(0, 1)) > 0).all(), "no voxel is left out"
