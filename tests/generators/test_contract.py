"""What holds for every generator of the registry; a new one is held to it by being there."""

from dataclasses import replace

import pytest
import torch
from miniatures import ARGUMENTS, example, make, noise, shape_of, sources, text

from acadiff.clinical import Text
from acadiff.errors import CheckpointError, MissingInputError
from acadiff.generators import GENERATORS
from acadiff.generators.folder import load_generator, save_generator
from acadiff.latent.codec_folder import half
from acadiff.modality import Modality
from acadiff.nets.layout import channels_last

CODECS = {m: f"codec of {m.name}" for m in Modality}


@pytest.fixture(params=GENERATORS)
def generator(request):
    return make(request.param)


def fed(generator):
    """What it is asked with: three people, their prompts, noise."""
    return sources(generator.target, shape=shape_of(generator)), text(), noise(generator)


def row_of(batch, words, row):
    """One person's part of a batch and of its prompts."""
    alone = replace(
        batch,
        subjects=batch.subjects[row : row + 1],
        images=batch.images[row : row + 1],
        available=batch.available[row : row + 1],
    )
    return alone, Text.stack([words.rows()[row]], words.tokens.shape[-1])


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("target", Modality)
def test_a_sample_per_person_and_noise(name, target):
    generator = make(name, target)
    assert (generator.name, generator.target) == (name, target)
    assert generator.space in ("latent", "voxel")
    made = generator.sample(sources(target, shape=shape_of(generator)), text(), noise(generator))
    assert made.shape == (3, 2, *shape_of(generator))
    assert made.isfinite().all()


def test_a_batch_equals_its_rows_one_by_one(generator):
    batch, words, start = fed(generator)
    together = generator.sample(batch, words, start)
    for row in range(3):
        alone = generator.sample(*row_of(batch, words, row), start[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_draws_together_equal_draws_one_by_one(generator):
    batch, words, start = fed(generator)
    together = generator.sample(batch, words, start)
    for draw in range(2):
        alone = generator.sample(batch, words, start[:, draw : draw + 1])
        torch.testing.assert_close(alone[:, 0], together[:, draw], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("junk", [7.0, float("nan"), float("inf")])
def test_what_an_unavailable_slot_holds_changes_no_bit(generator, junk):
    batch, words, start = fed(generator)
    slots = batch.available[..., None, None, None, None]
    other = replace(batch, images=torch.where(slots, batch.images, junk))
    assert torch.equal(
        generator.sample(other, words, start), generator.sample(batch, words, start)
    )


def test_all_randomness_comes_in_as_noise(generator):
    batch, words, start = fed(generator)
    made = generator.sample(batch, words, start)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(generator.sample(batch, words, start), made)
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_differ_if_and_only_if_it_says_so(generator):
    made = generator.sample(*fed(generator))
    assert generator.stochastic == (not torch.allclose(made[:, 0], made[:, 1], atol=1e-3))


def test_every_parameter_is_trained_in_one_phase_with_finite_gradients(generator):
    trained = []
    for phase in generator.phases():
        for objective in phase.values():
            generator.zero_grad()
            losses = objective.losses(example(generator))
            assert set(objective.weights) <= set(losses)
            sum(weight * losses[name] for name, weight in objective.weights.items()).backward()
            gradients = {name: p.grad for name, p in objective.parameters.items()}
            assert not [n for n, g in gradients.items() if g is None or not g.any()]
            assert all(g.isfinite().all() for g in gradients.values())
            trained.extend(map(id, objective.parameters.values()))
    assert sorted(trained) == sorted(map(id, generator.parameters()))


def test_losses_are_a_function_of_weights_and_example(generator):
    for phase in generator.phases():
        for objective in phase.values():
            one, other = (objective.losses(example(generator, seed=3)) for _ in range(2))
            assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_start_from_the_seed(generator):
    again = make(generator.name)
    state = generator.state_dict()
    assert all(torch.equal(state[name], value) for name, value in again.state_dict().items())


@pytest.fixture
def saved(generator, tmp_path):
    """The generator with weights as they are stored, and its folder."""
    generator.load_state_dict({k: v.float() for k, v in half(generator.state_dict()).items()})
    record = {
        "name": generator.name,
        "target": generator.target.name,
        "arguments": ARGUMENTS[generator.name],
        "codecs": {m.name: identity for m, identity in CODECS.items()},
    }
    save_generator(tmp_path, generator, record)
    return generator, tmp_path


def test_saved_and_loaded_it_is_the_same(saved):
    generator, folder = saved
    found = load_generator(folder, CODECS, GENERATORS)
    assert type(found.generator) is type(generator)
    assert found.generator.target is generator.target
    assert not found.generator.training
    assert not any(p.requires_grad for p in found.generator.parameters())
    given = fed(generator)
    channels_last(generator)  # as it is loaded; laid out otherwise, sums are rounded otherwise
    assert torch.equal(found.generator.sample(*given), generator.sample(*given))


def test_another_codec_is_refused(saved):
    with pytest.raises(CheckpointError, match="trained with other codecs"):
        load_generator(saved[1], CODECS | {Modality.MRI: "another"}, GENERATORS)


def test_an_unknown_kind_is_refused(saved):
    generator, folder = saved
    known = {name: kind for name, kind in GENERATORS.items() if name != generator.name}
    with pytest.raises(CheckpointError, match=f"'{generator.name}'; known are {', '.join(known)}"):
        load_generator(folder, CODECS, known)


def test_damaged_weights_are_refused(saved):
    path = saved[1] / "generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_generator(saved[1], CODECS, GENERATORS)


def test_no_generator_is_one_sentence(tmp_path):
    with pytest.raises(MissingInputError, match="holds no generator"):
        load_generator(tmp_path, CODECS, GENERATORS)
