import pytest
import torch
from lightning_fabric import Fabric
from miniatures import VOXEL, example, make, noise, sources, text

from acadiff.latent.batch import side_by_side
from acadiff.modality import Modality
from acadiff.nets.dropout import HandedDropout
from acadiff.training.loop import Run, Settings

SHORT = {"rate": 2e-3, "warmup": 0, "weight_decay": 0.0, "clip": 1e4, "ema": 0.0, "every": 100}


def trained(generator, folder, steps, seeds=1):
    """Its last phase, on the same few people again and again."""
    run = Run(
        generator,
        generator.phases()[-1],
        Settings(steps=steps, **SHORT),
        fabric=Fabric(accelerator="cpu", devices=1, precision="32-true"),
        folder=folder,
        belongs={},
    )
    return list(run.steps(lambda step: example(generator, step % seeds)))


def test_the_critic_sees_the_sources_beside_the_scan():
    generator = make("pix2pix", shift=0)
    given, judged = example(generator), []
    generator.critic.network.register_forward_pre_hook(lambda _, x: judged.append(x[0]))
    critic, translator = generator.phases()[0].values()
    critic.losses(given)
    translator.losses(given)
    seen = side_by_side(given.batch)[:, :2]
    for images in (*judged[0].chunk(2), judged[1]):
        assert images.shape[1] == 5
        assert torch.equal(generator.frame.cut(images[:, :2]), seen)
    acquired, made = judged[0].chunk(2)
    assert torch.equal(generator.frame.cut(acquired[:, 4:]), given.truth)
    assert not torch.equal(acquired[:, 4:], made[:, 4:])


@pytest.mark.parametrize("name", ["pix2pix", "dsgan", "dsgan_pan2019"])
def test_each_of_the_two_is_taught_alone(name):
    generator = make(name).train()
    phase = generator.phases()[-1]
    for own, objective in phase.items():
        generator.zero_grad()
        before = {k: v.clone() for k, v in generator.state_dict().items()}
        losses = objective.losses(example(generator))
        sum(w * losses[k] for k, w in objective.weights.items()).backward()
        reached = {n.split(".")[0] for n, p in generator.named_parameters() if p.grad is not None}
        assert reached == {own}
        changed = {k for k, v in generator.state_dict().items() if not torch.equal(before[k], v)}
        assert not changed or own == "critic"
        assert all(key.startswith("critic.") for key in changed), "estimates of spectral norms"


def test_a_draw_is_decided_by_its_noise_and_by_nothing_else():
    generator, start = make("pix2pix"), noise(make("pix2pix"))
    batch = sources(shape=VOXEL)
    start[:, 1] = start[:, 0]
    same = generator.sample(batch, text(), start)
    torch.testing.assert_close(same[:, 0], same[:, 1])
    start[:, 1] = -start[:, 0]
    other = generator.sample(batch, text(), start)
    assert not torch.allclose(other[:, 0], other[:, 1], atol=1e-3)
    assert torch.equal(generator.sample(batch, text(seed=4), start), other), "it is told nothing"


def test_dropout_stays_on_at_test_time_though_it_is_in_evaluation_mode():
    generator = make("pix2pix").eval()
    for module in generator.modules():
        if isinstance(module, HandedDropout):
            module.rate = 0.0
    made = generator.sample(sources(shape=VOXEL), text(), noise(generator))
    torch.testing.assert_close(made[:, 0], made[:, 1])


@pytest.mark.parametrize("name", ["pix2pix", "dsgan", "dsgan_pan2019"])
@pytest.mark.parametrize("shape", [(1, 5, 9, 6), (1, 10, 12, 10)])
def test_a_grid_that_does_not_divide_is_answered_as_it_is(name, shape):
    generator = make(name, shape=shape)
    start = torch.randn(3, 1, *shape)
    assert generator.sample(sources(shape=shape), text(), start).shape == start.shape


@pytest.mark.parametrize("name", ["pix2pix", "dsgan"])
def test_an_absent_source_is_another_thing_than_an_empty_one(name):
    generator, batch = make(name), sources(shape=VOXEL)
    batch.images[:, Modality.AV45.index] = -1
    less = batch.hide(torch.tensor([[0, 0, 1], [0, 0, 0], [0, 0, 0]]).bool())
    start = noise(generator)
    one, other = (generator.sample(b, text(), start) for b in (batch, less))
    assert not torch.allclose(one[0], other[0], atol=1e-3)
    assert torch.allclose(one[1:], other[1:], atol=1e-5)


@pytest.mark.parametrize("name", ["pix2pix", "dsgan"])
def test_a_few_people_can_be_learnt(name, tmp_path):
    generator = make(name, target=Modality.AV45, awake=False, shift=0).train()
    steps = trained(generator, tmp_path, 150)
    assert steps[-1].losses["l1"] < 0.8 * steps[0].losses["l1"]
