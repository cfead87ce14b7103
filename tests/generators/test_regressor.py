from dataclasses import replace

import torch
from miniatures import VOXEL, example, make, noise, sources, text, training

from acadiff.generators.base import Example
from acadiff.modality import Modality


def alone(batch, row, modality):
    """One person, shown with one source."""
    there = torch.tensor([[m is modality for m in Modality]])
    return replace(
        batch, subjects=(str(row),), images=batch.images[row : row + 1], available=there
    )


def shown():
    """Three people with each of MRI and AV45 alone, the first with both, too; and FDG scans."""
    generator = make("regressor", awake=False)
    batch = sources(shape=VOXEL)
    both = replace(alone(batch, 0, Modality.MRI), available=torch.tensor([[True, False, True]]))
    rows = [alone(batch, row, m) for row in range(3) for m in (Modality.MRI, Modality.AV45)]
    random = torch.Generator()
    told = [Example(b, torch.zeros(len(b.images), *VOXEL), text(), random) for b in (both, *rows)]
    truths = list(torch.randn(4, *VOXEL))
    generator.begin(training(generator, truths, told=told))
    return generator, batch, truths


def test_means_are_over_who_has_a_scan_and_count_everybody_once():
    generator, batch, truths = shown()
    torch.testing.assert_close(generator.means[Modality.FDG.index], torch.stack(truths).mean(0))
    for m in (Modality.MRI, Modality.AV45):
        torch.testing.assert_close(generator.means[m.index], batch.images[:, m.index].mean(0))


def test_it_starts_near_the_training_mean():
    generator, batch, truths = shown()
    made = generator.sample(batch, text(), noise(generator))
    assert (made - torch.stack(truths).mean(0)).abs().mean() < 0.1


def test_it_sees_how_far_sources_lie_from_their_means():
    """A shift of a source and of its mean is no news."""
    generator, batch, _ = shown()
    made = generator.sample(batch, text(), noise(generator))
    moved = replace(batch, images=batch.images.clone())
    moved.images[:, Modality.MRI.index] += 0.3
    assert not torch.allclose(generator.sample(moved, text(), noise(generator)), made)
    generator.means[Modality.MRI.index] += 0.3
    again = generator.sample(moved, text(), noise(generator))
    torch.testing.assert_close(again, made, atol=1e-5, rtol=1e-5)


def test_its_loss_is_the_squared_error():
    generator = make("regressor")
    seen = example(generator)
    ((objective),) = (o for phase in generator.phases() for o in phase.values())
    made = generator.sample(seen.batch, seen.text, noise(generator))[:, 0]
    expected = (made - seen.truth).square().mean()
    torch.testing.assert_close(objective.losses(seen)["error"].detach(), expected)
    assert objective.weights == {"error": 100.0}


def test_a_grid_that_does_not_halve_is_no_matter():
    generator = make("regressor", shape=(1, 5, 7, 3))
    batch = sources(shape=(1, 5, 7, 3))
    made = generator.sample(batch, text(), torch.zeros(3, 2, 1, 5, 7, 3))
    assert made.shape == (3, 2, 1, 5, 7, 3)
