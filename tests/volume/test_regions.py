"""Regions lie where anatomy has them."""

import numpy as np
import pytest

from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.regions import NAMES, PLACES, parcellation, reference
from acadiff.volume.template import positions


def test_regions_share_out_every_point():
    np.testing.assert_allclose(parcellation().sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_strongest_near_its_points(name):
    share = parcellation()[NAMES.index(name)]
    axes = positions(COARSE_MM)
    for point in PLACES[name].points:
        nearest = tuple(
            int(np.abs(a.ravel() - p).argmin()) for a, p in zip(axes, point, strict=True)
        )
        assert share[nearest] > 0.5


@pytest.mark.parametrize(("name", "height"), [("pons", -32), ("whole cerebellum", -35)])
def test_reference_regions_are_where_anatomy_has_them(name, height):
    mask = reference(name, 2)
    assert mask.sum() > 200
    z = np.broadcast_to(positions(2)[2], mask.shape)[mask]
    assert z.mean() == pytest.approx(height, abs=12)
