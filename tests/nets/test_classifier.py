import pytest
import torch

from acadiff.nets.classifier import Classifier
from acadiff.recipe import PHANTOM_4MM
from acadiff.volume.grid import Grid

OWN = PHANTOM_4MM.diagnosis.densenet.model_dump(
    include={"features", "growth", "blocks", "dropout"}
)


def test_it_is_densenet_121_and_fits_the_grid_of_4_mm():
    network = Classifier(modalities=3, classes=2, **OWN).eval()
    count = sum(p.numel() for p in network.parameters())
    assert count == pytest.approx(11.3e6, rel=0.01)  # with three channels that come in
    with torch.no_grad():
        told = network(torch.randn(2, 3, *Grid(4).shape))
    assert told.shape == (2, 2)


def test_every_parameter_learns():
    network = Classifier(modalities=3, classes=3, **{**OWN, "blocks": (2, 2), "features": 8})
    network(torch.randn(4, 3, *Grid(8).shape)).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in network.parameters())
