import torch
from miniatures import VOXEL, make, noise, sources, text, training


def test_it_answers_with_the_mean_of_the_training_scans_whoever_is_asked_about():
    generator = make("mean")
    scans = [torch.randn(VOXEL) for _ in range(5)]
    generator.begin(training(generator, scans))
    expected = torch.stack(scans).mean(dim=0)
    torch.testing.assert_close(generator.image, expected)
    made = generator.sample(sources(), text(), noise(generator))
    assert (made == generator.image).all()
    assert torch.equal(generator.sample(sources(seed=1), text(seed=1), noise(generator)), made)


def test_many_scans_are_summed_in_double_precision():
    generator = make("mean")
    generator.begin(training(generator, (torch.full(VOXEL, 0.1) for _ in range(2000))))
    assert torch.equal(generator.image, torch.full(VOXEL, 0.1))


def test_it_is_not_trained():
    generator = make("mean")
    assert not generator.phases()
    assert not list(generator.parameters())
