import pytest
import torch

from acadiff.diffusion.noise import Noise, generator
from acadiff.latent.batch import source_patterns, stack_batch
from acadiff.latent.shared_error import Erred, SharedError, lacking
from acadiff.latent.start import Start
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
SHAPE = (2, 8, 8, 8)
COMPONENTS = 4
PATTERNS = source_patterns(AV45)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=generator("shared", seed))


@pytest.fixture(scope="module")
def start():
    """One whose components are smooth and known."""
    made = Start(AV45, shape=SHAPE, width=1, components=COMPONENTS, pool=2)
    axes = torch.linalg.qr(random(made.target.axes.shape[1], COMPONENTS))[0].T
    made.target.axes.copy_(axes)
    return made


def batch(count, pattern, who="P"):
    keys = [f"{who}{n}" for n in range(count)]
    images = [dict.fromkeys(pattern, torch.zeros(SHAPE))] * count
    return stack_batch(keys, images, AV45, [pattern] * count)


def fitted(start, errors, draws, pattern=PATTERNS[0]):
    """Fitted to errors and draws told as coordinates."""
    shared = SharedError(len(PATTERNS), components=COMPONENTS, size=2 * 8**3)
    erred = Erred(
        batch(len(errors), pattern),
        start.change(errors),
        start.change(draws.flatten(0, 1)).reshape(*draws.shape[:2], *SHAPE),
    )
    shared.fit(start, [erred])
    return shared


def pairs(count, sd, seed=3):
    one = random(count, 1, COMPONENTS, seed=seed) * sd
    return torch.cat([one, -one], dim=1)


def coordinates(start, shared, pattern=PATTERNS[0], draws=600):
    noise = Noise(1).draws(["A"], range(0, 2 * draws, 2), SHAPE)
    added = shared(start, batch(1, pattern), noise)[0]
    return start.coordinates(added)


def test_draws_are_given_the_covariance_that_errors_have_and_draws_lack(start):
    turn = torch.tensor([[1.0, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0.3]])
    errors = random(400, COMPONENTS) @ turn
    shared = fitted(start, errors, pairs(400, 0.1))
    seen = start.coordinates(start.change(errors))
    found = coordinates(start, shared).T.cov()
    wanted = seen.T.cov() - 0.01 * start.coordinates(start.change(torch.eye(COMPONENTS))).T.cov()
    assert (found - wanted).norm() < 0.25 * wanted.norm()
    assert found[0, 1] > 0.5 * wanted[0, 1] > 0


def test_draws_that_vary_enough_are_left_alone(start):
    shared = fitted(start, 0.2 * random(300, COMPONENTS), pairs(300, 1.0))
    assert coordinates(start, shared).abs().max() < 1e-5


def test_only_directions_that_lack_something_are_changed(start):
    errors = random(500, COMPONENTS) * torch.tensor([1.0, 0.1, 0.1, 0.1])
    shared = fitted(start, errors, pairs(500, 0.3))
    found = coordinates(start, shared).std(dim=0)
    assert found[0] > 0.8 * start.coordinates(start.change(torch.eye(COMPONENTS)))[0, 0]
    assert found[1:].max() < 0.2 * found[0]


def test_antithetic_pairs_leave_the_mean_where_it_was(start):
    shared = fitted(start, random(50, COMPONENTS), pairs(50, 0.1))
    noise = Noise(0).draws(["A", "B"], range(4), SHAPE)
    added = shared(start, batch(2, PATTERNS[0]), noise)
    assert added.norm() > 1
    torch.testing.assert_close(added.mean(dim=1), torch.zeros(2, *SHAPE))


def test_each_pattern_has_its_own(start):
    shared = fitted(start, random(50, COMPONENTS), pairs(50, 0.1), PATTERNS[1])
    noise = Noise(0).draws(["A"], range(2), SHAPE)
    assert shared(start, batch(1, PATTERNS[1]), noise).norm() > 1
    assert shared(start, batch(1, PATTERNS[0]), noise).norm() == 0


def test_one_person_alone_tells_no_covariance(start):
    shared = fitted(start, random(1, COMPONENTS), torch.zeros(1, 4, COMPONENTS))
    assert shared.factors.abs().max() == 0


def test_the_numbers_are_standard_normal_and_know_nothing_smooth_of_the_noise():
    shared = SharedError(1, components=COMPONENTS, size=2 * 8**3)
    noise = Noise(2).draws(["A"], range(0, 4000, 2), SHAPE)
    numbers = shared._normal(noise)[0]
    torch.testing.assert_close(numbers.T.cov(), torch.eye(COMPONENTS), atol=0.1, rtol=0)
    level = noise[0].flatten(1).sum(dim=1) / (2 * 8**3) ** 0.5
    assert torch.corrcoef(torch.stack([*numbers.T, level]))[-1, :-1].abs().max() < 0.15


def test_what_draws_say_of_a_person_is_no_spread():
    """Draws whose mean is off share that with the error; what is left is what spreads."""
    middle = 2 * random(300, 1, COMPONENTS, seed=8)
    errors = (middle[:, 0] + 0.5 * random(300, COMPONENTS, seed=9)).double()
    root = lacking(errors, (middle + pairs(300, 0.01)).double())
    torch.testing.assert_close((root.T @ root).diagonal().sqrt(), torch.full((4,), 0.5).double(),
                               rtol=0.15, atol=0)  # fmt: skip
