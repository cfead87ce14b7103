import torch

from acadiff.nets.dropout import HandedDropout, dropping


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_without_generators_it_drops_nothing_in_whichever_mode():
    layer, x = HandedDropout(0.5), torch.randn(2, 3, 4, 4, 4)
    assert torch.equal(layer.train()(x), x)
    with dropping(layer, seeded(1, 2)):
        assert not torch.equal(layer.eval()(x), x)
    assert torch.equal(layer(x), x)


def test_a_mask_belongs_to_its_generator_not_to_its_place_in_the_batch():
    layer, x = HandedDropout(0.5), torch.ones(2, 3, 4, 4, 4)
    with dropping(layer, seeded(1, 2)):
        together = layer(x)
    with dropping(layer, seeded(2)):
        alone = layer(x[1:])
    assert torch.equal(together[1:], alone)
    assert not torch.equal(together[0], together[1])


def test_the_share_and_the_mean_are_kept():
    layer, x = HandedDropout(0.25), torch.ones(1, 10, 20, 20, 20)
    with dropping(layer, seeded(0)):
        made = layer(x)
    assert abs(float((made == 0).float().mean()) - 0.25) < 0.01
    assert abs(float(made.mean()) - 1) < 0.01
