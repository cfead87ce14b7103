from dataclasses import replace

import torch
from miniatures import LATENT, make, noise, sources, text, training

from acadiff.generators.base import Example
from acadiff.generators.bridge import Bridge
from acadiff.latent.batch import Batch
from acadiff.modality import Modality

BOTH = torch.tensor([[True, False, True]])


def linear(people=24, pattern=BOTH):
    """Examples whose target is a mean, plus a linear map of the sources, plus noise of SD 0.5."""
    random = torch.Generator().manual_seed(1)
    images = torch.randn(people, 3, *LATENT, generator=random)
    images[:, 0] += torch.randn(LATENT, generator=random)
    mean, mixing = torch.randn(LATENT, generator=random), torch.randn(3, 3, generator=random)
    carried = torch.einsum("cd,bcijk->bdijk", mixing, images[:, 0] - images[:, 0].mean(0))
    rest = 0.5 * torch.randn(carried.shape, generator=random)
    names = tuple(map(str, range(people)))
    batch = Batch(names, images, pattern.expand(people, 3), Modality.FDG)
    return Example(batch, mean + carried + rest, text(), random), mixing


def begun(told, steps=3):
    process = {"noise": 1.0, "sampler": "bridge", "steps": steps}
    generator = make("bridge", awake=False, diffusion=process)
    generator.begin(training(generator, told=told))
    return generator


def test_the_estimate_is_the_linear_map_and_the_spread_what_it_leaves_open():
    told, mixing = linear()
    generator = begun([told])
    torch.testing.assert_close(generator.maps[2][:3], mixing, atol=0.1, rtol=0)
    torch.testing.assert_close(generator.maps[2][3:], torch.zeros(3, 3), atol=0.1, rtol=0)
    assert not generator.maps[:2].any(), "nobody had one source alone"
    error = told.truth - generator._known(told.batch).estimate
    torch.testing.assert_close(error.square().mean(0).sqrt(), generator.spread)
    assert 0.4 < generator.spread.mean() < 0.55


def test_each_pattern_of_sources_has_a_map_of_its_own():
    alone, mixing = linear(pattern=torch.tensor([[True, False, False]]))
    both, _ = linear()
    generator = begun([both, alone])
    torch.testing.assert_close(generator.maps[0][:3], mixing, atol=0.1, rtol=0)
    assert not generator.maps[0][3:].any()
    assert generator.maps[2][3:].any()


def test_a_network_that_adds_nothing_leaves_the_prior_around_the_estimate():
    """Estimate ± spread, which fresh weights (their last layer is zero) draw from."""
    told, _ = linear()
    generator = begun([told], steps=12)
    one = replace(told.batch, subjects=("A",), images=told.batch.images[:1], available=BOTH)
    draws = torch.randn(1, 400, *LATENT, generator=torch.Generator().manual_seed(2))
    made = generator.sample(one, text(), draws)[0]
    estimate = generator._known(one).estimate[0]
    share = (made - estimate).std(dim=0) / generator.spread
    assert 0.9 < share.mean() < 1.02
    assert ((made.mean(dim=0) - estimate) / generator.spread).abs().mean() < 0.06


def test_what_the_network_is_asked_for_is_of_size_one_at_every_time(monkeypatch):
    told, _ = linear()
    generator = begun([told])
    monkeypatch.setattr(Bridge, "_answer", lambda _, z_s, *__: torch.zeros_like(z_s))
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    for time in (1e-3, 0.1, 0.5, 1.0):
        monkeypatch.setattr(torch, "rand", lambda n, t=time, **_: torch.full((n,), t))
        told.random.manual_seed(0)
        assert 0.8 < objective.losses(told)["clean"] < 1.2


def test_the_antithetic_draw_mirrors_every_step(monkeypatch):
    generator = make("bridge")
    monkeypatch.setattr(Bridge, "_answer", lambda _, z_s, *__: torch.zeros_like(z_s))
    start = noise(generator, draws=1)
    made = generator.sample(sources(), text(), torch.cat([start, -start], dim=1))
    estimate = generator._known(sources()).estimate
    torch.testing.assert_close(made.mean(dim=1), estimate, atol=1e-5, rtol=1e-5)
