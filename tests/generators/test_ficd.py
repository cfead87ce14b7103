import pytest
import torch
from miniatures import VOXEL, example, make, noise, sources, text

from acadiff.diffusion.objective import PREDICTIONS
from acadiff.generators.ficd import FICD

PROCESS = {"timesteps": 1000, "first": 1e-4, "last": 0.02, "sampler": "ddim", "steps": 3}


def said_by(generator, monkeypatch, answer):
    """Losses of an example for which the network answers as told of (x_t, t, seen)."""
    monkeypatch.setattr(FICD, "_answer", lambda _, *given: answer(*given))
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    return objective.losses(example(generator))


def test_the_network_sees_a_noisy_scan_both_sources_and_what_is_there():
    generator = make("ficd")
    assert generator.network.in_channels == 3 * 8 + 2
    assert make("ficd", fold=0).network.in_channels == 5


def test_the_constraint_stays_bounded_at_the_noisiest_time(monkeypatch):
    """Unclipped it would be the error of the noise times more than a hundred."""
    generator = make("ficd", diffusion={**PROCESS, "prediction": "epsilon"})
    last = torch.full((3,), generator.schedule.timesteps - 1)
    monkeypatch.setattr(torch, "randint", lambda *_, **__: last)
    losses = said_by(generator, monkeypatch, lambda x_t, *_: 1.5 * x_t + 1)
    truth = example(generator).truth
    assert losses["constraint"] <= 1 + truth.abs().max()


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_right_answer_costs_nothing(monkeypatch, prediction):
    generator = make("ficd", diffusion={**PROCESS, "prediction": prediction})
    monkeypatch.setattr(torch, "randint", lambda *_, **__: torch.tensor([0, 300, 600]) // 10)
    whole = example(generator)
    whole.truth.clamp_(-1, 1)

    def right(x_t, t, _):
        alpha, sigma = generator.schedule.alpha_sigma(t)
        noise = (x_t - alpha * whole.truth) / sigma
        return PREDICTIONS[prediction].target(whole.truth, noise, alpha, sigma)

    monkeypatch.setattr(FICD, "_answer", lambda _, *given: right(*given))
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    losses = objective.losses(whole)
    assert losses["noise"] < 1e-8
    assert losses["constraint"] < 1e-5


@pytest.mark.parametrize("where", ["brain", "background"])
def test_the_constraint_is_of_the_brain_alone(monkeypatch, where):
    generator = make("ficd")
    whole = example(generator)
    whole.truth.clamp_(-0.9, 1)
    whole.truth[..., 0] = -1
    there = whole.truth > -1 if where == "brain" else whole.truth == -1

    monkeypatch.setattr(FICD, "_answer", lambda *_: whole.truth + 0.1 * there)
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    constraint = objective.losses(whole)["constraint"]
    assert constraint > 0.05 if where == "brain" else constraint < 1e-4


def test_a_scan_it_makes_is_within_the_range_of_scans():
    generator = make("ficd")
    made = generator.sample(sources(shape=VOXEL), text(), 3 * noise(generator))
    assert made.abs().max() <= 1
    assert generator.sampler.times[0] == generator.schedule.timesteps - 1


def test_it_is_asked_in_whole_times_from_noise_to_clean(monkeypatch):
    generator, asked = make("ficd"), []
    answer = FICD._answer
    monkeypatch.setattr(
        FICD, "_answer", lambda self, x, t, s: (asked.append(t), answer(self, x, t, s))[1]
    )
    generator.sample(sources(shape=VOXEL), text(), noise(generator))
    assert [int(t[0]) for t in asked] == generator.sampler.times[:-1]
    assert all(t.dtype == torch.long for t in asked)
