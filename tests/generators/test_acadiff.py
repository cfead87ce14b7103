from dataclasses import replace

import pytest
import torch
from miniatures import ARGUMENTS, LATENT, WORDS, example, make, noise, sources, text, training

from acadiff.clinical import Text
from acadiff.generators.base import Guidance
from acadiff.latent.batch import Batch
from acadiff.modality import Modality
from acadiff.recipe import PHANTOM_4MM, load_recipe
from acadiff.recipe.methods import plan

DIFFUSION = ARGUMENTS["acadiff"]["diffusion"]


def test_the_target_has_no_part_in_its_own_making():
    """Its slot is not even read."""
    generator = make("acadiff")
    batch = sources()
    batch.images[:, Modality.FDG.index] = torch.nan
    assert generator.sample(batch, text(), noise(generator)).isfinite().all()


def test_tokens_are_standardised_over_the_training_prompts():
    generator, words = make("acadiff"), text((40, 30, 50))
    generator.reader.fit(words.tokens[words.mask])
    tokens, mask, _ = generator.reader(*words)
    torch.testing.assert_close(tokens[mask].mean(dim=0), torch.zeros(WORDS), atol=1e-5, rtol=0)
    torch.testing.assert_close(tokens[mask].std(dim=0), torch.ones(WORDS))


@pytest.mark.parametrize("row", [0, 1])
def test_the_prompt_matters(row):
    generator = make("acadiff")
    one, other = (
        generator.sample(sources(), text(seed=seed), noise(generator)) for seed in (0, 1)
    )
    assert not torch.allclose(one[row], other[row], atol=1e-4)
    assert torch.equal(one[2], other[2]), "nothing is said about the third"


def test_guidance_of_one_is_none_and_of_zero_is_silence():
    generator, batch, words, null = make("acadiff"), sources(), text(), text(seed=5)
    start = noise(generator)

    def guided(scale):
        return generator.sample(batch, words, start, Guidance(scale, null))

    plain, silent = (generator.sample(batch, said, start) for said in (words, null))
    torch.testing.assert_close(guided(1.0), plain, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(guided(0.0), silent, atol=1e-4, rtol=1e-4)
    assert (guided(3.0) - silent).norm() > 1.5 * (plain - silent).norm()


def test_embeddings_are_learnt_and_stand_between_the_prompt_and_the_networks():
    generator = make("acadiff_emb")
    assert generator.reader.embedding.weight.shape == (12, WORDS)
    assert generator.reader(*text()).tokens.shape[-1] == 12
    first, _ = generator.phases()
    assert "reader.embedding.weight" in first["anchor"].parameters


def test_the_anchor_starts_from_the_regression():
    generator = make("acadiff", awake=False)
    rows = alone(generator)
    generator.begin(training(generator, told=rows, untold=rows))
    words = generator.reader(*text())
    anchor = generator._anchor(sources(), generator._fused(sources()), words)
    torch.testing.assert_close(anchor, generator.start(sources(), words.pooled))


def alone(generator, count=5):
    """Batches of one person each, who has all sources."""
    told = [example(generator, seed) for seed in range(count)]
    return [replace(e, batch=replace(row(e.batch), subjects=(f"P{n}",)), truth=e.truth[:1],
                    text=Text.stack(e.text.rows()[:1], WORDS))
            for n, e in enumerate(told)]  # fmt: skip


def row(batch):
    """The first person of a batch."""
    return Batch(batch.subjects[:1], batch.images[:1], batch.available[:1], batch.target)


def test_two_sources_say_more_than_one():
    generator, batch = make("acadiff"), sources()
    less = batch.hide(torch.tensor([[1, 0, 0], [0, 0, 0], [0, 0, 0]]).bool())
    start = noise(generator)
    one, other = (generator.sample(b, text(), start) for b in (batch, less))
    assert not torch.allclose(one[0], other[0], atol=1e-3)
    assert torch.allclose(one[1:], other[1:], atol=1e-5)


def test_the_spread_is_the_error_of_the_anchor_per_place():
    """A fresh anchor says nothing, so that its error is the truth."""
    generator = make("acadiff", awake=False)
    seen, unseen = example(generator, 1), example(generator, 2)
    generator.after("anchor", lambda: [seen, seen], lambda: [unseen])
    torch.testing.assert_close(generator.spread_seen, seen.truth.square().mean(dim=0).sqrt())
    torch.testing.assert_close(generator.spread, unseen.truth.square().mean(dim=0).sqrt())
    generator.after("anchor", lambda: [seen], list)
    assert torch.equal(generator.spread, generator.spread_seen)
    assert generator.spread.shape == LATENT


def test_a_sample_is_the_anchor_and_the_rest_in_units_of_the_spread():
    generator = make("acadiff")
    start = noise(generator)
    with torch.no_grad():
        usual = generator.sample(sources(), text(), start)
        fused, words = generator._fused(sources()), generator.reader(*text())
        anchor = generator._anchor(sources(), fused, words)
        generator.spread.mul_(2)
        wide = generator.sample(sources(), text(), start)
        shared = generator.shared_error(generator.start, sources(), start)
    alone = usual - shared - anchor[:, None]
    torch.testing.assert_close(wide - shared - anchor[:, None], 2 * alone)


def test_the_anchor_is_left_alone_while_the_rest_is_learnt():
    generator = make("acadiff")
    _, second = generator.phases()
    generator.zero_grad()
    sum(second["diffusion"].losses(example(generator)).values()).backward()
    touched = {n.split(".")[0] for n, p in generator.named_parameters() if p.grad is not None}
    assert touched == {"denoiser"}


@pytest.mark.parametrize("sampler", ["ddim", "dpm-solver"])
@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
def test_each_sampler_speaks_each_language(sampler, prediction):
    changes = DIFFUSION | {"sampler": sampler, "prediction": prediction}
    generator = make("acadiff", diffusion=changes)
    assert generator.sample(sources(), text(), noise(generator)).isfinite().all()
    _, second = generator.phases()
    losses = second["diffusion"].losses(example(generator))
    assert all(loss.isfinite() for loss in losses.values())


def test_half_precision_does_not_blur_what_a_prompt_is_told_by():
    generator = make("acadiff")
    with torch.autocast("cpu", torch.bfloat16):
        inside = generator.reader(*text()).pooled
    assert torch.equal(inside, generator.reader(*text()).pooled)


def test_draws_learn_what_they_lack_once_diffusion_is_trained():
    generator = make("acadiff", awake=False)
    people = alone(generator, 20)
    generator.begin(training(generator, told=people, untold=people))
    generator.spread.mul_(0.1)
    asked = people[0].batch, people[0].text, noise(generator, draws=30)[:1]
    before = generator.sample(*asked)
    generator.after("diffusion", list, list)
    assert torch.equal(generator.sample(*asked), before)
    generator.after("diffusion", list, lambda: people)
    assert generator.sample(*asked).var(dim=1).mean() > 1.05 * before.var(dim=1).mean()


def test_what_is_ablated_is_said_and_what_is_usual_is_not():
    usual = plan(PHANTOM_4MM, "acadiff").arguments
    assert not {"kind", "modulation"} & {key for section in usual.values() for key in section}
    changes = ["fusion.kind=concat", "denoiser.modulation=shift"]
    told = plan(load_recipe("phantom-4mm", changes), "acadiff").arguments
    assert told["fusion"]["kind"] == "concat"
    assert told["denoiser"]["modulation"] == "shift"
    assert "modulation" not in told["anchor"]


def test_sources_as_channels_and_time_that_only_shifts_make_scans_too():
    changed = {
        "fusion": ARGUMENTS["acadiff"]["fusion"] | {"kind": "concat"},
        "denoiser": ARGUMENTS["acadiff"]["denoiser"] | {"modulation": "shift"},
    }
    generator = make("acadiff", **changed)
    made = generator.sample(sources(), text(), noise(generator))
    assert made.isfinite().all()
    assert not torch.allclose(made, make("acadiff").sample(sources(), text(), noise(generator)))
