import pytest
import torch

from acadiff.diffusion.noise import Noise, generator, generators_of

SHAPE = (8, 10, 12, 10)


def test_a_draw_is_a_function_of_seed_subject_and_draw():
    noise = Noise(3)
    seventh = noise.draw("sub-A", 7, SHAPE)
    noise.draw("sub-B", 0, SHAPE)
    torch.rand(5)
    assert torch.equal(noise.draw("sub-A", 7, SHAPE), seventh)
    assert torch.equal(Noise(3).draw("sub-A", 7, SHAPE), seventh)


@pytest.mark.parametrize(
    ("seed", "who", "draw"), [(4, "sub-A", 0), (3, "sub-B", 0), (3, "sub-A", 2)]
)
def test_and_different_for_any_other(seed, who, draw):
    first, other = Noise(3).draw("sub-A", 0, SHAPE), Noise(seed).draw(who, draw, SHAPE)
    assert abs(torch.corrcoef(torch.stack([first.flatten(), other.flatten()]))[0, 1]) < 0.05


def test_draws_come_in_antithetic_pairs():
    noise = Noise(0)
    for k in (0, 2, 8):
        assert torch.equal(noise.draw("s", k + 1, SHAPE), -noise.draw("s", k, SHAPE))


@pytest.mark.parametrize("parity", [0, 1])
def test_each_draw_alone_is_standard_normal(parity):
    values = torch.cat([Noise(0).draw("s", 2 * k + parity, SHAPE).flatten() for k in range(10)])
    n = len(values)
    assert abs(values.mean()) < 4 / n**0.5
    assert abs(values.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((values**4).mean() - 3) < 4 * (96 / n) ** 0.5


def test_a_generator_depends_on_all_of_its_keys_and_their_kinds():
    keys = [(0, "a", 1), (0, "a", 2), (0, "b", 1), (1, "a", 1), (0, "a1"), (0, "a", "1"), (0,)]
    firsts = [torch.rand(1, generator=generator(*k)).item() for k in keys]
    assert len(set(firsts)) == len(keys)
    assert torch.rand(1, generator=generator(0, "a", 1)).item() == firsts[0]


def test_the_numbers_are_the_same_on_every_machine_and_tomorrow():
    """Changing how keys become a seed would change every published draw."""
    assert generator(0, "sub-SIM0001", 3).initial_seed() == 15702953290517689155


def test_a_row_of_noise_decides_its_generator_whatever_its_neighbours():
    noise = torch.randn(3, 1, 2, 2, 2)
    together = [torch.rand(4, generator=g) for g in generators_of(noise)]
    alone = torch.rand(4, generator=generators_of(noise[1:2].clone())[0])
    assert torch.equal(together[1], alone)
    opposite = torch.rand(4, generator=generators_of(-noise[1:2])[0])
    assert not torch.equal(alone, opposite)
